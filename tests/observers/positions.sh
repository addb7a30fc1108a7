#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A node of `log` that outlives its name.

append() {
    seq -f 'event %.0f of the log' "$1" "$2" >>"$MNT/append"
}

dropped_up_to() {
    (($(status oldest) >= $1))
}

# Bound to another place, it goes on there.
test_a_bind_mount() {
    ((EUID == 0)) || return 0
    mount_log -o max_index=640,retain_records=400
    append 1 300
    touch "$TMP/bound"
    mount --bind "$MNT/log" "$TMP/bound"
    equal "$(tail -n 1 "$TMP/bound")" 'event 300 of the log'
    append 301 900
    wait_for 20 dropped_up_to 400
    equal "$(tail -n 1 "$TMP/bound")" 'event 900 of the log'
    equal "$(head -n 1 "$TMP/bound")" "$(head -n 1 "$MNT/log")"
    umount "$TMP/bound"
}

run_tests
