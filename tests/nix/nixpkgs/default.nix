# SPDX-License-Identifier: MIT
# A stand-in for nixpkgs: what run-vm's package uses of it, with Debian's compilers, libraries and
# programs from /usr. The test gives the static libraries of the guest as a store path, unless it wants
# them to be built: then their sources.
{ system ? builtins.currentSystem, ... }:
let
  # A directory with each source under its name, or nothing.
  given = builtins.getEnv "RUN_VM_TEST_SOURCES";
  guestLibs = builtins.getEnv "RUN_VM_TEST_GUEST_LIBS";
  source = name:
    if given == "" then builtins.toFile name "" else builtins.path { inherit name; path = given + "/${name}"; };
  from = name: usr // { src = source name; };

  usr = { outPath = "/usr"; };

  lib = {
    inherit (builtins) concatStringsSep;
    concatStrings = builtins.concatStringsSep "";
    mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
    genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
    getDev = package: package.dev or package;
    getLib = package: package.lib or package;
    makeBinPath = packages: builtins.concatStringsSep ":" (map (package: "${package}/bin") packages);
    licenses.mit.spdxId = "MIT";
    platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
  };

  # The shell ends the builder: a program that closes its output before it exits is killed by Nix.
  runCommand = name: attributes: script: derivation ({
    inherit name system;
    builder = "/bin/bash";
    args = [ "-euc" "export PATH=/usr/bin:/bin SHELL=/bin/bash\n${script}\n:" ];
  } // attributes);

  # The phases of nixpkgs' stdenv that packages without a configure script have.
  mkDerivation = { pname, version, src ? "", buildPhase ? "", installPhase ? "", ... }@attributes:
    runCommand "${pname}-${version}" (removeAttrs attributes [ "meta" "passthru" "buildPhase" "installPhase" ]) ''
      unpackFile() {
        if [ -d "$1" ]; then cp -r "$1" .; else tar -xf "$1"; fi
      }
      if [ -n "''${src:-}" ]; then
        cp -r "$src" source
        chmod -R u+w source
        cd source
      fi
      ${if buildPhase != "" then buildPhase else "make SHELL=$SHELL $makeFlags $buildFlags"}
      ${if installPhase != "" then installPhase else "make SHELL=$SHELL $makeFlags install"}
    '' // attributes.passthru or { };

  self = {
    inherit lib runCommand;
    callPackage = file: arguments:
      let f = import file; in
      f (builtins.intersectAttrs (builtins.functionArgs f) self // arguments);
    testers.runNixOSTest = test: runCommand test.name { inherit (test) testScript; } "touch $out";

    stdenv = {
      inherit mkDerivation;
      cc = { cc = usr; targetPrefix = ""; };
      hostPlatform = { inherit system; };
    };
    linuxHeaders = runCommand "linux-headers" { } ''
      mkdir -p $out/include
      for name in linux asm asm-generic mtd rdma misc; do
        for directory in /usr/include /usr/include/$(gcc -print-multiarch); do
          [ ! -e $directory/$name ] || ln -sfn $directory/$name $out/include/$name
        done
      done
    '';
    libarchive = runCommand "libarchive" { } ''
      mkdir -p $out/lib
      ln -s "$(/sbin/ldconfig -p | sed -n 's/.*libarchive\.so\.13.*=> //p' | head -n 1)" $out/lib/libarchive.so.13
    '';
  }
  // lib.genAttrs [
    "pkg-config" "scdoc" "jansson" "musl" "tcl" "unzip" "dosfstools" "erofs-utils"
    "gptfdisk" "mtools" "netcat" "nix" "openssh" "qemu_kvm" "swtpm" "virtiofsd"
  ] (_: usr)
  // lib.genAttrs [ "e2fsprogs" "kmod" "sqlite" "util-linux" "xz" "zlib" "zstd" ] from
  // (if guestLibs == "" then { } else { guestLibs = builtins.storePath guestLibs; });
in
self
