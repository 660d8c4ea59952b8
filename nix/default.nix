# SPDX-License-Identifier: MIT
# nix-build nix/: the package run-vm.
{
  pkgs ? import <nixpkgs> { },
}:
pkgs.callPackage ./package.nix { }
