#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A disk that takes its time for what is written, and much that is.

prepare() {
    make_disk 400M
    mount_log "$@"
    lines 0 99 >>"$MNT/append"
    mkdir "$MNT/cursors/c"
    warm_up
}

# writers COUNT: each puts a record of a MiB, durably.
writers() {
    local n
    head -c 1000000 /dev/zero | tr '\0' x >"$TMP/record"
    for ((n = 0; n < $1; n++)); do
        dd if="$TMP/record" of="$MNT/put" bs=1M status=none &
        written+=("$!")
    done
}

test_many_that_wait_for_the_disk() {
    local written=()
    prepare -o sync=always
    slow_down 0 300
    writers 30
    in_time 3
    slow_down 0 0
    wait "${written[@]}"
    equal "$(status next)" $((100 + 10 + 30 + $(appended)))
}

# appended: how often warm_up has.
appended() {
    grep -c meanwhile "$MNT/log" || true
}

# One that closes what it has not ended waits for its place; nobody else.
test_half_a_line_behind_many() {
    local written=() closing
    prepare -o sync=always,max_store=4M
    slow_down 0 300
    writers 30
    sleep 0.2
    printf 'half a line' >>"$MNT/append" &
    closing=$!
    in_time 3
    slow_down 0 0
    wait "${written[@]}" "$closing"
    equal "$(grep -c 'half a line' "$MNT/log")" 1
}

# A roll waits until all of a segment is on the disk.
test_rolls() {
    local writing
    prepare -o max_store=2M
    slow_down 0 "$slow"
    head -c 8000000 /dev/zero | tr '\0' x |
        dd of="$MNT/put" bs=1000000 iflag=fullblock status=none &
    writing=$!
    in_time 4
    slow_down 0 0
    wait "$writing"
    equal "$(status rolls)" 3
}

# So much is not written yet that the kernel makes who writes wait.
test_more_than_the_disk_takes() {
    local writing device
    prepare
    device=$(stat -c '%Hd:%Ld' "$DISK")
    echo $((4 << 20)) >"/sys/class/bdi/$device/max_bytes"
    echo 1 >"/sys/class/bdi/$device/strict_limit"
    slow_down 0 300
    head -c 60000000 /dev/zero | tr '\0' x |
        dd of="$MNT/put" bs=1000000 iflag=fullblock status=none &
    writing=$!
    in_time 4
    slow_down 0 0
    wait "$writing"
}

usually half_a_line_behind_many
run_tests
