#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Boots through firmware and a boot loader, which the system itself installed on the boot disk that
# run-vm made; boots with other firmware.

load harness

setup_file() {
    BOOT_CONFIG=$("$BATS_TEST_DIRNAME/../systems/bootloader/build" 2>"$BATS_FILE_TMPDIR/build") || {
        cat "$BATS_FILE_TMPDIR/build"
        return 1
    }
    # a cache of its own: boot disks of earlier runs are not used
    export BOOT_CONFIG XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    export NIX_DISK_IMAGE=$BATS_FILE_TMPDIR/disk.qcow2
}

# boot_loader NAME [run-vm's arguments]: boots in the directory NAME, which is kept. Stage 2 runs the
# script on standard input, with its output in NAME/xchg/out.
boot_loader() {
    local directory=$BATS_FILE_TMPDIR/$1 status=0
    shift
    mkdir -p "$directory/xchg"
    rm -f "$directory/xchg"/{out,status}
    cat >"$directory/xchg/test.sh"
    TMPDIR=$directory USE_TMPDIR=1 NIX_EFI_VARS=$directory/vars.fd \
        timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --config "$BOOT_CONFIG" "$@" \
        </dev/null >"$directory/console" 2>"$directory/errors" || status=$?
    [ "$status" = 0 ] && [ "$(cat "$directory/xchg/status")" = 0 ] && return
    echo "status $status; standard error, console, the script's output:"
    cat "$directory/errors"
    clean <"$directory/console" | tail -n 30
    cat "$directory/xchg/out"
    return 1
}

out() {
    cat "$BATS_FILE_TMPDIR/$1/xchg/out"
}

# Prints the cache's boot disk as a raw file.
cached_disk() {
    local disks=("$XDG_CACHE_HOME"/run-vm/boot-disk-*/disk.img)
    qemu-img convert -O raw "${disks[0]}" "$BATS_TEST_TMPDIR/disk.raw"
    echo "$BATS_TEST_TMPDIR/disk.raw"
}

mount_boot='mkdir -p /boot; mount -t vfat /dev/vdb2 /boot'

@test "BIOS: SeaBIOS, GRUB, the kernel and the initrd of /boot, stage 2" {
    boot_loader bios <<END
cat /proc/cmdline
$mount_boot
test -e /boot/kernel
echo changed >/boot/changed
END
    [[ $(out bios) == "BOOT_IMAGE=/kernel init=/nix/store/"*"-system-with-boot-loader/init "* ]]
    says "$BATS_FILE_TMPDIR/bios/errors" 'building the boot disk of /nix/store/.*-system-with-boot-loader'
}

@test "the second start makes no boot disk, has it as it was made, and other disks where the configuration says" {
    local base=("$XDG_CACHE_HOME"/run-vm/boot-disk-*/disk.img) before
    before=$(sha256sum "${base[0]}")
    truncate -s 3M "$BATS_TEST_TMPDIR/extra.raw"
    boot_loader bios -o 'virtualisation.emptyDiskImages=[5]' \
        -o 'virtualisation.qemu.drives=[{"file":"'"$BATS_TEST_TMPDIR"'/extra.raw","driveExtraOpts":{"format":"raw"},"deviceExtraOpts":{"serial":"extra"}}]' <<END
for disk in a b c d; do echo vd\$disk \$(cat /sys/block/vd\$disk/size) \$(cat /sys/block/vd\$disk/serial); done
grep ' / ' /proc/mounts
$mount_boot
test -e /boot/kernel
test ! -e /boot/changed
dd if=/dev/zero of=/dev/vdb bs=1M seek=115 count=2 conv=fsync
END
    # a hostile guest cannot change it for the next one
    [ "$(sha256sum "${base[0]}")" = "$before" ]
    [ "$(stat -c %a "${base[0]}")" = 444 ]
    run ! grep -q 'building the boot disk' "$BATS_FILE_TMPDIR/bios/errors"
    [ "$(qemu-img info --output=json "$BATS_FILE_TMPDIR/bios/disk.img" | jq -r '.["full-backing-filename"]')" = "${base[0]}" ]
    says "$BATS_FILE_TMPDIR/bios/xchg/out" '^vda 2097152'
    says "$BATS_FILE_TMPDIR/bios/xchg/out" '^vdb 245760'
    says "$BATS_FILE_TMPDIR/bios/xchg/out" '^vdc 10240'
    says "$BATS_FILE_TMPDIR/bios/xchg/out" '^vdd 6144 extra'
    says "$BATS_FILE_TMPDIR/bios/xchg/out" '^/dev/vda / ext4'
}

@test "the boot disk is the specification's" {
    local disk
    disk=$(cached_disk)
    [ "$(stat -c %s "$disk")" = 125829120 ]
    /usr/sbin/sgdisk --verify "$disk" | grep -q 'No problems found'
    /usr/sbin/sgdisk --print --info=1 --info=2 "$disk" >"$BATS_TEST_TMPDIR/table"
    says "$BATS_TEST_TMPDIR/table" 'Disk identifier \(GUID\): 97FD5997-D90B-4AA3-8D16-C1723AEA73C1'
    says "$BATS_TEST_TMPDIR/table" '^ +1 +34 +2047 .* EF02 +BIOSBootPartition'
    says "$BATS_TEST_TMPDIR/table" '^ +2 +2048 +245726 .* EF00 +EFISystem'
    [ "$(grep -E '^(Partition unique GUID|Attribute flags)' "$BATS_TEST_TMPDIR/table" | cut -d: -f2 | xargs)" = \
        "1C06F03B-704E-4657-B9CD-681A087A2FDC 0000000000000002 970C694F-AFD0-4B99-B750-CDB7A329AB6F 0000000000000004" ]
    # an MBR partition table has /boot too, and GRUB's code in front of the table
    sfdisk --dump --label-nested dos "$disk" | grep -qE '.*start= *2048, size= *243679, type=ef'
    [ "$(blkid -p -O 1048576 -o value -s LABEL_FATBOOT "$disk")" = boot ]
    [ "$(blkid -p -O 1048576 -o value -s VERSION "$disk")" = FAT16 ]
    [ "$(mtype -i "$disk@@1M" ::grub/device.map)" = "(hd0) /dev/vda" ]
}

@test "persistBootDevice: what the guest has written to the boot disk is there the next time" {
    boot_loader persist -o virtualisation.persistBootDevice=true <<END
$mount_boot
echo changed >/boot/changed
END
    # the copy does not depend on the cache
    [ "$(qemu-img info --output=json "$BATS_FILE_TMPDIR/persist/disk.img" | jq '.["backing-filename"]')" = null ]
    # another start gives QEMU the same disk
    boot_loader_files persist -o virtualisation.persistBootDevice=true
    qemu-img convert -O raw "$BATS_FILE_TMPDIR/persist/disk.img" "$BATS_TEST_TMPDIR/disk.raw"
    [ "$(mtype -i "$BATS_TEST_TMPDIR/disk.raw@@1M" ::changed)" = changed ]
}

@test "EFI: OVMF, systemd-boot, stage 2; a variable lasts from the installation on, and over a reboot" {
    local name
    for name in RunVmInstalled RunVmSet; do
        boot_loader efi -o virtualisation.useEFIBoot=true <<END
mount -t efivarfs none /sys/firmware/efi/efivars
tail -c +5 /sys/firmware/efi/efivars/$name-3a7b5d1c-52f0-4f0e-9d39-6d1f0c2f8a11
echo
[ $name = RunVmSet ] || printf '\007\000\000\000by the guest' \
    >/sys/firmware/efi/efivars/RunVmSet-3a7b5d1c-52f0-4f0e-9d39-6d1f0c2f8a11
tr '\000' ' ' </sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f | tr -d ' '
$mount_boot
test -e /boot/EFI/BOOT/BOOTX64.EFI
END
        says "$BATS_FILE_TMPDIR/efi/xchg/out" 'systemd-boot'
        [ $name = RunVmSet ] || says "$BATS_FILE_TMPDIR/efi/xchg/out" '^installed'
    done
    says "$BATS_FILE_TMPDIR/efi/xchg/out" '^by the guest'
    [ "$(stat -c %a "$BATS_FILE_TMPDIR/efi/vars.fd")" = 644 ]
}

# new_variables NAME [run-vm's arguments]: makes the files of a start with EFI in the directory NAME, with
# nothing booted; sets `vars` to that of the variables.
new_variables() {
    vars=$BATS_FILE_TMPDIR/$1/vars.fd
    boot_loader_files "$1" -o virtualisation.useEFIBoot=true "${@:2}"
}

# boot_loader_files NAME [run-vm's arguments]: the files exist while QEMU prints its version.
boot_loader_files() {
    local directory=$BATS_FILE_TMPDIR/$1
    shift
    mkdir -p "$directory"
    TMPDIR=$directory USE_TMPDIR=1 NIX_EFI_VARS=$directory/vars.fd "$RUN_VM_PROGRAM" \
        --config "$BOOT_CONFIG" "$@" -- -version >"$directory/out" 2>&1
}

@test "efi.keepVariables: a new file has the variables of the installation, or those of the firmware" {
    local template=/usr/share/OVMF/OVMF_VARS_4M.fd vars
    new_variables kept
    tr -d '\000' <"$vars" | grep -aq RunVmInstalled
    new_variables fresh -o virtualisation.efi.keepVariables=false
    cmp "$vars" "$template"
    # a file that exists is never replaced
    echo changed >"$vars"
    new_variables fresh -o virtualisation.efi.keepVariables=false
    [ "$(cat "$vars")" = changed ]
}

@test "installBootLoader = false: /boot is empty, has the label that the guest looks for, and no machine is run" {
    boot_loader_files empty -o runVm.release=25.11 -o runVm.transport=9p -o virtualisation.useEFIBoot=true \
        -o virtualisation.installBootLoader=false
    run ! grep -q 'building the boot disk' "$BATS_FILE_TMPDIR/empty/out"
    cmp "$BATS_FILE_TMPDIR/empty/vars.fd" /usr/share/OVMF/OVMF_VARS_4M.fd
    qemu-img convert -O raw "$BATS_FILE_TMPDIR/empty/disk.img" "$BATS_TEST_TMPDIR/disk.raw"
    [ "$(blkid -p -O 1048576 -o value -s LABEL "$BATS_TEST_TMPDIR/disk.raw")" = ESP ]
    [ -z "$(mdir -b -i "$BATS_TEST_TMPDIR/disk.raw@@1M")" ]
}

@test "GRUB on the disk, and /boot, by the names of NixOS's module of today" {
    boot_loader today -o runVm.release=25.11 -o runVm.transport=9p -o virtualisation.useBIOSBoot=true <<'END'
[ "$(cat /sys/block/vdb/serial)" = root ]
[ -z "$(cat /sys/block/vda/serial)" ]
mkdir -p /boot
mount -t vfat "$(findfs LABEL=BOOT)" /boot
test -e /boot/kernel
grep '^/dev/vdb2 /boot' /proc/mounts
END
}

@test "EFI without a boot loader" {
    boot_loader direct-efi -o virtualisation.useBootLoader=false -o virtualisation.useEFIBoot=true \
        <<<'cat /proc/cmdline; test -d /sys/firmware/efi'
    [ "$(stat -c %a "$BATS_FILE_TMPDIR/direct-efi/vars.fd")" = 644 ]
    run ! grep -q BOOT_IMAGE "$BATS_FILE_TMPDIR/direct-efi/xchg/out"
}

@test "Secure Boot: the firmware in system management mode, with Microsoft's keys" {
    boot_loader secure -o virtualisation.useBootLoader=false -o virtualisation.useEFIBoot=true \
        -o virtualisation.useSecureBoot=true -o virtualisation.efi.variables=/usr/share/OVMF/OVMF_VARS_4M.ms.fd <<'END'
mount -t efivarfs none /sys/firmware/efi/efivars
for name in SecureBoot SetupMode; do
    echo "$name $(tail -c +5 /sys/firmware/efi/efivars/$name-8be4df61-93ca-11d2-aa0d-00e098032b8c | od -An -tu1)"
done
printf '\007\000\000\000by the guest' >/sys/firmware/efi/efivars/RunVmSet-3a7b5d1c-52f0-4f0e-9d39-6d1f0c2f8a11
END
    says "$BATS_FILE_TMPDIR/secure/xchg/out" '^SecureBoot +1$'
    says "$BATS_FILE_TMPDIR/secure/xchg/out" '^SetupMode +0$'
    tr -d '\000' <"$BATS_FILE_TMPDIR/secure/vars.fd" | grep -aq RunVmSet
}

# firmware_says REGEX [run-vm's arguments]: boots a disk with an unsigned loader until the firmware's console
# says so.
firmware_says() {
    local console=$BATS_TEST_TMPDIR/console status=0
    rm -f "$console" "$BATS_TEST_TMPDIR/vars.fd"
    NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/esp.raw NIX_EFI_VARS=$BATS_TEST_TMPDIR/vars.fd TMPDIR=$BATS_TEST_TMPDIR \
        timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --config "$BOOT_CONFIG" \
        -o virtualisation.useBootLoader=false -o virtualisation.directBoot.enable=false \
        -o virtualisation.useDefaultFilesystems=false -o virtualisation.useEFIBoot=true "${@:2}" \
        </dev/null >"$console" 2>&1 3>&- &
    wait_for "$console" "$1" $! || status=$?
    kill -KILL "$(pgrep -P $!)" || true # run-vm; QEMU ends with it
    wait $! || true
    [ "$status" = 0 ] || clean <"$console"
    return "$status"
}

@test "Secure Boot: an unsigned loader is refused with keys, and started without" {
    local esp=$BATS_TEST_TMPDIR/esp.raw
    truncate -s 40M "$esp"
    mkfs.fat "$esp" >/dev/null
    mmd -i "$esp" ::EFI ::EFI/BOOT
    mcopy -i "$esp" /usr/lib/systemd/boot/efi/systemd-bootx64.efi ::EFI/BOOT/BOOTX64.EFI
    firmware_says 'BdsDxe: failed to load Boot.*: Access Denied' -o virtualisation.useSecureBoot=true \
        -o virtualisation.efi.variables=/usr/share/OVMF/OVMF_VARS_4M.ms.fd
    firmware_says 'BdsDxe: starting Boot' -o virtualisation.useSecureBoot=true
}

@test "another BIOS: qboot" {
    mkdir "$BATS_TEST_TMPDIR/qboot"
    ln -s /usr/share/qemu/qboot.rom "$BATS_TEST_TMPDIR/qboot/bios.bin"
    boot_loader qboot -o virtualisation.useBootLoader=false \
        -o virtualisation.bios="$BATS_TEST_TMPDIR/qboot" <<<'cat /sys/class/dmi/id/bios_vendor || true'
    run ! grep -q SeaBIOS "$BATS_FILE_TMPDIR/qboot/console" "$BATS_FILE_TMPDIR/qboot/xchg/out"
}

@test "an installation that fails is told with what it said, and leaves nothing to be used" {
    local store system status=0
    store=$(jq -r .runVm.store "$BOOT_CONFIG")
    system=/nix/store/b00t10ade2222222222222222222222-broken-system
    cp -a "$store$(jq -r .system.build.toplevel "$BOOT_CONFIG")" "$store$system"
    grep -rlI system-with-boot-loader "$store$system" |
        xargs sed -i 's,/nix/store/[a-z0-9]*-system-with-boot-loader,'"$system,"
    touch "$store$system/broken"
    TMPDIR=$BATS_TEST_TMPDIR timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" \
        --config "$BOOT_CONFIG" -o system.build.toplevel="$system" </dev/null \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" != 0 ]
    says "$BATS_TEST_TMPDIR/err" "boot disk of $system"
    says "$BATS_TEST_TMPDIR/err" 'exit status 3'
    says "$BATS_TEST_TMPDIR/err" 'this system is broken'
    run ! grep -rl "$system" "$XDG_CACHE_HOME"/run-vm/boot-disk-*
    [ -z "$(ls -A "$XDG_CACHE_HOME"/run-vm/.new-* 2>/dev/null)" ]
    [ -z "$(ls -d "$BATS_TEST_TMPDIR"/nix-vm.* 2>/dev/null)" ]
}

# Makes a boot disk on a filesystem of a size: succeeds, or prints the reason and the files left behind.
# With more room it is made.
make_on_size() {
    local small=$BATS_TEST_TMPDIR/small status=0
    mount -t tmpfs -o size="$1" small "$small"
    mkdir "$small"/{cache,tmp}
    make_boot_disk 2>"$BATS_TEST_TMPDIR/errors" || status=$?
    find "$small" -name '.new-*' -o -name 'nix-vm.*' -o -name '.run-vm-*' -o -name 'boot-disk-*'
    mount -o remount,size=1g "$small"
    make_boot_disk 2>"$BATS_TEST_TMPDIR/errors-with-room" ||
        { echo "with room:"; cat "$BATS_TEST_TMPDIR/errors-with-room"; }
    ls "$small"/cache/run-vm/boot-disk-*/disk.img >/dev/null
    return "$status"
}

make_boot_disk() {
    XDG_CACHE_HOME=$BATS_TEST_TMPDIR/small/cache TMPDIR=$BATS_TEST_TMPDIR/small/tmp \
        timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --config "$BOOT_CONFIG" -- -version \
        </dev/null >/dev/null
}

@test "a boot disk on a full file system: the file's name and that it is full, nothing half made" {
    export -f make_on_size make_boot_disk
    export TIME_LIMIT
    mkdir "$BATS_TEST_TMPDIR/small"
    # room for the unpacked kernel only; for less; for the disk, but not for its copy in the cache
    local size sizes=(130m)
    [ -z "${RUN_VM_LONG:-}" ] || sizes+=(1m 60m 193m 200m)
    for size in "${sizes[@]}"; do
        run unshare -rm bash -uc "make_on_size $size"
        echo "$size: $status: $output"
        [ "$status" != 0 ]
        [ -z "$output" ]
        says "$BATS_TEST_TMPDIR/errors" "run-vm: .*$BATS_TEST_TMPDIR/small/"
        says "$BATS_TEST_TMPDIR/errors" 'No space left on device'
    done
}
