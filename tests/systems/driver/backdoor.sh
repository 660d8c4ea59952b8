# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Opens a root shell on /dev/hvc0, which the test driver talks to, as NixOS's test instrumentation does in
# a system. The demonstration system runs this as its script (demo.run), from the share xchg, which also
# has a static bash. It ends with the shell, when the command "poweroff" kills that.
#
# Kernel parameters:
#   driver.network=NAME:A.B.C.D   the address of that network interface

mkdir -p /run/driver/bin
cp /tmp/xchg/bash-static /run/driver/bin/bash
echo "kill -KILL $$" >/run/driver/bin/poweroff
chmod +x /run/driver/bin/*
export PATH="/run/driver/bin:$PATH" USER=root HOME=/root PS1=
cd /tmp || exit

network=$(sed 's/ /\n/g' /proc/cmdline | sed -n 's/^driver.network=//p')
if [ -n "$network" ]; then
    ip link set lo up
    ip link set "${network%%:*}" up
    ip addr add "${network#*:}/24" dev "${network%%:*}"
fi

exec </dev/hvc0 >/dev/hvc0 2>/dev/ttyS0
echo "connecting to host..." >&2
stty -F /dev/hvc0 raw -echo
# tells the driver that the shell reads
echo "Spawning backdoor root shell..."
# with the file as an argument bash is not interactive
exec bash --norc /dev/hvc0
