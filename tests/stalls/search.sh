#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A wrong index entry: finding its record means to read all of its segment,
# here one of 256 MiB, in memory.
prepare() {
    LOG=$TMP/log
    mount_log
    lines 0 2899999 | dd of="$MNT/append" bs=1M iflag=fullblock status=none
    unmount_log
    chmod u+w "$LOG/$segment0/index"
    printf '\xff' | dd of="$LOG/$segment0/index" bs=1 seek=16000012 \
        conv=notrunc status=none
    chmod u-w "$LOG/$segment0/index"
    mount_log
    mkdir "$MNT/cursors/c"
    lines 1 10 >>"$MNT/append"
}

# It takes 300 ms or more; meanwhile others wait for less than 20, where they
# have a processor to themselves, and never for as long as it takes.
test_a_search() {
    local began took pid worst
    prepare
    latency "$MNT" 0.5 100000 all append >/dev/null
    began=${EPOCHREALTIME/./}
    (
        stat "$MNT/records/1000000" >/dev/null
        echo $(((${EPOCHREALTIME/./} - began) / 1000)) >"$TMP/took"
    ) &
    pid=$!
    latency "$MNT" 3 100000 status append >"$TMP/latency"
    wait "$pid"
    took=$(<"$TMP/took")
    worst=$(sed 's/.* worst \([0-9]*\).*/\1/' "$TMP/latency" | sort -n |
        tail -n 1)
    echo "of $took ms: $(<"$TMP/latency")"
    ((worst < 20 || worst < took / 3)) || fail "too long"
    ((took >= 200)) || fail "there was nothing to wait for"
    equal "$(status indexes_rebuilt)" 1
}

run_tests
