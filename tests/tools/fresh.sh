#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

tries() {
    mount_log "$@"
    fresh "$MNT" $((1000 * repeat))
    equal "$(status next)" $((1000 * repeat))
    unmount_log
    rm -rf "$LOG"
}

test_one_segment() {
    tries
}

test_many_segments() {
    tries -o max_store=64K
}

test_durable_first() {
    tries -o sync=always
}

# Between two moments of looking, another process appends.
test_appended_by_others() {
    local i
    mount_log
    exec 4<"$MNT/log"
    for i in {1..300}; do
        bash -c 'echo "line $1" >>"$2"' - "$i" "$MNT/append"
        equal "$(cat <&4)" "line $i"
        equal "$(tail -n 1 "$MNT/log")" "line $i"
        equal "$(cat "$MNT/last")" "line $i"
    done
    exec 4<&-
}

run_tests
