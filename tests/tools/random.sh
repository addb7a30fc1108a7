#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

steps=${CLOG_LONG:+200000}
steps=${steps:-4000}

# does_as_it_likes SEED OPTION...: as an ordinary user, who owns the files.
does_as_it_likes() {
    local count uid=$EUID options=()
    if ((EUID == 0)); then
        chmod a+x "$TMP"
        uid=$other_uid
        options=(-o "allow_other,uid=$uid,gid=$uid")
    fi
    mount_log "${options[@]}" -o max_record=3000 "${@:2}"
    count=$(random "$MNT" "$uid" "$1" "$steps" 3000 "$TMP/want")
    wait_for 5 is_next "$count"
    check_log "$TMP/want" "$count"
    remount_log "${options[@]}"
    cmp "$MNT/log" "$TMP/want"
    equal "$(status next)" "$count"
    (($(status rotten) + $(status lines_lost) == 0)) || fail "damage"
    unmount_log
    rm -rf "$LOG"
}

is_next() {
    (($(status next) == $1))
}

test_one_segment() {
    does_as_it_likes 1
    does_as_it_likes 2
}

test_many_segments() {
    does_as_it_likes 3 -o max_store=20K
    does_as_it_likes 4 -o max_index=320
}

test_durable_first() {
    does_as_it_likes 5 -o sync=always
}

# Another one each time; the seed is said if it fails.
test_anything() {
    does_as_it_likes "$(date +%s)" -o max_store=100K
}

run_tests
