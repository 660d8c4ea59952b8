# SPDX-License-Identifier: MIT
# A system with run-vm's module, evaluated with the stand-ins for nixpkgs: system.build.vm.
{
  configuration, # a module
  release ? "26.11", # of nixpkgs
  module ? ../../nix/module.nix, # null: the configuration imports it
  variant ? false, # the system's own, or that of virtualisation.vmVariant
  toplevel ? "/system",
  modulesPath ? toString ./., # of nixpkgs
  pkgs ? import ./pkgs.nix { shell = "/bin/sh"; path = "/bin"; },
  nixpkgsLib ? import ./lib.nix,
}:
let
  lib = nixpkgsLib // { trivial = nixpkgsLib.trivial // { inherit release; }; };
  inherit (lib) mkOption types;

  qemuVm = modulesPath + "/virtualisation/qemu-vm.nix";

  # A list of names, or in recent nixpkgs a set of names and booleans, of which a value is the list.
  names = mkOption {
    type = types.coercedTo (types.listOf types.str) (list: lib.genAttrs list (_: true)) (
      types.attrsOf types.bool
    );
    default = { };
    apply = set: builtins.attrNames (lib.filterAttrs (_: enabled: enabled) set);
  };

  # The options of NixOS that the modules read, and build-vm.nix's virtualisation.vmVariant.
  base = { config, extendModules, ... }: {
    options = {
      system.name = mkOption { type = types.str; default = config.networking.hostName; };
      system.build = mkOption { type = types.attrsOf types.anything; default = { }; };
      networking.hostName = mkOption { type = types.str; default = "nixos"; };
      nix.enable = mkOption { type = types.bool; default = true; };
      fileSystems = mkOption { type = types.attrsOf types.anything; default = { }; };
      boot = {
        initrd.kernelModules = names;
        initrd.availableKernelModules = names;
        tmp.useTmpfs = mkOption { type = types.bool; default = false; };
        tmp.tmpfsSize = mkOption { type = types.str; default = "50%"; };
      };
      virtualisation.vmVariant = mkOption {
        default = { };
        inherit (extendModules { modules = [ qemuVm ]; }) type;
      };
    };
    config.system.build = {
      inherit toplevel;
      vm = lib.mkDefault config.virtualisation.vmVariant.system.build.vm;
    };
  };
  system = lib.evalModules {
    modules = [ base configuration ]
      ++ (if module == null then [ ] else [ module ])
      ++ (if variant then [ ] else [ qemuVm ]);
    specialArgs = { inherit lib modulesPath pkgs; };
  };
in
system.config.system.build.vm
