# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced. Runs apt with a state of its own, for packages and sources of any Debian suite, without
# root; changes neither /etc/apt nor the installed packages.
#
#   apt_begin DIRECTORY SUITE [deb|deb-src]   fetches the suite's lists into DIRECTORY
#   apt_run PROGRAM ARGUMENT...               apt-get or apt-cache in that state
#   apt_fetch ARGUMENT...                     the same for apt-get where it downloads
#
# apt_architecture, if set, is the packages' architecture, such as arm64, in place of this machine's.
#
# The mirrors come from the machine's own configuration; apt verifies everything with Debian's keys.

# Prints Debian's repositories in the machine's configuration: "LABEL SITE CODENAME" lines. Without
# lists (on a fresh image) apt does not know which repository is Debian's, so the lists of the
# machine's own configuration are fetched into the private state first.
apt_sites() {
    local format='$(ORIGIN)|$(LABEL)|$(SITE)|$(CODENAME)' targets
    targets=$(apt-get indextargets --format "$format")
    if ! grep -q '^Debian|' <<<"$targets"; then
        mkdir -p "$apt_state/own/partial"
        local own=(-o "Dir::State::Lists=$apt_state/own" -o APT::Sandbox::User=root
            -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
        apt-get -q -o Acquire::Retries=3 "${own[@]}" update >&2 || true
        targets=$(apt-get "${own[@]}" indextargets --format "$format")
    fi
    sed -n 's/^Debian|\([^|]*\)|\([^|]*\)|\([^|]*\)$/\1 \2 \3/p' <<<"$targets" | sort -u
}

# Writes the sources of SUITE, of KIND (deb or deb-src), signed by KEYRING.
apt_write_sources() {
    local suite=$1 kind=$2 keyring=$3 label site
    while read -r label site; do
        case $label:$suite in
        Debian:sid | Debian:unstable | Debian:experimental) echo "$suite" ;;
        Debian:*) echo "$suite $suite-updates" ;;
        Debian-Security:sid | Debian-Security:unstable | Debian-Security:experimental) ;;
        Debian-Security:*) echo "$suite-security" ;;
        esac | tr ' ' '\n' | sed "s|.*|$kind [signed-by=$keyring] $site & main|"
    done < <(cut -d' ' -f1,2 <<<"$apt_sites" | sort -u) >"$apt_state/sources.list"
}

apt_run() {
    local program=$1
    shift
    "$program" \
        -o "Dir::Etc::sourcelist=$apt_state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o "Dir::State=$apt_state" -o "Dir::State::status=$apt_state/status" \
        -o "Dir::Cache=$apt_state/cache" -o APT::Sandbox::User=root -o Debug::NoLocking=1 \
        -o Acquire::Retries=3 -o Acquire::Languages=none -o APT::Update::Error-Mode=any \
        ${apt_architecture:+-o "APT::Architecture=$apt_architecture" -o "APT::Architectures=$apt_architecture"} "$@"
}

# A mirror's list may name an update whose files have not arrived there: then the version of the
# release itself is fetched.
apt_fetch() {
    apt_run apt-get -q "$@" && return
    echo "apt: trying without the updates of $apt_suite" >&2
    apt_run apt-get -q -t "$apt_suite" "$@"
}

# Downloads Debian's newest keyring from the release that this machine runs and already trusts, since
# the installed keyring may be older than the suite. Prints the file.
apt_newest_keyring() {
    local keyring=$1 site codename apt_architecture=
    read -r _ site codename < <(grep '^Debian [^ ]* [a-z]*$' <<<"$apt_sites") || return 1
    echo "deb [signed-by=$keyring] $site $codename main" >"$apt_state/sources.list"
    apt_run apt-get -q update >&2 || return 1
    (cd "$apt_state" && apt_run apt-get -q download debian-archive-keyring >&2 &&
        dpkg-deb -x debian-archive-keyring_*.deb keyring) || return 1
    readlink -f "$apt_state/keyring/usr/share/keyrings/debian-archive-keyring.gpg"
}

apt_begin() {
    local suite=$2 kind=${3:-deb} keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    apt_state=$1
    apt_suite=$suite
    mkdir -p "$apt_state/lists/partial" "$apt_state/cache/archives/partial"
    : >"$apt_state/status"
    apt_sites=$(apt_sites)
    if [ -z "$apt_sites" ]; then
        echo "apt: no Debian repository in this machine's apt configuration" >&2
        return 1
    fi
    if ! [ -e "$keyring" ]; then
        echo "apt: $keyring: not found; install debian-archive-keyring" >&2
        return 1
    fi
    apt_write_sources "$suite" "$kind" "$keyring"
    apt_run apt-get -q update >&2 && return
    echo "apt: $suite: trying again with Debian's newest keyring" >&2
    keyring=$(apt_newest_keyring "$keyring") || return 1
    apt_write_sources "$suite" "$kind" "$keyring"
    apt_run apt-get -q update >&2 && return
    [ -n "${apt_architecture:-}" ] || return
    # a mirror may lack the updates' lists of an architecture that it seldom serves
    echo "apt: $suite: trying again without its updates" >&2
    sed -i "\\| $suite main\$|!d" "$apt_state/sources.list"
    apt_run apt-get -q update >&2
}
