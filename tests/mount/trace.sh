#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

hex() {
    xxd -p -c 256 "$@"
}

test_three_records() {
    local store=$MNT/$segment0/store index=$MNT/$segment0/index
    mount_log
    printf hello >>"$MNT/append"
    wait_for 5 test -e "$MNT/records/0"
    printf world >>"$MNT/append"
    wait_for 5 test -e "$MNT/records/1"
    printf foo >>"$MNT/append"
    wait_for 5 test -e "$MNT/records/2"

    equal "$(record 0)" hello
    equal "$(record 1)" world
    equal "$(record 2)" foo
    equal "$(stat -c %s "$store" "$index")" $'37\n48' "store and index sizes"
    equal "$(hex -l 13 "$store")" 000000000000000568656c6c6f
    equal "$(hex -s 13 -l 13 "$store")" 0000000000000005776f726c64
    equal "$(hex -s 26 -l 11 "$store")" 0000000000000003666f6f
    equal "$(hex -l 16 "$index")" 00000000000000000000000000000000
    equal "$(hex -s 16 -l 16 "$index")" 0000000000000001000000000000000d
    equal "$(hex -s 32 -l 16 "$index")" 0000000000000002000000000000001a
    equal "$(stat -c %s "$MNT/$segment0/stamps")" 48
    cmp "$store" "$LOG/$segment0/store"
    cmp <(cat "$index") <(head -c 48 "$LOG/$segment0/index")
    printf helloworldfoo >"$TMP/want"
    check_log "$TMP/want" 3
}

test_two_lines() {
    mount_log
    echo hello >>"$MNT/append"
    echo world >>"$MNT/append"
    equal "$(record 1)" world
    equal "$(stat -c %s "$MNT/records/1")" 6
}

test_the_empty_log() {
    mount_log
    equal "$(cat "$MNT/log")" ""
    equal "$(ls "$MNT/records")" ""
    fails test -e "$MNT/first"
    fails test -L "$MNT/first"
    fails test -L "$MNT/last"
    equal "$(ls "$MNT/segments")" 00000000000000000000
    equal "$(stat -c %s "$MNT/$segment0"/*)" $'0\n0\n0'
    equal "$(ls "$MNT")" \
        $'append\ncursors\nlog\nmetrics.prom\nput\nrecords\nsegments\nstatus\nversion'
    : >"$TMP/want"
    check_log "$TMP/want" 0
}

test_first_and_last_follow_the_log() {
    mount_log
    seq 10 12 >>"$MNT/append"
    equal "$(readlink "$MNT/first" "$MNT/last")" $'records/0\nrecords/2'
    equal "$(cat "$MNT/first" "$MNT/last")" $'10\n12'
    seq 13 14 >>"$MNT/append"
    equal "$(cat "$MNT/first" "$MNT/last")" $'10\n14'
    equal "$(ls "$MNT" | wc -l)" 11
}

run_tests
