# SPDX-License-Identifier: MIT
# A stand-in for nixpkgs: the packages and functions that run-vm's module uses.
{
  shell, # a program, the builder's
  path, # the PATH of builders
  closure ? "/closure", # what closureInfo would make
}:
let
  system = builtins.currentSystem;
  package = name: fields: derivation { inherit name system; builder = shell; } // fields;
in
rec {
  stdenv.hostPlatform = {
    inherit system;
    elaborated = _: throw "a function is no JSON";
  };
  runCommand = name: { meta ? { }, ... }@attributes: script:
    derivation (
      {
        inherit name system;
        builder = shell;
        # the shell ends the builder: Nix kills a program that closes its output before it exits
        args = [ "-euc" "export PATH=${path}\n${script}\n:" ];
      }
      // removeAttrs attributes [ "meta" ]
    )
    // { inherit meta; };
  writeShellScript = name: text: runCommand name { inherit text; passAsFile = [ "text" ]; } ''
    { echo '#!${shell}'; cat $textPath; } > $out
    chmod +x $out
  '';
  closureInfo = { rootPaths }:
    if closure != "/closure" then closure else runCommand "closure-info" { inherit rootPaths; } "";
  callPackage = _: _: package "run-vm-0" { };
  qemu_kvm = package "qemu-kvm" { };
  swtpm = package "swtpm" { };
  tpm2-tools = package "tpm2-tools" { };
  OVMF = package "OVMF" {
    firmware = "/OVMF/code.fd";
    variables = "/OVMF/vars.fd";
    systemManagementModeRequired = true;
  };
}
