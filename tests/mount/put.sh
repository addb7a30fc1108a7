#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# put FILE: one write(2) of it; prints what write returned.
put() {
    sys write "$MNT/put" w <"$1" || true
}

test_any_bytes() {
    local size n=0
    mount_log
    head -c 1044480 /dev/urandom >"$TMP/random"
    : >"$TMP/all"
    for size in 1 2 7 8 4095 4096 4097 65536 131073 1044479 1044480; do
        head -c "$size" "$TMP/random" >"$TMP/one"
        equal "$(put "$TMP/one")" "$size"
        cmp "$MNT/records/$n" "$TMP/one"
        equal "$(stat -c %s "$MNT/records/$n")" "$size"
        cat "$TMP/one" >>"$TMP/all"
        n=$((n + 1))
    done
    check_log "$TMP/all" "$n"
}

test_nul_and_newlines() {
    mount_log
    printf '\0' >"$TMP/nul"
    printf '\n\n\n' >"$TMP/newlines"
    printf 'a\nb\0c\n' >"$TMP/mixed"
    equal "$(put "$TMP/nul")" 1
    equal "$(put "$TMP/newlines")" 3
    equal "$(put "$TMP/mixed")" 6
    cmp "$MNT/records/0" "$TMP/nul"
    cmp "$MNT/records/1" "$TMP/newlines"
    cmp "$MNT/records/2" "$TMP/mixed"
    cat "$TMP/nul" "$TMP/newlines" "$TMP/mixed" >"$TMP/all"
    check_log "$TMP/all" 3
}

test_too_long() {
    local size
    mount_log
    echo before >>"$MNT/append"
    for size in 1044481 1048576 1048577 2097152 4194304; do
        head -c "$size" /dev/urandom >"$TMP/long"
        equal "$(put "$TMP/long")" EMSGSIZE
        equal "$(status next)" 1
    done
    echo before >"$TMP/want"
    check_log "$TMP/want" 1
}

test_a_smaller_bound() {
    mount_log -o max_record=100
    head -c 100 /dev/urandom >"$TMP/fits"
    head -c 101 /dev/urandom >"$TMP/long"
    equal "$(put "$TMP/fits")" 100
    equal "$(put "$TMP/long")" EMSGSIZE
    check_log "$TMP/fits" 1
}

# Each write is a record, whatever descriptor it comes through.
test_each_write_is_a_record() {
    mount_log
    exec 3>"$MNT/put"
    printf one >&3
    printf 'two\n' >&3
    printf three >&3
    exec 3>&-
    equal "$(record 0)" one
    equal "$(record 1)" two
    equal "$(record 2)" three
    equal "$(status next)" 3
}

test_a_gathered_write_is_one_record() {
    mount_log
    seq 1 400 | head -c 1000 >"$TMP/pieces"
    equal "$(sys writev "$MNT/put" 10 <"$TMP/pieces")" 1000
    check_log "$TMP/pieces" 1
}

test_doors_side_by_side() {
    mount_log
    echo line >>"$MNT/append"
    printf 'block\n\n' | sys write "$MNT/put" w
    echo line >>"$MNT/append"
    printf 'line\nblock\n\nline\n' >"$TMP/want"
    check_log "$TMP/want" 3
}

run_tests
