#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Credentials for the guest's systemd, as the guest's kernel shows them.

load harness
load command

# As long as a credential, and found by grep wherever it leaks.
SECRET="hunter2,\"quoted\" 'and'
more"

setup_file() {
    make_root
    make_guest
    export SECRET_FILE=$BATS_FILE_TMPDIR/secret,file
    printf 'binary \001\377\000,\n%s\n' "$SECRET" >"$SECRET_FILE"
    jq -n --arg file "$SECRET_FILE" --arg text "$SECRET" '{virtualisation: {credentials: {
        "strings.file": {source: $file}, "strings.text": {text: $text},
        "file.file": {source: $file, mechanism: "fw_cfg"},
        "file.text": {text: $text, mechanism: "fw_cfg"}}}}' >"$BATS_FILE_TMPDIR/credentials.json"
    OPTIONS="--config $BATS_FILE_TMPDIR/credentials.json"
    export OPTIONS
}

@test "the guest gets every byte, and nobody else on the host does" {
    cd "$BATS_TEST_TMPDIR"
    mkdir tmp
    # dmi-sysfs and qemu_fw_cfg were loaded by init
    # shellcheck disable=SC2016,SC2094 # the guest's shell expands it; out is waited for
    TMPDIR=$PWD/tmp guest sh -c 'echo ready; read line
        cat /sys/firmware/dmi/entries/11-*/raw | tr "\000" "\n" | grep -ao "io.systemd.*"
        cd /sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials
        for i in *; do echo "$i $(base64 <"$i/raw" | tr -d "\n")"; done' >out 2>err < <(
            until_true grep -qs ready out
            pgrep -f "qemu-system.*$ROOT" | xargs -I{} cat /proc/{}/cmdline /proc/{}/environ >arguments
            grep -rl hunter2 tmp /dev/shm >leaks
            echo go
        )
    [ -s arguments ]
    run ! grep -aqE "hunter2|$(printf hunter2 | base64 | cut -c1-8)" arguments
    [ ! -s leaks ]
    local file text
    file=$(base64 -w0 <"$SECRET_FILE")
    text=$(printf %s "$SECRET" | base64 -w0)
    diff - <(tr -d '\r' <out) <<END
ready
io.systemd.credential.binary:strings.file=$file
io.systemd.credential.binary:strings.text=$text
file.file $file
file.text $text
END
}

@test "large strings leave the firmware's other tables intact" {
    # through PVH the guest would lose ACPI, and the power button with it
    head -c 42000 /dev/urandom >"$BATS_TEST_TMPDIR/large"
    OPTIONS="-o virtualisation.credentials.large.source=$BATS_TEST_TMPDIR/large" \
        ends 0 sh -c 'ls -d /sys/bus/acpi/devices/PNP0A08:00
            tr "\000" "\n" </sys/firmware/dmi/entries/11-0/raw | grep -ao "io.systemd.*"'
    diff - <(tr -d '\r' <"$BATS_TEST_TMPDIR/out") <<END
/sys/bus/acpi/devices/PNP0A08:00
io.systemd.credential.binary:large=$(base64 -w0 <"$BATS_TEST_TMPDIR/large")
END
}
