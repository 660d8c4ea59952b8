# SPDX-License-Identifier: MIT
# The demonstration system, as a NixOS user would have it started by run-vm's module: the result is
# built in a copy of the store of scripts/build-demo, and its programs are those of this machine.
{
  config, # a path: the demonstration system's configuration
  build, # a path: a directory with run-vm and init
  shell, # the demonstration system's
  module ? ../../nix/module.nix,
  configuration ? {
    networking.hostName = "demo";
    virtualisation.vmVariant.virtualisation = {
      graphics = false;
      sharedDirectories.work = { source = "$HOME/work"; target = "/work"; writable = true; };
    };
  },
}:
let
  inherit (builtins.fromJSON (builtins.readFile config)) system;
  storePath = path: builtins.storePath (builtins.head (builtins.match "(/nix/store/[^/]*).*" path));
  busybox = storePath shell;
  arch = builtins.head (builtins.match "(.*)-linux" builtins.currentSystem);
in
import ./. {
  inherit module;
  variant = true;
  toplevel = storePath system.build.toplevel;
  pkgs = import ./pkgs.nix {
    shell = "${busybox}/bin/sh";
    path = "${busybox}/bin";
    closure = storePath system.build.regInfo;
  };
  configuration = { pkgs, ... }: {
    imports = [ configuration ];
    virtualisation.vmVariant.virtualisation = {
      memorySize = 300;
      qemu.package = pkgs.runCommand "qemu" { } ''
        mkdir -p $out/bin
        ln -s /usr/bin/qemu-img /usr/bin/qemu-system-${arch} $out/bin
      '';
      runVm.package = pkgs.runCommand "run-vm" { } ''
        mkdir -p $out/bin $out/libexec/run-vm
        cp ${build + "/run-vm"} $out/bin/run-vm
        cp ${build + "/init"} $out/libexec/run-vm/init
      '';
    };
  };
}
