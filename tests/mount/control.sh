#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# These tests spoil a log and demand that the suite's central comparison
# notices: a check that could not fail would prove nothing elsewhere.

prepare() {
    mount_log
    seq -f 'record %.0f' 100 199 | tee "$TMP/want" >>"$MNT/append"
    check_log "$TMP/want" 100
    unmount_log
}

must_notice() {
    mount_log
    if check_log "$TMP/want" 100 >"$TMP/check" 2>&1; then
        fail "$1 goes unnoticed"
    fi
}

# The last bytes of the store, and so of its last record.
spoil() {
    dd of="$LOG/$segment0/store" bs=1 seek="$1" conv=notrunc status=none
}

test_a_changed_byte() {
    prepare
    printf X | spoil 1000
    must_notice "a changed byte"
}

# As a daemon would that checks nothing: the bytes and their checksum agree.
test_a_changed_record() {
    mount_log
    seq -f 'record %.0f' 100 199 | sed 's/record 142/record 241/' \
        >>"$MNT/append"
    unmount_log
    seq -f 'record %.0f' 100 199 >"$TMP/want"
    must_notice "a changed record"
}

test_a_missing_record() {
    mount_log
    seq -f 'record %.0f' 100 199 | tee "$TMP/want" | sed 50d >>"$MNT/append"
    unmount_log
    must_notice "a missing record"
}

test_a_missing_last_record() {
    prepare
    rm "$LOG/clean"
    truncate -s -19 "$LOG/$segment0/store"
    must_notice "a missing last record"
}

test_a_record_twice() {
    mount_log
    seq -f 'record %.0f' 100 199 | tee "$TMP/want" | sed 50p >>"$MNT/append"
    unmount_log
    must_notice "a record twice"
}

test_two_records_swapped() {
    mount_log
    (seq -f 'record %.0f' 100 197 && echo 'record 199' && echo 'record 198') \
        >>"$MNT/append"
    unmount_log
    seq -f 'record %.0f' 100 199 >"$TMP/want"
    must_notice "two records swapped"
}

test_a_boundary_moved() {
    mount_log
    seq -f 'record %.0f' 100 198 >>"$MNT/append"
    printf 'record ' >"$MNT/put"
    echo 199 >>"$MNT/append"
    unmount_log
    seq -f 'record %.0f' 100 199 >"$TMP/want"
    must_notice "a moved boundary"
}

# The oracle on its own, with every kind of file spoilt in a copy.
test_the_oracle() {
    local file at
    prepare
    oracle "$LOG/segments" 100 | cmp - "$TMP/want"
    for file in store index stamps; do
        for at in 0 7 8 15 100 1000; do
            rm -rf "$TMP/copy"
            cp -r "$LOG/segments" "$TMP/copy"
            printf '\252' | dd of="$TMP/copy/00000000000000000000/$file" \
                bs=1 seek="$at" conv=notrunc status=none
            fails oracle "$TMP/copy" 100 >/dev/null
        done
    done
    fails oracle "$LOG/segments" 99 >/dev/null
}

run_tests
