# SPDX-License-Identifier: MIT
{
  description = "Boots a NixOS system, or any Linux tree, in a QEMU virtual machine";

  inputs.nixpkgs.url = "nixpkgs";

  outputs = { self, nixpkgs }:
    let
      each = f: nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: f nixpkgs.legacyPackages.${system} self.packages.${system}.default
      );
    in
    {
      packages = each (pkgs: _: { default = pkgs.callPackage ./nix/package.nix { }; });

      # system.build.vm by run-vm
      nixosModules.default = ./nix/module.nix;

      checks = each (pkgs: run-vm: {
        version = pkgs.runCommand "run-vm-version" { } "${run-vm}/bin/run-vm --version >$out";
        boot = pkgs.testers.runNixOSTest {
          name = "run-vm";
          nodes.machine.imports = [ self.nixosModules.default ];
          testScript = ''machine.wait_for_unit("multi-user.target")'';
        };
      });
    };
}
