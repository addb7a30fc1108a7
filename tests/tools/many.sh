#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

names=${CLOG_LONG:+10000000}
names=${names:-1000000}
files=${CLOG_LONG:+1000000}
files=${files:-100000}

# What the daemon has of its own, in KiB; not what it maps. A sanitizer keeps
# what was freed for a while: not here.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1

memory() {
    awk '$1 == "RssAnon:" { print $2 }' "/proc/$daemon/status"
}

# memory_stays_below KIB
memory_stays_below() {
    local now
    now=$(memory)
    ((now < $1)) || fail "the daemon has $now KiB, not below $1"
}

# fill COUNT: the number itself and a word.
fill() {
    seq -f '%.0f is the number' 0 "$(($1 - 1))" >>"$MNT/append"
}

test_names() {
    local bound
    mount_log
    fill 10000
    ls -U "$MNT/records" | cmp - <(seq 0 9999)
    bound=$(($(memory) + 16 * 1024))
    seq -f '%.0f is the number' 10000 $((names - 1)) >>"$MNT/append"
    equal "$(timeout 2 ls -U "$MNT/records" | head -n 3)" $'0\n1\n2'
    ls -U "$MNT/records" | cmp - <(seq 0 $((names - 1)))
    ls "$MNT/records" | sort -n | cmp - <(seq 0 $((names - 1)))
    equal "$(find "$MNT/records" -name '*99999' | wc -l)" $((names / 100000))
    equal "$(find "$MNT/records" -type f | wc -l)" "$names"
    python3 - "$MNT/records" "$names" <<'END'
import os, sys
seen = sorted(int(e.name) for e in os.scandir(sys.argv[1]))
assert seen == list(range(int(sys.argv[2])))
END
    memory_stays_below "$bound"
}

test_attributes() {
    local bound size
    mount_log
    fill 1000
    ls -l "$MNT/records" >/dev/null
    bound=$(($(memory) + 16 * 1024))
    seq -f '%.0f is the number' 1000 $((files - 1)) >>"$MNT/append"
    size=$(stat -c %s "$MNT/log")
    equal "$(ls -l "$MNT/records" | awk '{ n += $5 } END { print n, NR - 1 }')" \
        "$size $files"
    equal "$(find "$MNT/records" -type f -size -19c | wc -l)" 1000
    equal "$(du -s -B 512 "$MNT/records" | cut -f 1)" "$files"
    equal "$(du -s --apparent-size -B 1 "$MNT/records" | cut -f 1)" "$size"
    equal "$(tar -cf - -C "$MNT" records | tar -tf - | wc -l)" \
        $((files + 1))
    memory_stays_below "$bound"
}

test_reading_at_random() {
    local n
    mount_log -o max_store=1M
    seq 1 "$files" | awk '{ print $1 - 1, "is the number" }' |
        dd of="$MNT/append" bs=64K conv=notrunc status=none
    for n in $(shuf -i 0-$((files - 1)) -n 500 --random-source=<(yes)); do
        equal "$(<"$MNT/records/$n")" "$n is the number"
    done
}

# Each listing holds all records that were there when it began, in order, and
# perhaps some of those that came since.
test_listing_while_it_grows() {
    local before writer shown round=0
    mount_log
    fill 100000
    (seq 100000 109999 | while read -r n; do
        echo "$n is the number"
    done >>"$MNT/append") &
    writer=$!
    until gone "$writer"; do
        before=$(status next)
        ls -U "$MNT/records" >"$TMP/names"
        shown=$(wc -l <"$TMP/names")
        ((shown >= before && shown <= $(status next))) ||
            fail "$shown names, when there were $before"
        cmp "$TMP/names" <(seq 0 $((shown - 1)))
        round=$((round + 1))
    done
    wait "$writer"
    ((round > 1)) || fail "nothing was listed meanwhile"
    ls -U "$MNT/records" | cmp - <(seq 0 109999)
}

run_tests
