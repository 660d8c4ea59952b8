# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what measure_begin sets
# Sourced by bench-boot: the script that nixpkgs' qemu-vm.nix generates for the demonstration system.

# write_script FILE QEMU QEMU-IMG INITRD: writes the script, with the kernel $bzimage.
write_script() {
    local file=$1 qemu=$2 qemu_img=$3 initrd=$4 top registration store
    store=$(jq -r .runVm.store "$config")
    top=$store$(jq -r .system.build.toplevel "$config")
    registration=$(jq -r .system.build.regInfo "$config")
    cat >"$file" <<SCRIPT
#! /bin/bash
export PATH=/usr/bin\${PATH:+:}\$PATH
set -e
NIX_DISK_IMAGE=\$(readlink -f "\${NIX_DISK_IMAGE:-./demo.qcow2}") || test -z "\$NIX_DISK_IMAGE"
if test -n "\$NIX_DISK_IMAGE" && ! test -e "\$NIX_DISK_IMAGE"; then
$qemu_img create -f qcow2 "\$NIX_DISK_IMAGE" \\
1024M
fi
# Create a directory for storing temporary data of the running VM.
if [ -z "\$TMPDIR" ] || [ -z "\$USE_TMPDIR" ]; then
TMPDIR=\$(mktemp -d nix-vm.XXXXXXXXXX --tmpdir)
fi
# Create a directory for exchanging data with the VM.
mkdir -p "\$TMPDIR/xchg"
cd "\$TMPDIR"
# Start QEMU.
exec $qemu -cpu max \\
-name demo \\
-m 1024 \\
-smp 1 \\
-device virtio-rng-pci \\
-net nic,netdev=user.0,model=virtio -netdev user,id=user.0,"\$QEMU_NET_OPTS" \\
-virtfs local,path=$store/nix/store,security_model=none,mount_tag=nix-store \\
 -virtfs local,path="\${SHARED_DIR:-\$TMPDIR/xchg}",security_model=none,mount_tag=shared \\
 -virtfs local,path="\$TMPDIR"/xchg,security_model=none,mount_tag=xchg \\
-drive cache=writeback,file="\$NIX_DISK_IMAGE",id=drive1,if=none,index=1,werror=report -device virtio-blk-pci,drive=drive1 \\
-device virtio-keyboard \\
-usb \\
-device usb-tablet,bus=usb-bus.0 \\
-kernel \${NIXPKGS_QEMU_KERNEL_demo:-$bzimage} \\
-initrd $initrd \\
-append "\$(cat $top/kernel-params) init=$(jq -r .system.build.toplevel "$config")/init regInfo=$registration/registration console=tty0 console=ttyS0,115200n8 \$QEMU_KERNEL_PARAMS" \\
-nographic \\
\$QEMU_OPTS \\
"\$@"
SCRIPT
    chmod +x "$file"
}
