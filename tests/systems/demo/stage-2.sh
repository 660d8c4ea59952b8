# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Stage 2 of the demonstration system: PID 1 after init. Its report consists of lines that begin with
# "demo: ", one fact a line. The build adds the interpreter's line at the top.
#
# Kernel parameters:
#   demo.run=FILE          run FILE instead of the report, with its output in FILE.out and its status in
#                          FILE.status; then power off
#   demo.action=shell      after the report a shell on the console, then power off (the default)
#   demo.action=poweroff   power off after the report

read -r uptime _ </proc/uptime
export PATH=@system@/sw/bin:@busybox@/bin HOME=/root USER=root TERM="${TERM:-vt100}"
export NIX_CONF_DIR=/etc/nix

say() {
    echo "demo: $*"
}

# Prints the value of the last kernel parameter of this name.
parameter() {
    sed 's/ /\n/g' /proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

# The parts of NixOS's stage 2 that this system needs.
set_up() {
    mkdir -p /root /etc /bin /usr/bin /var/tmp
    ln -sfn @etc@/passwd /etc/passwd
    ln -sfn @etc@/group /etc/group
    ln -sfn @etc@/nix /etc/nix
    ln -sfn @busybox@/bin/sh /bin/sh
    ln -sfn @system@ /run/current-system
    mkdir -p /nix/var/nix/gcroots
    ln -sfn /run/current-system /nix/var/nix/gcroots/current-system
    # Only Nix may write to the store; it remounts the store for itself
    mount -o bind /nix/store /nix/store
    mount -o remount,ro,bind /nix/store
}

report() {
    echo # the firmware may have left the cursor in the middle of a line
    say "system @system@"
    say "kernel $(uname -r)"
    while read -r source target type options _; do
        say "mount $target $type $source $options"
    done </proc/mounts
    say "registered $(TERM=dumb nix --offline path-info --all | wc -l)"
    say "uptime $uptime"
}

# The test's script may break anything except the end of the boot.
run_script() {
    say "run $1"
    sh "$1" >"$1.out" 2>&1 </dev/null
    status=$?
    echo "$status" >"$1.status"
    say "status $status"
}

# When the disks are unmounted, no program may run from the store or have a file on a disk open for
# writing. A copy of busybox on a tmpfs does the rest.
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
