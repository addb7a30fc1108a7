#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Times of records and what is found by them, whatever the clock did.

# at TIME: the record it leads to, or none.
at() {
    local target
    target=$(readlink "$MNT/at/$1") || target=none
    echo "${target#../records/}"
}

# times: of all records, in the order of their offsets, in ns.
times() {
    find "$MNT/records" -type f -printf '%f %T@\n' | sort -n |
        awk '{ sub(/\./, "", $2); print substr($2, 1, length($2) - 1) }'
}

# Times never decrease, and by each of them its first record is found.
check_times() {
    local n time before=-1 first=0
    times >"$TMP/times"
    sort -n -c "$TMP/times"
    n=0
    while read -r time; do
        [[ $time == "$before" ]] || first=$n
        before=$time
        equal "$(at "@$(mtime "$n")")" "$first" "record $n"
        n=$((n + 1))
    done <"$TMP/times"
    equal "$n" "$(status next)"
    equal "$(at @0)" 0
    equal "$(at "@$(mtime $((n - 1)))0001")" none
}

# mtime N: as at/ takes it.
mtime() {
    stat -c %.9Y "$MNT/records/$1"
}

test_each_step() {
    local step
    with_clock 0
    mount_with_clock "${small[@]}"
    for step in 1 -1 3600 -3600 "$day" $((-1 * day)) "$year" \
        $((30 * year)) $((-30 * year)) 0; do
        with_clock "$step"
        append 1 3
        check_times
    done
}

# Before the epoch, and where 64 bits of ns end. Whatever it is stored as, it
# is read, in order, and the log opens again.
test_the_ends_of_time() {
    local step n=0
    for step in $((-60 * year)) $((-200 * year)) $((240 * year)) \
        $((600 * year)) 99999999999; do
        with_clock 0
        mount_with_clock "${small[@]}"
        append 1 5
        with_clock "$step"
        append 6 10
        all_there 1 10
        sort -n -c <(times)
        ls -l --time-style=full-iso "$MNT/records" >/dev/null
        with_clock 0
        append 11 12
        remount_log
        all_there 1 12
        sort -n -c <(times)
        unmount_log
        "$BUILD/fs/clog-verify" "$LOG" >"$TMP/verified"
        rm -rf "$LOG"
    done
}

# What status says of times is what the records say.
test_status() {
    with_clock 0
    mount_with_clock
    append 1 1
    with_clock $((10 * year))
    append 2 2
    with_clock 0
    append 3 3
    equal "$(status oldest_time_seconds)" "$(mtime 0)"
    equal "$(status last_time_seconds)" "$(mtime 2)"
    equal "$(mtime 1)" "$(mtime 2)"
}

# By a local time, on both sides of a step.
test_local_time() {
    local when
    export TZ=Europe/Berlin
    with_clock 0
    mount_with_clock
    append 1 1
    when=$(date -d "@$(($(date +%s) + day))" +%FT%T)
    with_clock $((2 * day))
    append 2 2
    with_clock 0
    append 3 3
    equal "$(at "$when")" 1
    equal "$(at "$(date -d "@$(($(date +%s) + 3 * day))" +%FT%T)")" none
}

run_tests
