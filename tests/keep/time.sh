#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../support/clock.sh"

# at TIME: the record it leads to, or none.
at() {
    local target
    target=$(readlink "$MNT/at/$1") || target=none
    echo "${target#../records/}"
}

# mtime N [FORMAT]: when record N was appended, to the ns.
mtime() {
    date -u -d "@$(stat -c %.9Y "$MNT/records/$1")" "+${2-%s.%N}"
}

test_each_form() {
    mount_log
    for n in 0 1 2; do
        echo "record $n" >>"$MNT/append"
        sleep 1.1
    done
    equal "$(cat "$MNT/at/1970-01-01T00:00:00Z")" "record 0"
    equal "$(at @0) $(at 1970-01-01) $(at 1600-02-29T00:00:00Z)" "0 0 0"
    for n in 0 1 2; do
        equal "$(at "@$(mtime "$n")")" "$n"
        equal "$(at "$(mtime "$n" %FT%T.%NZ)")" "$n"
        equal "$(at "$(mtime "$n" %FT%T.%N)")" "$n"
        equal "$(at "$(mtime "$n" %FT%T.%N+00:00)")" "$n"
        equal "$(at "$(mtime "$n" '%F %T.%N+00:00')")" "$n"
        equal "$(at "$(mtime "$n" %FT%TZ)")" "$n"
        # One ns later is the next one, or none.
        equal "$(at "@$(mtime "$n")0001")" \
            "$([[ $n == 2 ]] && echo none || echo "$((n + 1))")"
    done
    equal "$(at 2999-01-01) $(at @99999999999999999999)" "none none"
    expect_errno ENOENT access "$MNT/at/2999-01-01"
    expect_errno EINVAL access "$MNT/at/now"
    expect_errno EINVAL access "$MNT/at/yesterday"
    expect_errno EINVAL access "$MNT/at/2026-02-30"
    expect_errno EINVAL access "$MNT/at/2026-02-20T1:00Z"
    expect_errno EPERM open "$MNT/at/2999-01-01" w,creat
    expect_errno EPERM mkdir "$MNT/at/2999-01-01"
    expect_errno EPERM unlink "$MNT/at/@0"
}

# A directory that nothing is listed in, and that is not listed.
test_it_is_not_listed() {
    mount_log
    echo one >>"$MNT/append"
    equal "$(ls -A "$MNT/at")" ""
    find "$MNT" -maxdepth 1 -name at | cmp - /dev/null
    [[ -d $MNT/at && -L $MNT/at/@0 && -f $MNT/at/@0 ]]
    equal "$(cd "$MNT/at" && cat @0)" one
}

test_an_empty_log() {
    mount_log
    equal "$(at @0) $(at 2026-11-22)" "none none"
}

# What is asked for is never remembered: the next record changes the answer.
test_it_grows() {
    local later
    mount_log
    echo one >>"$MNT/append"
    later=@$(mtime 0)0001
    equal "$(at "$later")" none
    sleep 0.01
    echo two >>"$MNT/append"
    equal "$(at "$later")" 1
}

# A batch has one time: the lowest offset.
test_ties() {
    mount_log
    seq 1 1000 >>"$MNT/append"
    sleep 0.02
    seq 1001 2000 >>"$MNT/append"
    equal "$(at "@$(mtime 0)")" 0
    equal "$(at "@$(mtime 999)")" 0
    equal "$(at "@$(mtime 1500)")" 1000
    equal "$(at "@$(mtime 999)0001")" 1000
}

test_dropped_records() {
    mount_log -o max_store=1K
    append 1 500
    rmdir "$MNT/$segment0"
    equal "$(at @0)" "$(status oldest)"
}

# The daemon's zone, and the moment that date(1) says.
test_local_time() {
    export TZ=Europe/Berlin
    mount_log
    echo one >>"$MNT/append"
    export TZ=UTC
    equal "$(at "$(TZ=Europe/Berlin date -d "@$(stat -c %.9Y \
        "$MNT/records/0")" +%FT%T.%N)")" 0
    equal "$(at "$(TZ=Europe/Berlin date -d "@$(($(stat -c %Y \
        "$MNT/records/0") + 1))" +%FT%T)")" none
}

test_a_clock_that_steps_back() {
    local times
    with_clock 0
    mount_with_clock
    echo zero >>"$MNT/append"
    with_clock -3600
    echo one >>"$MNT/append"
    with_clock -86400
    remount_log
    echo two >>"$MNT/append"
    with_clock 3600
    echo three >>"$MNT/append"
    times=$(stat -c %.9Y "$MNT"/records/*)
    equal "$times" "$(sort -n <<<"$times")" "times, in order of offset"
    equal "$(mtime 0) $(mtime 0)" "$(mtime 1) $(mtime 2)"
    equal "$(at "@$(mtime 0)") $(at "@$(mtime 0)0001")" "0 3"
    equal "$(at "@$(mtime 3)")" 3
}

# Across the hours in which clocks in Berlin are set, a record every ten
# minutes; each local time as date(1) understands it.
test_when_clocks_are_set() {
    local start now n
    export TZ=Europe/Berlin
    start=1792882800 # 2026-10-24T23:00:00Z
    with_clock 0
    mount_with_clock
    now=$(date +%s)
    for n in {0..24}; do
        with_clock "$((start + 600 * n - now - 5))"
        echo "$n" >>"$MNT/append"
    done
    # 02:30 comes twice: 00:30Z and 01:30Z. The first is meant.
    equal "$(at 2026-10-25T02:30:00)" "$(at 2026-10-25T00:30:00Z)"
    equal "$(at 2026-10-25T02:30:00+01:00)" "$(at 2026-10-25T01:30:00Z)"
    equal "$(at 2026-10-25T03:00:00)" "$(at 2026-10-25T02:00:00Z)"
    [[ $(at 2026-10-25T02:30:00) != $(at 2026-10-25T02:30:00+01:00) ]]
    equal "$(at 2026-10-25T01:00:00)" "$(at 2026-10-24T23:00:00Z)"
}

# find(1) compares each record's time; at/ must begin where that begins.
test_find_agrees() {
    local offset time count=100000
    mount_log
    for n in {1..50}; do
        seq -f 'record %.0f' 1 2000 >>"$MNT/append"
        sleep 0.02
    done
    equal "$(status next)" "$count"
    for offset in 1 1999 2000 2001 50000 77777 98000 99999; do
        time=$(mtime "$offset" '%F %T.%N UTC')
        # -newermt is later than, at/ is not earlier than: one ns between.
        find "$MNT/records" -type f -newermt "$time" -printf '%f\n' |
            sort -n >"$TMP/newer"
        if [[ -s $TMP/newer ]]; then
            equal "$(at "@$(mtime "$offset")0001")" \
                "$(head -n 1 "$TMP/newer")"
            equal "$(wc -l <"$TMP/newer")" \
                "$((count - $(head -n 1 "$TMP/newer")))"
        else
            equal "$(at "@$(mtime "$offset")0001")" none
        fi
    done
}

run_tests
