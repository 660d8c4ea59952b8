# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Stage 2: runs the test's script, with its output in `out` and its exit status in `status`.
export PATH=@system@/sw/bin
if [ -e /tmp/xchg/test.sh ]; then
    sh -eu /tmp/xchg/test.sh >/tmp/xchg/out 2>&1 </dev/null
    echo $? >/tmp/xchg/status
fi
echo "bootloader: stage 2 is done"
umount /boot 2>/dev/null
sync
mount -o remount,ro /
poweroff -f
