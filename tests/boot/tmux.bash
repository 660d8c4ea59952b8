# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Real terminals, those of tmux. Each has a name and a file with all of its output.

export TMUX_SOCKET=${BATS_FILE_TMPDIR:-}/tmux

in_tmux() {
    tmux -S "$TMUX_SOCKET" -f /dev/null "$@"
}

# open_terminal NAME COLUMNSxLINES COMMAND FILE: runs the shell's command on a new terminal.
open_terminal() {
    : >"$4"
    in_tmux set -g history-limit 10000 \; new-session -d -s "$1" -x "${2%x*}" -y "${2#*x}" "exec $3" \; \
        pipe-pane -t "$1" "exec cat >>$4" 3>&- 4>&-
}

# keys NAME KEY...: types keys, as tmux names them; bytes NAME HH...: types bytes.
keys() {
    in_tmux send-keys -t "$1" "${@:2}"
}
bytes() {
    in_tmux send-keys -t "$1" -H "${@:2}"
}

# ask_tmux NAME FORMAT: prints what tmux knows of the terminal.
ask_tmux() {
    in_tmux display-message -p -t "$1" "$2"
}

# is_raw NAME: a program has put the terminal into raw mode.
is_raw() {
    stty -a <"$(ask_tmux "$1" '#{pane_tty}')" | grep -q -e '-icanon'
}

close_terminals() {
    in_tmux kill-server 2>/dev/null || true
}
