# SPDX-License-Identifier: MIT
# Starts the virtual machine of a NixOS configuration by run-vm: replaces system.build.vm. All else,
# such as the guest's half, stays that of nixpkgs' virtualisation/qemu-vm.nix. Without that module
# this one does nothing, so that a configuration can import it for `nixos-rebuild build-vm`, which
# adds qemu-vm.nix in virtualisation.vmVariant.
{
  config,
  lib,
  modulesPath,
  options,
  pkgs,
  ...
}:
let
  cfg = config.virtualisation;
  hostPkgs = cfg.host.pkgs;

  # The releases that run-vm knows, oldest first.
  releases = [ "22.11" "23.05" "23.11" "24.05" "24.11" "25.05" "25.11" "26.05" "26.11" ];

  # The newest of them that nixpkgs has reached. In the summer of 2026 nixpkgs called itself 26.11, but
  # shared directories over 9p as 26.05: it had the option msize, of which 26.11 has a message at most.
  hasMsize = options.virtualisation ? msize && options.virtualisation.msize.visible or true;
  reached = next:
    lib.versionAtLeast lib.trivial.release next && !(next == "26.11" && hasMsize);
  release = lib.foldl' (
    newest: next: if reached next then next else newest
  ) (builtins.head releases) releases;

  definitions = import ./definitions.nix { inherit lib modulesPath; } options (
    map (name: "virtualisation.${name}") [
      "additionalPaths"
      "bios"
      "bootDevice"
      "bootLoaderDevice"
      "bootPartition"
      "cores"
      "credentials"
      "directBoot.enable"
      "directBoot.initrd"
      "diskImage"
      "diskSize"
      "efi.keepVariables"
      "efiVars"
      "emptyDiskImages"
      "fileSystems"
      "forwardPorts"
      "graphics"
      "installBootLoader"
      "interfaces"
      "memorySize"
      "mountHostNixStore"
      "msize"
      "nixStore9pCache"
      "persistBootDevice"
      "qemu.consoles"
      "qemu.diskInterface"
      "qemu.drives"
      "qemu.enableSharedMemory"
      "qemu.forceAccel"
      "qemu.guestAgent.enable"
      "qemu.networkingOptions"
      "qemu.options"
      "qemu.virtioKeyboard"
      "resolution"
      "restrictNetwork"
      "rootDevice"
      "sharedDirectories"
      "tpm.deviceModel"
      "tpm.enable"
      "useBIOSBoot"
      "useBootLoader"
      "useDefaultFilesystems"
      "useEFIBoot"
      "useHostCerts"
      "useNixStoreImage"
      "useSecureBoot"
      "writableStore"
      "writableStoreUseTmpfs"
    ]
    ++ [
      "boot.initrd.availableKernelModules"
      "boot.initrd.kernelModules"
      "fileSystems" # those of the configuration, where virtualisation.fileSystems is made empty
    ]
    ++ (
      if options.boot ? tmp then
        [ "boot.tmp.tmpfsSize" "boot.tmp.useTmpfs" ]
      else
        [ "boot.tmpOnTmpfs" "boot.tmpOnTmpfsSize" ]
    )
  );

  regInfo = hostPkgs.closureInfo { rootPaths = cfg.additionalPaths; };

  # The text of tpm.provisioning is shell code, and run-vm starts a program.
  provisioning = hostPkgs.writeShellScript "tpm-provisioning" ''
    export PATH=${lib.makeBinPath [ hostPkgs.tpm2-tools ]}:$PATH
    ${cfg.tpm.provisioning}
  '';

  # Values that do not depend on a definition: from packages, or set by the test framework as the
  # defaults of its options.
  values = {
    system = {
      inherit (config.system) name;
      build = {
        inherit (config.system.build) toplevel;
        inherit regInfo;
      }
      // lib.optionalAttrs (cfg.useNixStoreImage || cfg.runVm.storeTransport or null == "auto") {
        storeClosure = hostPkgs.closureInfo { rootPaths = [ config.system.build.toplevel regInfo ]; };
      };
    };
    networking = { inherit (config.networking) hostName; };
    nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
    nix = { inherit (config.nix) enable; };
    # initrd as it is by default has not been chosen
    runVm = removeAttrs cfg.runVm (
      [ "package" ] ++ (if cfg.runVm.initrd == "builtin" then [ "initrd" ] else [ ])
    );
    virtualisation = {
      qemu = { inherit (cfg.qemu) package; };
    }
    // lib.optionalAttrs (cfg ? vlans) { inherit (cfg) vlans; }
    // lib.optionalAttrs (cfg ? allInterfaces) { inherit (cfg) allInterfaces; }
    // lib.optionalAttrs (cfg ? test) {
      test = builtins.intersectAttrs { nodeName = null; nodeNumber = null; } cfg.test;
    }
    // lib.optionalAttrs cfg.useEFIBoot {
      efi = {
        inherit (cfg.efi) firmware variables;
      }
      // lib.optionalAttrs (cfg.efi ? OVMF) {
        OVMF = {
          inherit (cfg.efi) firmware variables;
        }
        // builtins.intersectAttrs { systemManagementModeRequired = null; } cfg.efi.OVMF;
      };
    }
    // lib.optionalAttrs (cfg.tpm.enable or false) {
      tpm = {
        inherit (cfg.tpm) package;
      }
      // lib.optionalAttrs (cfg.tpm.provisioning != null) { inherit provisioning; };
    };
  };

  name = "run-${config.system.name}-vm";
in
{
  options.virtualisation.runVm = lib.mkOption {
    default = { };
    description = "Settings of run-vm; any runVm option of run-vm.json(5).";
    type = lib.types.submodule {
      freeformType = lib.types.attrsOf lib.types.anything;
      options = {
        package = lib.mkOption {
          type = lib.types.package;
          default = hostPkgs.callPackage ./package.nix { };
          defaultText = "run-vm";
          description = "The package with run-vm.";
        };
        release = lib.mkOption {
          type = lib.types.enum releases;
          default = release;
          defaultText = "the newest that run-vm knows, up to the release of nixpkgs";
          description = "The release of NixOS whose defaults apply.";
        };
        initrd = lib.mkOption {
          type = lib.types.enum [ "builtin" "system" ];
          default = "builtin";
          description = ''
            The initrd: run-vm's own, or the system's, which a configuration of boot.initrd needs
            that does more than to mount filesystems.
          '';
        };
      };
    };
  };

  config = lib.mkIf (options ? virtualisation.qemu.drives) {
    # A boot loader has a small disk of its own in run-vm: the system is in the host's store, which
    # the guest's fstab must name.
    virtualisation = lib.optionalAttrs (options ? virtualisation.mountHostNixStore) {
      mountHostNixStore = lib.mkIf (cfg.useBootLoader && !cfg.useNixStoreImage) (lib.mkDefault true);
    };

    system.build.vm = lib.mkForce (
      hostPkgs.runCommand "nixos-vm" {
        preferLocalBuild = true;
        meta.mainProgram = name;
        configuration = builtins.toJSON (lib.recursiveUpdate definitions values);
        passAsFile = [ "configuration" ];
      } ''
        mkdir -p $out/bin
        ln -s ${config.system.build.toplevel} $out/system
        ln -s ${cfg.runVm.package}/bin/run-vm $out/bin/${name}
        ln -s ${cfg.runVm.package}/bin/run-vm $out/bin/run-vm
        cp $configurationPath $out/bin/${name}.json
      ''
    );
  };
}
