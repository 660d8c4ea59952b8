#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2153 # make_root sets KERNEL and MODULES
# A Debian tree, started by the one option --root-dir: by the ordinary user who owns it, who is root in
# the guest, and by root. Root runs the tests as a user of its own, with numbers of its own in
# /etc/subuid; any other user is one already.

bats_require_minimum_version 1.7.0

load harness
load command

SUB=2000000 # the first number set aside

setup_file() {
    make_root
    local debian pattern version
    debian=$("$BATS_TEST_DIRNAME/../../scripts/debian-root" openssh-server)/root
    version=$(basename "$MODULES")
    # outside the test's own directory, which no other user can read
    PLACE=$(mktemp -d /var/tmp/run-vm-tree.XXXXXX)
    TREE=$PLACE/tree
    export PLACE TREE TIME_LIMIT=300 TMUX_SOCKET=$BATS_FILE_TMPDIR/tmux
    mkdir -p "$PLACE"/{tmp,home,bin,state} "$PLACE/lent/$version"
    chmod -R 755 "$PLACE"
    cp -a "$debian" "$TREE" 2>/dev/null || tar -C "$debian" --exclude=./dev -c . | tar -C "$TREE" -x
    cp "$KERNEL" "$TREE/boot"
    pattern='kernel/(fs/(9p|netfs|fscache|overlayfs)|net/(9p|netfilter/nf_tables.ko|netfilter/nfnetlink.ko)|drivers/(virtio|char/virtio_console.ko|acpi/button.ko|net/virtio_net.ko|net/net_failover.ko)|net/core/failover.ko|lib/libcrc32c.ko|crypto/crc32c_generic.ko|arch/x86/crypto/crc32c-intel.ko|drivers/input/evdev.ko)'
    (cd "$MODULES" && find . -regextype posix-extended -regex "\./$pattern.*" -type f -print0 |
        xargs -0 cp --parents -t "$TREE/usr/lib/modules/$version")
    depmod -b "$TREE" "$version"
    cp "$RUN_VM_PROGRAM" "$RUN_VM_BUILD/init" "$PLACE/bin"
    if [ "$(id -u)" = 0 ]; then
        printf 'treeuser:%s:65536\n' "$SUB" >"$PLACE/subids"
        { cat /etc/passwd && echo "treeuser:x:61234:61234::$PLACE/home:/bin/sh"; } >"$PLACE/passwd"
        chown -R -h 61234:61234 "$PLACE/home" "$PLACE/tmp" "$PLACE/state" "$TREE"
    fi
}

teardown_file() {
    tmux -S "$TMUX_SOCKET" kill-server 2>/dev/null || true
    [ -z "${PLACE:-}" ] || rm -rf "$PLACE"
}

# as_user COMMAND...: runs it as the ordinary user who owns the tree.
as_user() {
    export HOME=$PLACE/home TMPDIR=$PLACE/tmp XDG_RUNTIME_DIR=$PLACE/state
    if [ "$(id -u)" != 0 ]; then
        exec "$@"
    fi
    # shellcheck disable=SC2016 # the shell in the namespace is to expand it
    exec unshare -m sh -c 'for file in subuid subgid; do
            [ ! -e "/etc/$file" ] || mount --bind "$PLACE/subids" "/etc/$file" || exit
        done
        mount --bind "$PLACE/passwd" /etc/passwd || exit
        exec setpriv --reuid 61234 --regid 61234 --clear-groups "$@"' sh "$@"
}

# start NAME OPTION...: starts the tree as the user; its output is in the file NAME.
start() {
    local output=$BATS_FILE_TMPDIR/$1
    shift
    (as_user timeout --foreground --kill-after=30 "$TIME_LIMIT" "$PLACE/bin/run-vm" "$@" \
        </dev/null >"$output" 2>&1)
}

# on_terminal NAME OPTION...: starts the tree as the user on a terminal of 91 columns and 33 lines. In the
# file NAME: its output; in NAME.status: the exit status.
on_terminal() {
    local output=$BATS_FILE_TMPDIR/$1 script=$BATS_FILE_TMPDIR/$1.sh
    {
        declare -f as_user
        printf '(as_user timeout --foreground --kill-after=30 %q %q ' "$TIME_LIMIT" "$PLACE/bin/run-vm"
        printf '%q ' "${@:2}"
        printf ')\necho $? >%q; mv %q %q; exec sleep 10000\n' "$output.new" "$output.new" "$output.status"
    } >"$script"
    : >"$output"
    TERM=screen tmux -S "$TMUX_SOCKET" -f /dev/null new-session -d -s "$1" -x 91 -y 33 "exec bash $script" \; \
        pipe-pane -t "$1" "exec cat >>$output" 3>&- 4>&-
}

# has_size ROWS COLUMNS: waits until the console, which getty has opened, has that size.
has_size() {
    until [ "$(as_user timeout "$TIME_LIMIT" "$PLACE/bin/run-vm" exec --wait 60 tree stty -F /dev/ttyS0 size)" = "$1 $2" ]; do
        [ ! -e "$BATS_FILE_TMPDIR/boot.status" ] || return
        read -rt 0.5 <> <(:) || true
    done
}

@test "one option boots Debian, and its owner is root; the console has the terminal's size; nothing in the tree changes" {
    local before output=$BATS_FILE_TMPDIR/boot
    before=$(fingerprint "$TREE")
    on_terminal boot -r "$TREE"
    until grep -q 'guest login:' "$output" || [ -e "$output.status" ]; do read -rt 0.25 <> <(:) || true; done
    says "$output" 'guest login:'
    says "$output" "kernel $(basename "$MODULES") of the tree: $TREE/boot/$(basename "$KERNEL")"
    has_size 33 91
    tmux -S "$TMUX_SOCKET" resize-window -t boot -x 100 -y 40
    has_size 40 100
    # the button's driver is there: the guest powers down
    kill -TERM "$(pgrep -P "$(pgrep -f -o "^timeout .* $PLACE/bin/run-vm -r $TREE")" run-vm)"
    until [ -e "$output.status" ]; do read -rt 0.25 <> <(:) || true; done
    [ "$(cat "$output.status")" = 0 ]
    says "$output" 'reboot: Power down'
    [ "$(fingerprint "$TREE")" = "$before" ]
    [ -z "$(ls -A "$PLACE/tmp")" ]
}

@test "--rw writes through, with the owners that the guest chooses" {
    start rw -r "$TREE" --rw --exec sh -c 'stat -c "owner %u %g" / /usr/bin/su
        touch /root/one && mkdir /var/two && chown 42:43 /var/two
        chmod 777 /tmp/xchg && su nobody -s /bin/sh -c "mkdir -p /tmp/xchg/a/b; id"; modprobe nf_tables && echo loaded' || says "$BATS_FILE_TMPDIR/rw" 'it ended well'
    [ "$(grep -c '^owner 0 0$' "$BATS_FILE_TMPDIR/rw")" = 2 ]
    says "$BATS_FILE_TMPDIR/rw" '^loaded$'
    [ "$(stat -c %u "$TREE/root/one")" = "$(stat -c %u "$TREE")" ]
    [ -z "$(ls -A "$PLACE/tmp")" ]
    if [ "$(id -u)" = 0 ] && command -v newuidmap; then
        [ "$(stat -c %u:%g "$TREE/var/two")" = "$((SUB + 41)):$((SUB + 42))" ]
        says "$BATS_FILE_TMPDIR/rw" '^uid=65534'
    fi
}

@test "a tree of the numbers set aside, as unshare and mmdebstrap make it, is root's too" {
    [ "$(id -u)" = 0 ] || skip "only root can give files away"
    chown -R -h "$SUB:$SUB" "$TREE"
    chown "$SUB:$((SUB + 42))" "$TREE/etc/shadow"
    start sub -r "$TREE" --root-dir-owner root --share "$PLACE/home:/mnt" --exec sh -c 'stat -c "owner %u %g" / /etc/shadow; head -n 1 /etc/shadow'
    says "$BATS_FILE_TMPDIR/sub" "^(run-vm: )?$PLACE/home: what the guest makes there belongs here to numbers"
    says "$BATS_FILE_TMPDIR/sub" '^owner 0 0$'
    says "$BATS_FILE_TMPDIR/sub" '^owner 0 42$'
    says "$BATS_FILE_TMPDIR/sub" '^root::'
    [ -z "$(ls -A "$PLACE/tmp")" ]
    # somebody else's: no boot is needed to see that
    chown 61235 "$TREE"
    run ! start other -r "$TREE" --root-dir-owner root --exec true
    says "$BATS_FILE_TMPDIR/other" 'belongs to user 61235, who cannot be root in the guest: run-vm runs as another user'
    [ -n "${RUN_VM_LONG:-}" ] || return 0
    # owners that stay, which root sees
    run -0 timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" -r "$TREE" --exec stat -c "owner %u %g" /etc
    [[ $output == *"owner $SUB $SUB"* ]]
}

@test "a tree without modules gets those beside the kernel" {
    # of modules as a package has them, without depmod's files, which run-vm makes in its cache
    local before kernel=$BATS_TEST_TMPDIR/kernel modules
    modules=$kernel/lib/modules/$(basename "$MODULES")
    mkdir -p "$modules"
    cp "$KERNEL" "$kernel"
    cp -r "$TREE/usr/lib/modules/$(basename "$MODULES")/kernel" "$MODULES"/modules.{order,builtin,builtin.modinfo} "$modules"
    before=$(fingerprint "$modules")
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR
    # busybox knows nothing of soft dependencies
    run -0 timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" -r "$ROOT" -k "$kernel/$(basename "$KERNEL")" --exec sh -c \
        'modprobe crc32c_generic && modprobe virtio_net && modprobe button && modprobe nf_tables && grep -c -E "^(virtio_net|button|nf_tables) " /proc/modules; ls /lib/modules'
    [[ $'\n'$output == *$'\n3\n'"$(basename "$MODULES")"* ]]
    [ "$(fingerprint "$modules")" = "$before" ]
    [ -e "$(echo "$XDG_CACHE_HOME"/run-vm/modules-*/modules.dep.bin)" ]
}
