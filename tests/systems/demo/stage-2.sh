# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Stage 2 of the demonstration system: PID 1 after init. Its report is the lines that begin with
# "demo: ", one fact a line. The build puts the interpreter's line in front.
#
# Kernel parameters:
#   demo.run=FILE          in place of the report run FILE; its output goes to FILE.out, its status to
#                          FILE.status; then power off
#   demo.action=shell      after the report a shell on the console, and power off when it ends; so too
#                          without any of these
#   demo.action=poweroff   after the report power off

read -r uptime _ </proc/uptime
export PATH=@system@/sw/bin:@busybox@/bin HOME=/root USER=root TERM="${TERM:-vt100}"
export NIX_CONF_DIR=/etc/nix

say() {
    echo "demo: $*"
}

# The value of the last kernel parameter of this name.
parameter() {
    sed 's/ /\n/g' /proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

# What NixOS's stage 2 sees to as well, as far as anybody here notices.
set_up() {
    mkdir -p /root /etc /bin /usr/bin /var/tmp
    ln -sfn @etc@/passwd /etc/passwd
    ln -sfn @etc@/group /etc/group
    ln -sfn @etc@/nix /etc/nix
    ln -sfn @busybox@/bin/sh /bin/sh
    ln -sfn @system@ /run/current-system
    mkdir -p /nix/var/nix/gcroots
    ln -sfn /run/current-system /nix/var/nix/gcroots/current-system
    # The store is for Nix alone to write, which remounts it for itself
    mount -o bind /nix/store /nix/store
    mount -o remount,ro,bind /nix/store
}

report() {
    echo # the firmware may have left the cursor in its own line
    say "system @system@"
    say "kernel $(uname -r)"
    while read -r source target type options _; do
        say "mount $target $type $source $options"
    done </proc/mounts
    say "registered $(TERM=dumb nix --offline path-info --all | wc -l)"
    say "uptime $uptime"
}

# The test's script may break anything, but not the end of the boot.
run_script() {
    say "run $1"
    sh "$1" >"$1.out" 2>&1 </dev/null
    status=$?
    echo "$status" >"$1.status"
    say "status $status"
}

# Nothing may run from the store, nor be open for writing on a disk, when the disks are unmounted.
# What goes on from there is a copy of busybox on a tmpfs.
power_off() {
    say "power off"
    mkdir -p /run/shutdown
    cp @busybox@/bin/busybox /run/shutdown/busybox
    cat >/run/shutdown/init <<'END'
b=/run/shutdown/busybox
cd /
$b kill -KILL -1
$b umount /nix/store
$b umount /nix/store
while read -r source target _; do
    case $source:$target in
    /dev/*:/ | /dev/root:*) ;;
    /dev/*) $b umount "$target" || echo "demo: $target is busy" ;;
    esac
done </proc/mounts
$b mount -o remount,ro / || echo "demo: / is busy"
$b sync
$b poweroff -f
END
    exec /run/shutdown/busybox sh /run/shutdown/init
}

set_up
script=$(parameter demo.run)
if [ -n "$script" ]; then
    run_script "$script"
    power_off
fi
report
if [ "$(parameter demo.action)" != poweroff ]; then
    say "a shell; to power off: exit"
    setsid cttyhack sh -l
fi
power_off
