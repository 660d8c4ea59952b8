# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced. What Debian has for guests of other processors than this machine's.

# shellcheck disable=SC2034 # used by those that source this file
# its name of the processor, and the oldest suite with packages for it
declare -A architectures=([aarch64]=arm64 [riscv64]=riscv64) suites=([aarch64]=bookworm [riscv64]=trixie)

# check_processor CPU: exits if nothing is known of it.
check_processor() {
    [ -n "${suites[$1]:-}" ] || {
        echo "$(basename "$0"): GUEST_CPU=$1: not known, expected one of ${!suites[*]}" >&2
        exit 1
    }
}
