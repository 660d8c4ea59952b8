# SPDX-License-Identifier: MIT
# A stand-in for nixpkgs' nixos: `nix-build '<nixpkgs/nixos>' -A vm` makes the virtual machine of
# <nixos-config>, whose system is the demonstration system.
let
  given = name: /. + builtins.getEnv name;
in
{
  vm = import ../../demo.nix {
    config = given "DEMO_CONFIG";
    build = given "RUN_VM_BUILD";
    shell = builtins.getEnv "DEMO_SHELL";
    module = null; # the configuration imports it
    configuration = <nixos-config>;
  };
}
