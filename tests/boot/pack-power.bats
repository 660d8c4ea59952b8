#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The power goes on a host that is adding paths to its pack: the host is a guest, killed at a random instant,
# with the cache and the store on its disk. What is in the cache after that is used or made anew, and
# each image is what the store has. Each cut takes half a minute: with RUN_VM_LONG only; the order of
# what reaches the disk is tested by tests/unit/test-storepack.c.

load harness
load command

CUTS=10

setup_file() {
    [ -n "${RUN_VM_LONG:-}" ] || return 0
    make_root
    mkdir "$ROOT/host"
    # all programs are the machine's, whose root is shared with the guest
    cat >"$ROOT/bin/cut-off" <<'END'
#!/bin/sh
for directory in proc sys dev; do mount --bind /$directory /host/$directory; done
mount --bind /cache /host/mnt
exec chroot /host bash /mnt/work "$@"
END
    chmod +x "$ROOT/bin/cut-off"
    mkdir "$BATS_FILE_TMPDIR/cache"
    write_work >"$BATS_FILE_TMPDIR/cache/work"
    mkfs.ext4 -q -d "$BATS_FILE_TMPDIR/cache" "$BATS_FILE_TMPDIR/disk" 300M
}

# Prints what the guest does: with its last closures from before the power went, then with others until it goes.
write_work() {
    printf 'run_vm=%q\n' "$RUN_VM_PROGRAM"
    cat <<'END'
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/mnt XDG_CACHE_HOME=/mnt/cache TMPDIR=/mnt/tmp LC_ALL=C
store=/mnt/root/nix/store
cd /mnt
rm -rf tmp seen
mkdir -p tmp
if [ ! -e made ]; then
    mkdir -p qemu/bin "$store"
    ln -s /usr/bin/qemu-img qemu/bin/qemu-img
    printf '#!/bin/sh\nexec sh -ec "$LOOK"\n' >qemu/bin/qemu-kvm
    chmod +x qemu/bin/qemu-kvm
    for i in {0..39}; do
        mkdir -p "$store/$i-p/share"
        yes "the text of $i" | head -c $((i * 9001 + 100)) >"$store/$i-p/share/file"
        echo "$i" >"$store/$i-p/share/small"
    done
    mkdir "$store/system"
    touch "$store/system"/{kernel,initrd,init,registration}
    echo quiet >"$store/system/kernel-params"
    jq -n '{runVm: {initrd: "system", store: "/mnt/root", storeImage: "pack"}, nixpkgs: {hostPlatform: "x86_64-linux"},
        system: {name: "power", build: {toplevel: "/nix/store/system", regInfo: "/nix/store/system"}},
        virtualisation: {diskImage: null, writableStore: false, useNixStoreImage: true,
            qemu: {package: "/mnt/qemu"}}}' >config.json
    sync
    touch made
    sync
fi
# start NUMBER LOOK: starts with the image of the closure of that number, one path of which is new; QEMU is
# the script LOOK.
start() {
    mkdir -p "$store/list-$1"
    {
        for i in {0..39}; do
            [ $(((i * $1 + i) % 7)) -gt 2 ] || echo "/nix/store/$i-p"
        done
        for ((i = $1 > 5 ? $1 - 5 : 1; i <= $1; i++)); do echo "/nix/store/$i-new"; done
    } >"$store/list-$1/store-paths"
    LOOK=$2 "$run_vm" --config config.json --accel tcg -o "system.build.storeClosure=/nix/store/list-$1"
}
# check NUMBER: a guest with that image reads what the store has.
check() {
    rm -rf seen raw
    start "$1" 'qemu-img convert -f qcow2 -O raw store.img /mnt/raw && fsck.erofs --extract=/mnt/seen /mnt/raw >/dev/null' &&
        for path in $(cat "$store/list-$1/store-paths"); do
            diff -r "/mnt/root$path" "/mnt/seen/${path##*/}" || return 1
        done
}
last=$(cat last 2>/dev/null || echo 0)
for ((n = last > 3 ? last - 3 : 1; n <= last; n++)); do
    check $n || exit 1
done
echo "whole up to $last"
for ((n = last + 1; ; n++)); do
    yes "new in $n" | head -c $((n * 5003 % 70000)) >"$store/$n-new"
    echo $n >last
    sync -f . # the store's; the pack's are run-vm's to write back
    start $n 'exit 0' || exit 1
    ((n % 4)) || "$run_vm" cache prune >/dev/null || exit 1
    echo "made $n"
done
END
}

# run_guest: runs the guest until the power goes, which it does $delay seconds after $after images were made.
run_guest() {
    local line made=0
    coproc HOST {
        exec timeout --kill-after=10 300 "$RUN_VM_PROGRAM" --kernel "$KERNEL" --modules-dir "$MODULES" --root-dir "$ROOT" \
            -o 'virtualisation.sharedDirectories.host={"source":"/","target":"/host"}' \
            -o "virtualisation.qemu.drives=[{\"name\":\"cache\",\"file\":\"$BATS_FILE_TMPDIR/disk\",\"driveExtraOpts\":{\"format\":\"raw\"}}]" \
            -o 'virtualisation.fileSystems={"/cache":{"device":"/dev/vda","fsType":"ext4","neededForBoot":true}}' \
            --exec cut-off 2>&1
    }
    while IFS= read -r line <&"${HOST[0]}"; do
        echo "$line"
        [[ $line != "made "* ]] || made=$((made + 1))
        if [ "$made" -ge "$after" ]; then
            sleep "$delay"
            pkill -KILL -f "^[^ ]*qemu-system.*$BATS_FILE_TMPDIR/disk" || true
            after=999999
        fi
    done
    wait "$HOST_PID" 2>/dev/null || true
}

@test "no power cut leaves an image of the pack that is not what the store has" {
    [ -n "${RUN_VM_LONG:-}" ] || skip "RUN_VM_LONG is not set"
    RANDOM=7
    for ((cut = 0; cut <= CUTS; cut++)); do
        after=$((RANDOM % 12 + 1)) delay=0.$((RANDOM % 900 + 100))
        run_guest >"$BATS_TEST_TMPDIR/output"
        cat "$BATS_TEST_TMPDIR/output"
        grep -q '^whole up to ' "$BATS_TEST_TMPDIR/output"
        grep -q '^made ' "$BATS_TEST_TMPDIR/output"
    done
    echo "# power cuts of a host that adds to the pack: $CUTS cuts, 0 failures" >&3
}
