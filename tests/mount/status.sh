#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

test_what_it_says() {
    mount_log -o max_store=1K
    equal "$(status oldest) $(status next) $(status records)" "0 0 0"
    seq 1 100 >>"$MNT/append"
    for i in {1..50}; do
        printf 'record %d\n' "$i" >"$MNT/put"
    done
    equal "$(status oldest)" 0
    equal "$(status next)" 150
    equal "$(status records)" 150
    equal "$(status segments)" "$(ls "$MNT/segments" | wc -l)"
    equal "$(status bytes)" "$(wc -c <"$MNT/log")"
    equal "$(status appends)" 51
    equal "$(status appended_bytes)" "$(wc -c <"$MNT/log")"
    equal "$(status writable)" yes
    remount_log
    equal "$(status records)" 150
    equal "$(status appends) $(status appended_bytes)" "0 0"
    remount_log -o ro
    equal "$(status writable)" no
    contains "$(cat "$MNT/status")" '^[a-z_]+ '
    awk 'NF < 2 { exit 1 }' "$MNT/status"
}

# metric NAME: a sample without labels.
metric() {
    local value
    value=$(awk -v name="$1" '$1 == name { print $2 }' "$MNT/metrics.prom")
    [[ -n $value ]] || fail "no $1"
    printf '%.0f\n' "$value"
}

test_metrics() {
    mount_log
    promtool check metrics <"$MNT/metrics.prom"
    seq 1 100 >>"$MNT/append"
    promtool check metrics <"$MNT/metrics.prom"
    equal "$(metric clog_next)" 100
    equal "$(metric clog_oldest)" 0
    equal "$(metric clog_records)" 100
    equal "$(metric clog_segments)" 1
    equal "$(metric clog_bytes)" "$(wc -c <"$MNT/log")"
    equal "$(metric clog_appends_total)" 1
    equal "$(metric clog_appended_bytes_total)" "$(wc -c <"$MNT/log")"
    equal "$(metric clog_writable)" 1
    remount_log -o ro
    promtool check metrics <"$MNT/metrics.prom"
    equal "$(metric clog_writable)" 0
}

test_version() {
    mount_log
    contains "$("$CLOG" --version)" "^clog $(cat "$MNT/version")\$"
    contains "$(cat "$MNT/status")" "^version $(cat "$MNT/version")\$"
    contains "$(ls "$MNT")" '^version$'
    expect_errno EACCES open "$MNT/version" w
}

test_many_opens_give_whole_texts() {
    mount_log
    seq 1 100 >>"$MNT/append"
    equal "$(dd if="$MNT/status" bs=1 status=none | wc -l)" \
        "$(wc -l < <(cat "$MNT/status"))"
}

test_the_filesystem_below() {
    mount_log
    equal "$(stat -f -c '%b %S' "$MNT")" "$(stat -f -c '%b %S' "$LOG")"
    equal "$(stat -f -c %l "$MNT")" 255
}

run_tests
