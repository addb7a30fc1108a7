#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A disk that takes a second for each read, and a log of which nothing is in
# memory: who asks for what is old waits, and nobody with him.

# prepare [SIZE]: a cold log of segments of that size, mounted; what is new is
# in memory, and of the others what is read to open them.
prepare() {
    make_disk 200M
    make_cold_log "$records" -o max_store="${1-4M}"
    mount_log -o max_store="${1-4M}"
    warm_up
}

# prepare_indexes: the same, of segments whose indexes and stamps are so large
# that what is read to open them is but a part.
prepare_indexes() {
    local records=1200000
    prepare 64M
}

# beside COMMAND...: all goes on while it is done, and it does have to wait.
beside() {
    local asking
    slow_down "$slow" 0
    timed "$@" >"$TMP/asked" 2>"$TMP/error" &
    asking=$!
    sleep 0.2
    in_time 3 all append
    slow_down 0 0
    wait "$asking" || fail "$*: $(tail -n 3 "$TMP/error")"
    (($(cat "$TMP/took") >= slow)) || fail "it did not have to wait: $*"
}

# timed COMMAND...: how many ms it took goes to $TMP/took.
timed() {
    local began=${EPOCHREALTIME/./}
    "$@"
    echo $(((${EPOCHREALTIME/./} - began) / 1000)) >"$TMP/took"
}

records=400000

# Records far from each other, and from the ends of segments.
far=(310000 20000 275000 55000 240000 90000)

# Each of these, one after the other.
each_record() {
    local n
    for n in "${far[@]}"; do
        "$@" "$MNT/records/$n"
    done
}

# far_lines: what they are.
far_lines() {
    local n
    for n in "${far[@]}"; do
        lines "$n" "$n"
    done
}

test_stat() {
    prepare_indexes
    beside each_record stat
}

test_reads() {
    prepare
    beside each_record cat
    equal "$(cat "$TMP/asked")" "$(far_lines)"
}

test_xattrs() {
    prepare_indexes
    beside each_record getfattr --absolute-names -d
}

# some_of_the_log: the same by their places in it.
some_of_the_log() {
    local n
    for n in "${far[@]}"; do
        dd if="$MNT/log" bs=100 skip="$n" count=1 status=none
    done
}

test_log() {
    prepare
    beside some_of_the_log
    equal "$(cat "$TMP/asked")" "$(far_lines)"
}

# The log is so old that each look is at another place.
by_time() {
    local n
    for n in "${far[@]}"; do
        readlink "$MNT/at/@$(stat -c %.9Y "$MNT/records/$n")"
    done
}

test_at() {
    prepare_indexes
    beside by_time
    equal "$(wc -l <"$TMP/asked")" "${#far[@]}"
}

from_a_cursor() {
    local n
    for n in "${far[@]}"; do
        echo "$n" >"$MNT/cursors/c/offset"
        head -c 100 "$MNT/cursors/c/log"
        head -c 100 "$MNT/cursors/c/follow"
    done
}

test_cursors() {
    prepare
    beside from_a_cursor
    equal "$(uniq "$TMP/asked")" "$(far_lines)"
}

# A listing that shows each one's size and time.
test_listing() {
    prepare
    beside timeout 60 bash -c 'ls -f -l "$1/records" | head -n 3000' - "$MNT"
}

# The middle of each file of a segment.
files_of_segments() {
    local file
    for file in "$MNT"/segments/*[1-9]*/*; do
        xxd -s $(($(stat -c %s "$file") / 2)) -l 16 "$file"
    done
}

test_segments() {
    prepare
    beside files_of_segments
}

# What was closed before it is looked for is there, however many cold reads
# are under way: the kernel has only so many requests of some kinds on their
# way at a time.
test_closed_and_looked_for() {
    local n pids=()
    prepare 1M
    slow_down "$slow" 0
    for n in $(ls "$MNT/segments" | head -n 24); do
        cat "$MNT/segments/$n/store" >/dev/null &
        pids+=("$!")
    done
    sleep 0.3
    for n in {1..30}; do
        printf 'line %s' "$n" >>"$MNT/append"
        equal "$(cat "$MNT/last")" "line $n"
    done
    slow_down 0 0
    wait "${pids[@]}"
}

# An index entry that is wrong: the segment is read for the record, once.
test_an_index_that_is_wrong() {
    local n
    make_disk 600M
    make_cold_log 2500000
    n=$(($(stat -c %s "$LOG/$segment0/index") / 32))
    chmod u+w "$LOG/$segment0" "$LOG/$segment0/index"
    printf '\x77' | dd of="$LOG/$segment0/index" bs=1 conv=notrunc \
        seek=$((n * 16 + 11)) status=none
    # What is appended is in another segment.
    mount_log -o max_store=1M
    lines 1 20000 >>"$MNT/append"
    warm_up
    slow_down 20 0
    stat "$MNT/records/$n" >"$TMP/asked" &
    in_time 3 all append
    slow_down 0 0
    wait $!
    equal "$(cat "$MNT/records/$n")" "$(lines "$n" "$n")"
}

usually reads closed_and_looked_for
run_tests
