#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Copies that the kernel makes by itself, since both ends are in one mount:
# one record, or an error and nothing.

prepare() {
    mount_log
    head -c 300000 /dev/urandom >"$TMP/record"
    dd if="$TMP/record" of="$MNT/put" bs=400k status=none
    equal "$(status next)" 1
}

# whole_or_refused COMMAND...
whole_or_refused() {
    local before
    before=$(status next)
    if "$@" 2>"$TMP/error"; then
        equal "$(status next)" $((before + 1)) "next, after $*"
        cmp "$MNT/last" "$TMP/record" || fail "$*"
    else
        equal "$(status next)" "$before" "next, after $* was refused"
    fi
}

by_cat() {
    cat "$MNT/records/0" >"$MNT/put"
}

by_claim() {
    cp "$MNT/records/0" "$MNT/records/$(status next)"
}

# by_copy_file_range: as often as it says that more is needed.
by_copy_file_range() {
    python3 - "$MNT/records/0" "$MNT/put" <<'END'
import os, sys
i, o = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_WRONLY)
left = os.fstat(i).st_size
while left > 0:
    n = os.copy_file_range(i, o, left)
    if n == 0:
        sys.exit(1)
    left -= n
END
}

test_copies_of_a_record() {
    prepare
    whole_or_refused by_cat
    whole_or_refused cp "$MNT/records/0" "$MNT/put"
    whole_or_refused cp --reflink=auto "$MNT/records/0" "$MNT/put"
    whole_or_refused by_claim
    whole_or_refused dd if="$MNT/records/0" of="$MNT/put" bs=1M status=none
    whole_or_refused by_copy_file_range
}

# The tools that people use for it do get through.
test_cat_and_cp_work() {
    prepare
    by_cat
    cp "$MNT/records/0" "$MNT/put"
    by_claim
    equal "$(status next)" 4
    cmp "$MNT/records/1" "$TMP/record"
    cmp "$MNT/records/2" "$TMP/record"
    cmp "$MNT/records/3" "$TMP/record"
}

# Lines come together again, whatever they were cut into.
test_copies_of_lines() {
    mount_log
    seq 100000 >"$TMP/lines"
    cat "$TMP/lines" >>"$MNT/append"
    cat "$MNT/$segment0/store" >/dev/null
    head -c 500000 "$MNT/log" >>"$MNT/append"
    head -n 100000 "$MNT/log" | cmp - "$TMP/lines"
    equal "$(wc -c <"$MNT/log")" $(($(wc -c <"$TMP/lines") + 500000))
    equal "$(tail -c 500000 "$MNT/log" | md5sum)" \
        "$(head -c 500000 "$TMP/lines" | md5sum)"
}

run_tests
