#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

test_sizes_and_times() {
    local before after time
    mount_log
    before=$(date +%s)
    printf 'a\nfive5\n\n' >>"$MNT/append"
    after=$(date +%s)
    equal "$(stat -c %s "$MNT"/records/*)" $'2\n6\n1'
    for time in $(stat -c %Y "$MNT"/records/*); do
        ((time >= before && time <= after)) || fail "appended at $time"
    done
    equal "$(ls -l "$MNT/records" | awk 'NR > 1 { print $5, $9 }')" \
        $'2 0\n6 1\n1 2'
    equal "$(stat -c %A "$MNT/records/0")" -r--r--r--
}

test_names_that_are_none() {
    local name
    mount_log
    seq 1 20 >>"$MNT/append"
    for name in 007 00 -1 +1 '1 ' ' 1' 1x 0x1 1.0 '' 20 21 \
        18446744073709551615 18446744073709551616 \
        184467440737095516160000000000; do
        [[ -z $name ]] && continue
        expect_errno ENOENT access "$MNT/records/$name"
        expect_errno ENOENT open "$MNT/records/$name" r
    done
    equal "$(cat "$MNT/records/19")" 20
}

test_the_next_one_is_there_at_once() {
    local i
    mount_log
    for i in {0..499}; do
        [[ ! -e $MNT/records/$i ]] || fail "$i is there too early"
        echo "$i" >>"$MNT/append"
        [[ -e $MNT/records/$i ]] || fail "$i is not there"
    done
}

test_listing_is_in_order() {
    mount_log
    seq 1 3000 >>"$MNT/append"
    ls -U "$MNT/records" | cmp - <(seq 0 2999)
    equal "$(find "$MNT/records" -type f | wc -l)" 3000
}

# A listing that began before an append goes on after it, without a record
# twice and without one missing.
test_listing_while_the_log_grows() {
    mount_log
    seq 1 5000 >>"$MNT/append"
    ls -U "$MNT/records" | {
        IFS= read -r name
        echo "$name"
        seq 1 1000 >>"$MNT/append"
        cat
    } >"$TMP/names"
    head -n 5000 "$TMP/names" | cmp - <(seq 0 4999)
    sort -n "$TMP/names" | uniq -d | cmp - /dev/null
}

test_a_million_records() {
    mount_log
    seq 1 1000000 >>"$MNT/append"
    equal "$(status next)" 1000000
    equal "$(timeout 2 ls -U "$MNT/records" | head -n 3)" $'0\n1\n2'
    equal "$(timeout 2 cat "$MNT/records/999999")" 1000000
    equal "$(timeout 2 cat "$MNT/last")" 1000000
    ls -U "$MNT/records" | cmp - <(seq 0 999999)
    seq 1 1000000 | cmp - "$MNT/log"
}

test_an_open_record_stays() {
    mount_log -o max_store=1K
    echo first >>"$MNT/append"
    exec 3<"$MNT/records/0"
    seq 1 2000 >>"$MNT/append"
    equal "$(cat <&3)" first
    exec 3<&-
}

test_reading_inside_a_record() {
    mount_log
    head -c 300000 /dev/urandom >"$TMP/data"
    equal "$(sys write "$MNT/put" w <"$TMP/data")" 300000
    cmp <(tail -c +12346 "$TMP/data" | head -c 77777) \
        <(tail -c +12346 "$MNT/records/0" | head -c 77777)
    cmp <(tail -c 5 "$TMP/data") <(tail -c 5 "$MNT/records/0")
}

test_copying_all() {
    mount_log
    seq 1 300 >>"$MNT/append"
    cp -r "$MNT/records" "$TMP/copy"
    diff -r "$MNT/records" "$TMP/copy"
    tar -C "$MNT" -cf "$TMP/all.tar" records
    equal "$(tar -tf "$TMP/all.tar" | grep -c 'records/[0-9]')" 300
}

run_tests
