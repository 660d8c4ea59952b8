# SPDX-License-Identifier: MIT
# A stand-in for nixpkgs' module of this name: its options, and definitions as those of its script,
# none of which may reach run-vm.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.virtualisation;
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  value = option types.raw;
  list = option (types.listOf types.anything) [ ];
  undefined = mkOption { type = types.raw; };
in
{
  options.virtualisation = {
    additionalPaths = list;
    bios = value null;
    cores = value 1;
    credentials = option (types.attrsOf types.anything) { };
    directBoot.enable = value (!cfg.useBootLoader);
    directBoot.initrd = value "${config.system.build.toplevel}/initrd";
    diskImage = value "./${config.system.name}.qcow2";
    diskSize = value 1024;
    efi = {
      OVMF = value pkgs.OVMF;
      firmware = value cfg.efi.OVMF.firmware;
      variables = value cfg.efi.OVMF.variables;
    };
    emptyDiskImages = list;
    # a removed option, which throws when it is read
    efiVars = mkOption { type = types.raw; apply = _: throw "efiVars has been removed"; };
    fileSystems = option (types.attrsOf types.anything) { };
    forwardPorts = list;
    graphics = value true;
    host.pkgs = value pkgs;
    memorySize = value 1024;
    mountHostNixStore = value (!cfg.useBootLoader && !cfg.useNixStoreImage);
    qemu = {
      consoles = option (types.listOf types.str) [ "ttyS0,115200n8" "tty0" ];
      drives = mkOption {
        type = types.listOf types.anything;
        apply = map (drive: drive // { device = "/dev/vda"; });
      };
      enableSharedMemory = value false;
      networkingOptions = list;
      options = list;
      package = value pkgs.qemu_kvm;
    };
    resolution = value { x = 1024; y = 768; };
    restrictNetwork = value false;
    rootDevice = value "/dev/disk/by-label/nixos";
    sharedDirectories = option (types.attrsOf (
      types.submodule {
        options = {
          source = undefined;
          target = undefined;
          writable = value false;
        };
      }
    )) { };
    test.nodeNumber = value 1;
    tpm = {
      enable = value false;
      package = value pkgs.swtpm;
      provisioning = value null;
    };
    useBootLoader = value false;
    useDefaultFilesystems = value true;
    useEFIBoot = value false;
    useNixStoreImage = value false;
    vlans = value [ 1 ];
    writableStore = value cfg.mountHostNixStore;
  };

  config = {
    virtualisation = {
      additionalPaths = [ config.system.build.toplevel ];
      rootDevice = lib.mkDefault "/dev/disk/by-label/nixos";
      sharedDirectories = {
        nix-store = { source = builtins.storeDir; target = "/nix/.ro-store"; };
        xchg = { source = "\"$TMPDIR\"/xchg"; target = "/tmp/xchg"; };
      };
      qemu.networkingOptions = [ "-netdev user,id=user.0,\"$QEMU_NET_OPTS\"" ];
      qemu.options = lib.mkMerge [
        (lib.mkIf cfg.useBootLoader [ "-never" ])
        [ "-append \"$(cat ${config.system.build.toplevel}/kernel-params)\"" ]
      ];
      qemu.drives = [ { name = "root"; file = "\"$NIX_DISK_IMAGE\""; } ];
      fileSystems."/" = { device = cfg.rootDevice; fsType = "ext4"; };
    };
    fileSystems = lib.mkIf (cfg.fileSystems != { }) (lib.mkVMOverride cfg.fileSystems);
    system.build.vm = pkgs.runCommand "the-script" { } "";
  };
}
