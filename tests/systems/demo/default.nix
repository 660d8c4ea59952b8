# SPDX-License-Identifier: MIT
# The demonstration system: the smallest real system that has what run-vm needs of a NixOS system.
# Plain derivations, no nixpkgs, no network; scripts/build-demo collects `inputs` from the machine.
#
# References, a path before those that refer to it:
#
#   glibc -> libraries -> nix -> etc, sw
#   busybox -> etc, sw
#   etc, sw, kernel, kernel-modules, toplevel itself -> toplevel
{
  inputs, # path: directories busybox, glibc, libraries, nix, build-tools, kernel, kernel-modules
  platform, # string: the system's own; build-tools are for the builder's
  stateDirectory, # string: the directory of the disk image
  store, # string: the chroot store that all this is built in
}:
let
  system = builtins.currentSystem;

  # Adds a directory of the host to the store.
  input = name: builtins.path { path = inputs + "/${name}"; inherit name; };

  # busybox, patchelf and jq, for building only. The latter two run by the loader with a library path,
  # because patchelf cannot patch itself before it runs.
  tools = input "build-tools";
  tool = name: "${tools}/lib/loader --library-path ${tools}/lib ${tools}/bin/${name}";
  bootstrap = "${tools}/bin/busybox";

  # A derivation made by a script that uses only busybox's commands.
  runCommandWith = attributes: name: script: derivation ({
    inherit name system;
    builder = bootstrap;
    args = [ "sh" "-euc" "export PATH=${commands}/bin\n${script}" ];
  } // attributes);
  runCommand = runCommandWith { };

  # Copies a busybox and makes a link for every applet, without that PATH.
  withApplets = name: program: derivation {
    inherit name system;
    builder = bootstrap;
    args = [ "sh" "-euc" ''
      ${bootstrap} mkdir -p $out/bin
      ${bootstrap} cp ${program} $out/bin/busybox
      for applet in $(${bootstrap} --list); do
        [ $applet = busybox ] || ${bootstrap} ln -s busybox $out/bin/$applet
      done
    '' ];
  };
  commands = withApplets "build-commands" bootstrap;
  busybox = withApplets "demo-busybox" "${input "busybox"}/bin/busybox";

  glibc = input "glibc";

  # The libraries of Debian's Nix. Each finds the ones it needs here and in glibc.
  libraries = runCommand "demo-libraries" ''
    mkdir -p $out
    cp -r ${input "libraries"}/lib $out/lib
    chmod -R u+w $out
    for library in $out/lib/*; do
      # A library without dependencies needs no run path.
      if [ -n "$(${tool "patchelf"} --print-needed $library)" ]; then
        ${tool "patchelf"} --set-rpath $out/lib:${glibc}/lib $library
      fi
    done
  '';

  # Debian's Nix, patched to run from the store.
  nix = runCommand "demo-nix" ''
    mkdir -p $out
    cp -r ${input "nix"}/. $out
    chmod -R u+w $out
    for file in $out/bin/nix $out/lib/*; do
      [ -e $file ] || continue # a newer Nix has no libraries of its own
      ${tool "patchelf"} --set-rpath $out/lib:${libraries}/lib:${glibc}/lib $file
    done
    ${tool "patchelf"} --set-interpreter ${glibc}/lib/loader $out/bin/nix
    for name in nix-build nix-instantiate nix-store; do
      ln -s nix $out/bin/$name
    done
    mkdir -p $out/libexec/nix
    ln -s ../../bin/nix $out/libexec/nix/build-remote
  '';

  # The system's commands in one directory, like /run/current-system/sw.
  sw = runCommand "demo-sw" ''
    mkdir -p $out/bin
    ln -s ${busybox}/bin/* ${nix}/bin/* $out/bin
  '';

  etc = runCommand "demo-etc" ''
    mkdir -p $out
    echo 'root:x:0:0:root:/root:${busybox}/bin/sh' > $out/passwd
    echo 'root:x:0:' > $out/group
    mkdir $out/nix
    sed 's,@nix@,${nix},' ${./nix.conf} > $out/nix/nix.conf
  '';

  # The links are absolute, as NixOS's are: they must be followed inside the guest's root.
  toplevel = runCommand "demo-system" ''
    mkdir $out
    {
      echo '#!${busybox}/bin/sh'
      sed "s,@busybox@,${busybox},g; s,@etc@,${etc},g; s,@system@,$out,g" ${./stage-2.sh}
    } > $out/init
    chmod +x $out/init
    ln -s ${input "kernel"}/vmlinuz $out/kernel
    ln -s ${input "kernel-modules"} $out/kernel-modules
    ln -s ${sw} $out/sw
    # A failed boot must end instead of waiting at the prompt.
    printf 'loglevel=4 net.ifnames=0 vm.onfail=poweroff' > $out/kernel-params
    printf ${platform} > $out/system
  '';

  # Registration and list of the toplevel's closure, in the format of nixpkgs' closureInfo.
  closure-info = derivation {
    name = "demo-closure-info";
    inherit system;
    __structuredAttrs = true;
    exportReferencesGraph.closure = [ toplevel ];
    builder = bootstrap;
    args = [ "sh" "-euc" ''
      export PATH=${commands}/bin
      jq() { ${tool "jq"} -r "$1" .attrs.json; }
      out=$(jq .outputs.out)
      mkdir $out
      # One a line: path, hash, size, no deriver, number of references, references.
      jq '.closure[] | .path, .narHash, .narSize, "", (.references | length), .references[]' \
        > $out/registration
      jq '.closure[].path' > $out/store-paths
    '' ];
  };
in
# The configuration for run-vm; building it builds everything else.
runCommandWith {
  config = builtins.toJSON {
    system = {
      name = "demo";
      build = {
        inherit toplevel;
        regInfo = closure-info;
      };
    };
    runVm = { inherit store; };
    nixpkgs.hostPlatform = platform;
    virtualisation = {
      diskImage = "${stateDirectory}/demo.qcow2";
      graphics = false;
    };
  };
  passAsFile = [ "config" ];
} "demo-config.json" ''
  cp $configPath $out
''
