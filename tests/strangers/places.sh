#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Something else in the place of each file and directory of a log. It is
# refused, by name, or it works; nothing outside of LOGDIR changes, nothing
# blocks, and no record is lost for it but those whose very file it took.

places=(format writer clean durable segments cursors quarantine
    "$segment0" "$segment0"/{store,index,stamps}
    "$segment8" "$segment8"/{store,index,stamps}
    cursors/c cursors/new format.new clean.new cursors/c.new
    "$segment0.dropped" "$segment0.dropped/store"
    segments/00000000000000000005 segments/other)

# What holds the bytes of records: without it some cannot be read.
holds_records() {
    [[ $1 == segments || $1 == segments/*/store || $1 == segments/*8 ||
        $1 == segments/*0 || $1 == segments/*5 || $1 == segments/*/stamps ]]
}

# visited DIRECTORY VERB: what `visit` says goes to $TMP/said.
visited() {
    local status=0
    "${VISIT:-visit}" "$2" "$1" "$count" >"$TMP/said" 2>&1 ||
        status=$?
    echo "$status"
}

# said_by_name PLACE: what is refused when it is opened is refused by name;
# later steps are refused to who takes them.
said_by_name() {
    ! grep -q '^refused: open' "$TMP/said" || grep -qF "${1##*/}" "$TMP/said"
}

complain() {
    echo "$kind in the place of $place, $state, $verb: $*"
    sed 's/^/    /' "$TMP/said"
    complaints=$((complaints + 1))
}

judge() {
    local status=$1
    case $status in
    0)
        holds_records "$place" || [[ $kind == second ]] ||
            grep -q 'cannot read 0$' "$TMP/said" ||
            complain "records cannot be read"
        ;;
    1) said_by_name "$place" || complain "refused without its name" ;;
    *) complain "status $status" ;;
    esac
}

# try: one kind in one place, and what comes of it.
try() {
    local status
    rm -rf "$DISK/log" "$OUTSIDE/second"
    picture "$OUTSIDE" | cmp -s - "$TMP/before" || make_outside
    cp -a "$DISK/fresh" "$DISK/log"
    [[ $state == clean ]] || rm "$DISK/log/clean"
    case $kind in
    mode | owner) [[ -e $DISK/log/$place ]] || return 0 ;;
    second) [[ -f $DISK/log/$place ]] || return 0 ;;
    esac
    put_in_place "$DISK/log" "$place" "$kind"
    picture "$OUTSIDE" >"$TMP/before"
    picture "$DISK/log" >"$DISK/log.before"
    status=$(visited "$DISK/log" "$verb")
    picture "$OUTSIDE" | cmp -s - "$TMP/before" ||
        complain "it was changed outside: $(picture "$OUTSIDE" |
            diff - "$TMP/before")"
    [[ $verb == use ]] || picture "$DISK/log" | cmp -s - "$DISK/log.before" ||
        complain "looking changed it"
    judge "$status"
    if [[ $status == 1 && $verb == use ]]; then
        status=$(visited "$DISK/log" look)
        ((status < 2)) || complain "afterwards: status $status"
    fi
}

# To use it each time, to look each third time; clean or not in turns.
is_turn() {
    local states=(clean unclean)
    [[ $state == "${states[n % 2]}" ]] &&
        { [[ $verb == use ]] || ((n % 3 == 0)); }
}

# try_all KIND...: in each place; with CLOG_LONG in every way.
try_all() {
    local kind place state verb n=0 complaints=0
    make_fresh
    for kind; do
        for place in "${places[@]}"; do
            n=$((n + 1))
            for state in clean unclean; do
                for verb in use look; do
                    if [[ -n ${CLOG_LONG-} ]] || is_turn; then
                        try
                    fi
                done
            done
        done
    done
    ((complaints == 0)) || fail "$complaints complaints of $n places"
}

test_symbolic_links() {
    try_all link directory-link dangling
}

test_hard_links() {
    try_all hard second
}

test_what_blocks() {
    try_all fifo socket
}

test_devices() {
    try_all zero full
}

test_directories() {
    try_all directory tree
}

test_holes() {
    try_all hole
}

test_modes_and_owners() {
    try_all mode owner
}

run_tests
