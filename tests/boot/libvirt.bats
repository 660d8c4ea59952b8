#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The demonstration system as a domain of real libvirts: of a user's, and of the host's.

load harness

setup_file() {
    [ "$(id -u)" = 0 ] || skip "only root can become another user"
    # short, for libvirt's sockets are in it, and where every user can go
    PLACE=$(mktemp -d /var/tmp/lv.XXXXXX)
    chmod 755 "$PLACE"
    export PLACE
    readable_demo
}

teardown_file() {
    [ -z "${PLACE:-}" ] || rm -rf "$PLACE"
}

# readable_demo: copies all that a machine of another user's needs. Hard links would change the times of the
# originals, by which other tests' caches know them.
readable_demo() {
    local store
    store=$(jq -r .runVm.store "$DEMO_CONFIG")
    mkdir -p "$PLACE/store/nix/store"
    cp -a "$store"/nix/store/* "$PLACE/store/nix/store"
    cp "$RUN_VM_PROGRAM" "${RUN_VM_INIT:-$RUN_VM_BUILD/init}" "$PLACE"
    jq --arg store "$PLACE/store" '.runVm.store = $store' "$DEMO_CONFIG" >"$PLACE/demo.json"
}

# domain session|system UID [OPTION...]: boots the system, whose guest runs the script on standard input.
domain() {
    local dir=$PLACE/$1
    mkdir -p "$dir"
    cat >"$dir/test.sh"
    RUN_VM_PROGRAM=$PLACE/run-vm "$BATS_TEST_DIRNAME/libvirt-domain" "$1" "$2" "$dir" \
        --config "$PLACE/demo.json" --guest-init "$PLACE/init" --accel tcg \
        -o "virtualisation.diskImage=$dir/disk.qcow2" \
        --append "demo.action=poweroff demo.run=/tmp/xchg/test.sh" "${@:3}" || {
        tail -n 20 "$dir/libvirtd.log" "$dir"/home/.cache/libvirt/qemu/log/* || true
        return 1
    }
    [ "$(cat "$dir/files/xchg/test.sh.status")" = 0 ]
}

@test "a user's libvirt boots the system with the host's store, which it cannot write to" {
    truncate -s 3M "$PLACE/extra.raw"
    chmod 666 "$PLACE/extra.raw"
    # one disk, and a device, that only QEMU knows: beside libvirt's, and in their order
    domain session 61003 -o 'virtualisation.qemu.options=["-device virtio-balloon"]' \
        -o 'virtualisation.qemu.drives=[{"file":"'"$PLACE"'/extra.raw","driveExtraOpts":{"format":"raw","throttling.iops-total":"9999"},"deviceExtraOpts":{"serial":"extra"}}]' <<'EOT'
set -e
grep '^/dev/vda / ext4 ' /proc/mounts
[ "$(cat /sys/block/vdb/serial)" = extra ]
grep ' /nix/.ro-store 9p ro,' /proc/mounts
mount -o remount,rw /nix/.ro-store
if touch /nix/.ro-store/x; then exit 1; fi
EOT
    # QEMU's user network, which tests/oracle/domains.py does not get to see
    grep -F '{"type":"user","id":"hostnet0"}' "$PLACE"/session/home/.cache/libvirt/qemu/log/box.log
}

@test "the host's libvirt boots the system from a store image, with shares by virtiofs and a TPM" {
    domain system 0 -o virtualisation.tpm.enable=true -o virtualisation.useNixStoreImage=true -o virtualisation.mountHostNixStore=false \
        -o virtualisation.writableStore=false -o runVm.transport=virtiofs \
        -o "system.build.storeClosure=$(jq -r .system.build.regInfo "$DEMO_CONFIG")" <<'EOT'
set -e
grep ' / ext4 ' /proc/mounts
grep ' /nix/store erofs ro,' /proc/mounts
grep ' /tmp/xchg virtiofs ' /proc/mounts
grep 2 /sys/class/tpm/tpm0/tpm_version_major
EOT
    # libvirt changes no owner
    [ "$(stat -L -c %u "$PLACE"/system/{disk.qcow2,files/kernel,files/store.img} | sort -u)" = 0 ]
    [ "$(grep -Ec '/files/((kernel|initrd)-[0-9a-f]{32}|store-[0-9a-f]{32}[.]img)\>' "$PLACE/system/box.xml")" = 3 ]
}

# connected session|system|ssh UID URI: runs the script on standard input beside a libvirtd. Its arguments are
# the options of a start by --connect.
connected() {
    local dir=$PLACE/connected-$1
    mkdir -p "$dir"
    cat >"$dir/user.sh"
    RUN_VM_PROGRAM=$PLACE/run-vm "$BATS_TEST_DIRNAME/libvirt-domain" "$1" "$2" "$dir" --connect "$3" \
        --config "$PLACE/demo.json" --guest-init "$PLACE/init" --name box -o virtualisation.diskImage=here.qcow2 \
        -o "system.build.storeClosure=$(jq -r .system.build.regInfo "$DEMO_CONFIG")" || {
        tail -n 20 "$dir"/{libvirtd.log,sshd.log,messages} || true
        return 1
    }
}

@test "--connect sends a machine to a user's libvirt, once" {
    connected session 61003 "qemu:///session?mode=legacy&no_verify=1" <<'EOT'
volumes=$HOME/.local/share/libvirt/images/run-vm
"$RUN_VM_PROGRAM" "$@" --detach 2>messages
[ "$(grep -c uploading messages)" = 3 ]
grep "stop --connect 'qemu:///session?mode=legacy&no_verify=1' box" messages
ls "$volumes" | sed 's/-.*//' | sort | tr '\n' ' ' | grep '^box.qcow2 initrd kernel store $'
status=0
"$RUN_VM_PROGRAM" "$@" --detach 2>messages || status=$?
[ "$status" = 69 ]
grep "box: runs on .* already" messages
"$RUN_VM_PROGRAM" stop --connect "$LIBVIRT_DEFAULT_URI" --kill || [ $? = 3 ]

# the domain of somebody else stays
echo "<domain type='qemu'><name>theirs</name><memory>1</memory><os><type>hvm</type></os></domain>" >theirs.xml
virsh define theirs.xml
virsh dumpxml theirs >before.xml
status=0
"$RUN_VM_PROGRAM" "$@" --name theirs --detach 2>messages || status=$?
[ "$status" = 69 ]
grep "'theirs' already exists" messages
virsh dumpxml theirs | diff before.xml -

# an upload that was broken off is done again, and no other
truncate -s 1M "$volumes"/kernel-*
"$RUN_VM_PROGRAM" "$@" --count 2 2>messages
[ "$(grep -c uploading messages)" = 1 ]
grep "uploading kernel-" messages
[ "$(virsh list --name | grep -c '^box-[12]')" = 2 ]
[ "$(virsh domiflist box-1 | grep -o '52:.*')" != "$(virsh domiflist box-2 | grep -o '52:.*')" ]
[ "$(ls "$volumes" | grep -c '^store-')" = 1 ]
EOT
}

# report CONSOLE: prints the report of a boot, without the time, and without the sizes of filesystems in
# memory, of which libvirt's machine with its bridges has a little less.
report() {
    clean <"$1" | grep '^demo: ' | sed '/^demo: uptime /d; s/,size=[0-9]*k\(,nr_inodes=[0-9]*\)\?//'
}

@test "a connection that breaks leaves a machine that is defined whole, or none; over ssh it boots" {
    OPENSSH=$("$BATS_TEST_DIRNAME/../../scripts/fetch-package" bookworm openssh-server)
    export OPENSSH
    connected ssh 0 "qemu+ssh://somebody@127.0.0.1/system?keyfile=$PLACE/connected-ssh/key&no_verify=1" <<'EOT'
# virsh, whose command $broken finds the connection broken
mkdir bin
cat >bin/virsh <<'EOS'
#!/bin/bash
command=${4%%[; ]*}
echo "$command" >>"$CALLS"
[ "$command" != "$broken" ] || { echo "error: Connection reset by peer" >&2; exit 1; }
PATH=${PATH#*:} exec virsh "$@"
EOS
chmod +x bin/virsh
export CALLS=$PWD/calls broken
# in the order of a start, which goes on without an answer to the questions
steps="uri pool-info pool-list pool-define-as pool-build pool-autostart pool-start vol-create-as vol-upload define start"
questions="domcapabilities pool-dumpxml"
for broken in $steps; do
    status=0
    PATH=$PWD/bin:$PATH "$RUN_VM_PROGRAM" "$@" --detach --connect "$LIBVIRT_DEFAULT_URI" 2>messages || status=$?
    [ "$status" = 69 ]
    grep -E 'Connection reset by peer|no longer answers' messages
    if virsh dumpxml box >box.xml 2>/dev/null; then
        [ "$broken" = start ]
    fi
done
[ "$(sort -u calls)" = "$(printf '%s\n' $steps $questions | sort)" ]
# everything that the domain names is there
grep -o "/var/lib/libvirt/images[^<']*" box.xml | while read -r file; do
    [ -s "$file" ]
done

"$RUN_VM_PROGRAM" "$@" --append demo.action=poweroff </dev/null >console 2>messages
[ "$(grep -c uploading messages)" = 0 ]
grep "box: the guest has powered down" messages

"$RUN_VM_PROGRAM" "$@" --detach
"$RUN_VM_PROGRAM" list "${@:1:2}" | grep ' box .*running'
"$RUN_VM_PROGRAM" console "${@:1:2}" box </dev/null >console-again 2>messages &
is_shown() { # libvirtd has the console open
    ls -l "/proc/$(pgrep -x libvirtd)/fd" | grep -w "$(virsh ttyconsole box)"
}
until_true is_shown
"$RUN_VM_PROGRAM" stop "${@:1:2}" --kill box || [ $? = 3 ]
status=0
wait $! || status=$?
[ "$status" = 1 ]
grep "box: its console" messages
grep "box: shut off (destroyed)" messages
EOT
    # the guest found the same as one that run-vm starts, except the shares with this host
    TMPDIR=$BATS_TEST_TMPDIR boot_as_is direct -o virtualisation.useNixStoreImage=true -o virtualisation.mountHostNixStore=false \
        -o "system.build.storeClosure=$(jq -r .system.build.regInfo "$DEMO_CONFIG")"
    ended direct
    report "$BATS_FILE_TMPDIR/direct/console" | grep -v '^demo: mount /tmp/\(shared\|xchg\) 9p ' >"$BATS_TEST_TMPDIR/report"
    diff "$BATS_TEST_TMPDIR/report" <(report "$PLACE/connected-ssh/console")
    says "$BATS_TEST_TMPDIR/report" '^demo: mount / ext4 '
}
