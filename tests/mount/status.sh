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

# metric NAME: a sample without labels but the log's.
metric() {
    local value
    value=$(awk -v name="$1{log=\"$LOG\"}" '$1 == name { print $2 }' \
        "$MNT/metrics.prom")
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

# Two logs in one place, as node_exporter's textfile collector has them.
test_metrics_of_two_logs() {
    local first=$LOG
    mount_log
    mkdir "$MNT/cursors/c"
    grep -v '^#' "$MNT/metrics.prom" >"$TMP/series"
    unmount_log
    LOG="$TMP/another
\\log\"" mount_log
    mkdir "$MNT/cursors/c"
    promtool check metrics <"$MNT/metrics.prom"
    grep -v '^#' "$MNT/metrics.prom" >>"$TMP/series"
    LOG="$TMP/another
\\log\"" unmount_log
    LOG=$first
    equal "$(awk '{ print $1 }' "$TMP/series" | sort | uniq -d)" ""
    grep -qF "clog_next{log=\"$LOG\"} 0" "$TMP/series"
}

# The manual has each key, and no other.
test_the_manual_has_all_keys() {
    mount_log
    mkdir -p "$MNT/cursors/c"
    awk '/^# STATUS$/ { inside = 1 } /^# ERRORS$/ { inside = 0 }
        inside && /^(\[\[|\|)/' "$SOURCE/fs/clog.1.scd" |
        grep -oE '\*[a-z_]+\*' | tr -d '*' | sort >"$TMP/manual"
    {
        awk '{ print $1 }' "$MNT/status"
        printf '%s\n' read_only_reason staging_reason
    } | sort >"$TMP/keys"
    diff "$TMP/keys" "$TMP/manual"
}

test_whose_it_is() {
    mount_log -o sync=1,umask=027
    equal "$(status log)" "$LOG"
    equal "$(status pid)" "$daemon"
    equal "$(status options)" sync=1,umask=027
    awk '$1 == "uptime_seconds" && ($2 <= 0 || $2 > 600) { exit 1 }' \
        "$MNT/status"
    remount_log
    equal "$(status options)" -
}

test_what_is_said_of_it() {
    mount_log -o sync=1
    seq 10 >>"$MNT/append"
    unmount_log
    contains "$(cat "$TMP/daemon")" \
        "^clog: $LOG: serves 0 records, from 0 on, at $MNT, with sync=1\$"
    contains "$(cat "$TMP/daemon")" \
        "^clog: $LOG: ends: 10 records were appended, 0 dropped; the next is 10\$"
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
