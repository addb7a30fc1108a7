#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# The records below status' "durable" survive a power cut. sync=0 leaves it
# to whoever asks.
is_durable() {
    (($(status durable) == $(status next)))
}

# asks COMMAND: run in the mount after an append, it makes all durable.
asks() {
    mount_log -o sync=0
    seq 1 100 >>"$MNT/append"
    is_durable && fail "durable although nobody asked"
    (cd "$MNT" && "$@")
    is_durable || fail "not durable after: $*"
}

test_fsync_of_a_door() {
    asks sync append
}

test_fsync_of_put() {
    asks sys fsync put w
}

test_fsync_of_a_view() {
    asks sync log
}

test_fsync_of_a_record() {
    asks sync records/5
}

test_fsync_of_a_directory() {
    asks sync records
}

test_dd_with_fsync() {
    asks dd if=/dev/zero of=put bs=100 count=1 conv=notrunc,fsync status=none
}

test_dsync_write() {
    asks sys write put w,dsync <<<record
    unmount_log
    rm -rf "$LOG"
    asks sys write append w,sync <<<line
}

test_dsync_ends_a_line() {
    mount_log -o sync=0
    printf 'no newline' | sys write "$MNT/append" w,dsync
    equal "$(record 0)" "no newline"
    is_durable || fail "not durable"
}

test_always() {
    mount_log -o sync=always
    for i in {1..20}; do
        echo "line $i" >>"$MNT/append"
        is_durable || fail "not durable after line $i"
    done
    exec 3>>"$MNT/append"
    printf un >&3
    equal "$(status next)" 20 "sync=always cuts no line"
    printf 'finished\n' >&3
    exec 3>&-
    is_durable || fail "not durable"
    (seq -f 'line %.0f' 1 20 && echo unfinished) >"$TMP/want"
    check_log "$TMP/want" 21
}

test_always_with_many_writers() {
    mount_log -o sync=always
    writers own "$MNT/append" 200
    equal "$(status next)" 1600
    is_durable || fail "not durable"
    for w in {0..7}; do
        grep "^w$w " "$MNT/log" | cmp - <(writers print "$w" 200)
    done
}

test_every_second() {
    mount_log -o sync=1
    echo hello >>"$MNT/append"
    wait_for 10 is_durable
}

test_closing_makes_durable() {
    mount_log -o sync=0
    seq 1 100 >>"$MNT/append"
    remount_log -o sync=0
    is_durable || fail "not durable after a clean close"
}

run_tests
