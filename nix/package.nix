# SPDX-License-Identifier: MIT
# run-vm with its init. Called by callPackage of nixpkgs; nothing is fetched but what nixpkgs pins.
{
  lib,
  stdenv,
  pkg-config,
  scdoc,
  jansson,
  libarchive,
  # the guest's half: the compiler, and sources of its static libraries
  musl,
  linuxHeaders,
  tcl,
  unzip,
  e2fsprogs,
  kmod,
  sqlite,
  util-linux,
  xz,
  zlib,
  zstd,
  # programs that run-vm runs if the user's PATH lacks them
  dosfstools,
  erofs-utils,
  gptfdisk,
  mtools,
  netcat,
  nix,
  openssh,
  qemu_kvm,
  swtpm,
  virtiofsd,
  programs ? [
    dosfstools
    e2fsprogs
    erofs-utils
    gptfdisk
    kmod
    mtools
    netcat
    nix
    openssh
    qemu_kvm
    swtpm
    virtiofsd
  ],
  # static libraries and their headers, instead of those made below
  guestLibs ? null,
}:
let
  top = toString ../. + "/";
  # Only what the build reads: a change of a test or of this file is no other package.
  src = builtins.path {
    name = "run-vm-source";
    path = ../.;
    filter = path: _:
      let name = builtins.substring (builtins.stringLength top) (-1) (toString path); in
      builtins.match "(Makefile|(base|common|completions|host|init|man|scripts|tools)(/.*)?)" name != null;
  };
  version = builtins.head (
    builtins.match ".*\nVERSION := ([^\n]*)\n.*" (builtins.readFile ../Makefile)
  );

  # The gcc that musl-gcc calls is not nixpkgs' wrapper, which adds the directories of glibc.
  MUSL_CC = "${lib.getDev musl}/bin/musl-gcc";
  REALGCC = "${stdenv.cc.cc}/bin/gcc";

  # By the names that scripts/guest-libs.mk gives them, which are Debian's.
  sources = {
    e2fsprogs = e2fsprogs.src;
    kmod = kmod.src;
    libzstd = zstd.src;
    sqlite3 = sqlite.src;
    util-linux = util-linux.src;
    xz-utils = xz.src;
    zlib = zlib.src;
  };

  ownGuestLibs = stdenv.mkDerivation {
    pname = "run-vm-guest-libs";
    inherit version REALGCC;
    nativeBuildInputs = [ pkg-config tcl unzip ];
    dontUnpack = true;
    dontConfigure = true;
    enableParallelBuilding = true;
    buildPhase = ''
      mkdir source kernel-headers result
      ${lib.concatStrings (lib.mapAttrsToList (name: source: ''
        mkdir unpack
        (cd unpack && unpackFile ${source})
        chmod -R u+w unpack
        mv unpack/* source/${name}
        rmdir unpack
      '') sources)}
      # SQLite's source may be the amalgamation, which is made already.
      if [ -e source/sqlite3/sqlite3.c ]; then
        printf '#!/bin/sh\n' >source/sqlite3/configure
        printf 'sqlite3.c:\n' >source/sqlite3/Makefile
      fi
      for name in linux asm asm-generic mtd rdma misc; do
        if [ -e ${linuxHeaders}/include/$name ]; then
          ln -s ${linuxHeaders}/include/$name kernel-headers/
        fi
      done
      make -s -f ${src}/scripts/guest-libs.mk all SHELL=$SHELL CC=${MUSL_CC} -j''${NIX_BUILD_CORES:-1}
      cp -rL kernel-headers/. result/include/
    '';
    installPhase = ''
      mkdir $out
      cp -r result/lib result/include $out/
    '';
  };
in
stdenv.mkDerivation {
  pname = "run-vm";
  inherit version src REALGCC;

  nativeBuildInputs = [ pkg-config scdoc ];
  buildInputs = [ jansson libarchive ];

  dontConfigure = true;
  enableParallelBuilding = true;
  makeFlags = [
    "PREFIX=${placeholder "out"}"
    "INSTALL_PACKAGES=no"
    "CC=${stdenv.cc.targetPrefix}cc"
    "AR=${stdenv.cc.targetPrefix}ar"
    "STRIP=${stdenv.cc.targetPrefix}strip"
    "READELF=${stdenv.cc.targetPrefix}readelf"
    "MUSL_CC=${MUSL_CC}"
    "WERROR="
    "GUEST_LIBS=${if guestLibs == null then ownGuestLibs else guestLibs}"
    "RUN_VM_PATH=${lib.makeBinPath programs}"
    "LIBARCHIVE=${lib.getLib libarchive}/lib/libarchive.so.13"
  ];
  buildFlags = [ "build/run-vm" "build/init" "man" "completions" ];

  passthru.guestLibs = ownGuestLibs;

  meta = {
    description = "Boots a NixOS system, or any Linux tree, in a QEMU virtual machine";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
    mainProgram = "run-vm";
  };
}
