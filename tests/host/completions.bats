#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The completions of the command line, in the real shells. bash and zsh run on a terminal, where a key
# inserts every candidate into the line, and another one writes the line into a file.

bats_require_minimum_version 1.5.0

load ../waiting

# start_shell NAME COMMAND...: runs a shell on a terminal of its own, in the directory with the files, and
# waits until it reads keys.
start_shell() {
    tmux -L "$1" -f /dev/null new-session -d -x 250 -y 50 -c "$PWD" "${@:2}" 3>&-
    until_true reads_keys "$1"
}

# reads_keys SHELL: it has written the line that is typed now.
reads_keys() {
    local line="line $((++tried))"
    type_keys "$1" '' "$line"
    sleep 0.5
    [ "$(cat answer 2>/dev/null)" = "$line" ]
}

# type_keys SHELL KEYS TEXT: types the text and the keys, and lets the shell write its line.
type_keys() {
    tmux -L "$1" send-keys C-u
    tmux -L "$1" send-keys -l "$3"
    # shellcheck disable=SC2086 # several keys
    tmux -L "$1" send-keys $2 C-x p
}

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    make -C "$BATS_TEST_DIRNAME/../.." --no-print-directory completions >/dev/null
    cp "$RUN_VM_BUILD"/completions/run-vm.* .
    mkdir -p bin work/tree work/.hidden
    touch work/vm.json work/kernel
    # What run-vm list prints with two machines
    printf '#!/bin/sh\n[ "$1" = list ] && printf "NAME PID\\nbox 12\\nbox-2 13\\n"\n' >bin/run-vm
    chmod +x bin/run-vm
    export PATH=$PWD/bin:$PATH HOME=$PWD TMUX_TMPDIR=$PWD
    cat >bashrc <<'END'
source run-vm.bash
bind '"\C-xi": insert-completions'
bind -x '"\C-xp": printf %s "$READLINE_LINE" >../new && mv ../new ../answer'
cd work
END
    mkdir functions
    cp run-vm.zsh functions/_run-vm
    cat >.zshrc <<'END'
fpath=($HOME/functions $fpath)
autoload -Uz compinit && compinit -u
unsetopt list_beep
# Writes the candidates down; the options -A, -D and -O only compare.
compadd() {
    local -a candidates
    [[ ${@[1,(i)(-|--)]} == *-(A|D|O)\ * ]] || builtin compadd -A candidates "$@"
    (( $#candidates )) && print -l -- $candidates >>$HOME/candidates
    builtin compadd "$@"
}
write-line() { print -rn -- "$BUFFER" >../new && mv ../new ../answer }
zle -N write-line
bindkey '^Xi' list-choices
bindkey '^Xp' write-line
cd work
END
    start_shell bash bash --noprofile --rcfile bashrc -i
    start_shell zsh zsh -i
}

teardown_file() {
    tmux -L bash kill-server
    tmux -L zsh kill-server
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

# answer SHELL KEYS TEXT: prints the line after the text and the keys have been typed.
answer() {
    rm -f answer candidates
    type_keys "$@"
    until_true [ -e answer ] && cat answer
}

# candidates SHELL TEXT: prints the candidates for its last word, each on a line.
candidates() {
    case $1 in
    fish) (cd work && XDG_CONFIG_HOME=$PWD/.. fish --no-config -c "source ../run-vm.fish; complete -C '$2'") | cut -f 1 ;;
    zsh) answer zsh 'C-x i' "$2" >/dev/null && cat candidates ;;
    *) answer bash 'C-x i' "$2" | tr ' ' '\n' ;;
    esac
}

# offered SHELL TEXT: prints the candidates for its last word, sorted, without what is typed before a "=",
# without marks of directories, hidden files and the words that bash keeps in its line.
offered() {
    local word=${2##* } typed
    candidates "$1" "$2" >list
    [ "$1" != bash ] || sed -i "1,$(wc -w <<<"${2% *}")d" list
    typed=${word%"${word##*=}"}
    sed "s,^$typed,,; s,/\$,,; /^\./d; /^\$/d" list | LC_ALL=C sort -u | xargs
}

# all_offer TEXT CANDIDATES: every shell offers exactly these.
all_offer() {
    local shell found
    for shell in bash zsh fish; do
        found=$(offered "$shell" "$1")
        [ "$found" = "$2" ] || {
            echo "$shell: $1: offers '$found', expected '$2'"
            return 1
        }
    done
}

@test "commands, and the second words of commands" {
    all_offer 'run-vm cache ' 'list prune'
    all_offer 'run-vm cache p' prune
    all_offer 'run-vm li' 'libvirt-xml list'
    all_offer 'run-vm libvirt-xml ' 'session system'
    all_offer 'run-vm cache prune --' '--help --max-size --older-than'
}

@test "options, and every option that --help names" {
    all_offer 'run-vm --acc' --accel
    all_offer 'run-vm --root-dir x --keep' --keep-tmp
    all_offer 'run-vm run --keep' --keep-tmp
    local shell option
    "$RUN_VM_PROGRAM" --help | grep -o '^  [-a-zA-Z, ]*--[a-z-]*' | grep -o -- '--[a-z-]*' >options
    for shell in bash zsh fish; do
        offered "$shell" 'run-vm --' >all
        while read -r option; do
            grep -qw -- "$option" all || {
                echo "$shell: no $option"
                return 1
            }
        done <options
    done
}

@test "arguments: choices, files, directories, and nothing where the user invents" {
    all_offer 'run-vm --accel ' 'auto kvm tcg'
    all_offer 'run-vm --accel=k' kvm
    all_offer 'run-vm --dry-run=j' json
    all_offer 'run-vm -C ' 'kernel tree vm.json'
    all_offer 'run-vm --kernel ker' kernel
    all_offer 'run-vm --root-dir ' tree
    all_offer 'run-vm --memory ' ''
    all_offer 'run-vm -- ' 'kernel tree vm.json'
    all_offer 'run-vm --exec cat ' 'kernel tree vm.json'
}

@test "names of the machines that run" {
    all_offer 'run-vm stop ' 'box box-2'
    all_offer 'run-vm console box-' box-2
    all_offer 'run-vm exec ' 'box box-2'
    all_offer 'run-vm ssh b' 'box box-2'
}

@test "options of the configuration, and their values" {
    all_offer 'run-vm -o virtualisation.gr' virtualisation.graphics=
    all_offer 'run-vm -o virtualisation.graphics=' 'false true'
    all_offer 'run-vm --option=runVm.onT' runVm.onTerm=
    all_offer 'run-vm -C vm.json -o runVm.onTerm=' 'poweroff quit'
    all_offer 'run-vm -o virtualisation.shared' virtualisation.sharedDirectories.
}

@test "one key completes a word, and goes on behind it where it is whole" {
    [ "$(answer bash Tab 'run-vm --acc')" = 'run-vm --accel ' ]
    [ "$(answer zsh Tab 'run-vm --acc')" = 'run-vm --accel=' ]
    local shell
    for shell in bash zsh; do
        [ "$(answer "$shell" Tab 'run-vm -o virtualisation.gr')" = 'run-vm -o virtualisation.graphics=' ]
        [ "$(answer "$shell" Tab 'run-vm --accel kv')" = 'run-vm --accel kvm ' ]
        [ "$(answer "$shell" Tab 'run-vm --root-dir tr')" = 'run-vm --root-dir tree/' ]
    done
}
