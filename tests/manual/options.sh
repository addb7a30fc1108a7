#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# That --help and the parser agree is the unit test's of options; here help,
# manual and completions do: an option in one is in all.

# All that bash offers for a command line, as readline would ask for it.
of_bash() {
    bash -c '
        . "$1"
        line=$2
        read -ra COMP_WORDS <<<"$line"
        [[ $line != *" " ]] || COMP_WORDS+=("")
        COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        "$(complete -p "${COMP_WORDS[0]}" | sed "s/.*-F //; s/ .*//")"
        printf "%s\n" "${COMPREPLY[@]}"
    ' bash "$completions/clog.bash" "$1"
}

of_zsh() {
    timeout 60 zsh -f "$SOURCE/tests/manual/complete.zsh" "$completions" "$1"
}

of_fish() {
    HOME=$TMP fish -c 'source $argv[1]; complete -C $argv[2]' \
        "$completions/clog.fish" "$1" | sed 's/\t.*//'
}

# Every option that SHELL offers to clog, and all words behind "=".
of_shell() {
    { "of_$1" "clog -" && "of_$1" "clog -o "; } | sort -u
}

# zsh offers names alone, and what comes behind "=" when it is asked.
names() {
    sed -E 's/^([a-z].*)=.*/\1/' | sort -u
}

test_manual() {
    same_options "$(of_help "$CLOG")" "$(of_manual clog.1)" "clog(1)"
    same_options "$(of_help "$VERIFY")" "$(of_manual clog-verify.1)" \
        "clog-verify(1)"
}

test_bash() {
    same_options "$(of_help "$CLOG")" "$(of_shell bash)" clog
    same_options "$(of_help "$VERIFY")" "$(of_bash "clog-verify -" | sort)" \
        clog-verify
    equal "$(of_bash "clog --full=")" $'error\ndrop_oldest'
    equal "$(of_bash "clog -o ro,full=d")" drop_oldest
    equal "$(of_bash "clog -oro,full=d")" drop_oldest
    equal "$(of_bash "clog -o ro,al")" ro,allow_other
    cd "$SOURCE"
    equal "$(of_bash "clog -o config=meson_")" meson_options.txt
    equal "$(of_bash "clog cor")" core
}

test_zsh() {
    same_options "$(of_help "$CLOG" | names)" \
        "$(of_shell zsh | names)" clog
    same_options "$(of_help "$VERIFY")" \
        "$({ of_zsh "clog-verify -" && of_zsh "clog-verify --"; } | sort -u)" \
        clog-verify
    equal "$(of_zsh "clog -o full=" | tr '\n' ' ')" "error drop_oldest "
    equal "$(of_zsh "clog -o ro,umas")" umask
    cd "$SOURCE"
    equal "$(of_zsh "clog cor" | sort -u)" core
}

test_fish() {
    same_options "$(of_help "$CLOG")" "$(of_shell fish)" clog
    same_options "$(of_help "$VERIFY")" "$(of_fish "clog-verify -" | sort)" \
        clog-verify
    equal "$(of_fish "clog -o ro,full=d")" ro,full=drop_oldest
    cd "$SOURCE"
    equal "$(of_fish "clog cor")" core/
}

differ() (
    same_options "$@" control >/dev/null 2>&1
)

# One option more on either side is noticed.
test_control() {
    local all
    all=$(of_help "$CLOG")
    fails differ "$all" "$(sed 1d <<<"$all")"
    fails differ "$all" "$all"$'\nzebra='
    fails differ "" ""
}

run_tests
