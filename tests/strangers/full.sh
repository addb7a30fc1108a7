#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A disk that somebody has filled, before a limit was set and after.

# small_disk SIZE: for the log, in memory.
small_disk() {
    DISK=$TMP/disk
    mkdir "$DISK"
    mount -t tmpfs -o "size=$1" tmpfs "$DISK"
    LOG=$DISK/log
}

# small_ext4 SIZE: where a directory needs a block too.
small_ext4() {
    DISK=$TMP/disk
    mkdir "$DISK"
    truncate -s "$1" "$TMP/image"
    mkfs.ext4 -q -m 0 "$TMP/image"
    mount -o loop "$TMP/image" "$DISK"
    LOG=$DISK/log
}

# Somebody else takes all there is.
fill_up() {
    dd if=/dev/zero of="$DISK/filler" bs=4K status=none 2>/dev/null || true
    while head -c 1 /dev/zero >>"$DISK/filler2"; do :; done 2>/dev/null
}

# lines COUNT: of 100 bytes each.
lines() {
    seq -f '%099.0f' 1 "$1"
}

# append_all COUNT: in pieces of a kB; how many were taken.
append_all() {
    local n
    for ((n = 0; n < $1; n += 10)); do
        lines 10 >>"$MNT/append" || break
    done 2>"$TMP/error"
    echo "$n"
}

records_at_most() {
    (($(status records) <= $1))
}

# Records are old, and the disk is full of other things: dropping needs no
# room.
test_age_on_a_full_disk() {
    small_ext4 8M
    mount_log -o max_store=64K,retain_age=4s,segment_age=1
    append_all 3000 >/dev/null
    fill_up
    wait_for 30 records_at_most 1000
    rm "$DISK"/filler*
    append_all 100 >/dev/null
}

test_bytes_on_a_full_disk() {
    small_disk 4M
    mount_log -o max_store=64K
    append_all 10000 >/dev/null
    fill_up
    remount_log -o max_store=64K,retain_bytes=500K
    wait_for 30 stored_at_most 512000
    (($(status records) > 1000))
    append_all 100 >/dev/null
    equal "$(cat "$MNT/last")" "$(lines 10 | tail -n 1)"
}

# A limit would keep the one large segment until there is as much behind it,
# for which there is no room.
test_bytes_and_one_segment_on_a_full_disk() {
    small_disk 4M
    mount_log
    append_all 20000 >/dev/null
    fill_up
    remount_log -o retain_bytes=500K
    wait_for 30 eval '(($(status segments) == 2))'
    equal "$(append_all 1000)" 1000
    (($(status stored_bytes) <= 512000)) || fail "over the limit"
    equal "$(cat "$MNT/last")" "$(lines 10 | tail -n 1)"
}

stored_at_most() {
    (($(status stored_bytes) <= $1))
}

# One segment is all that fits.
test_drop_oldest_of_one_segment() {
    local taken
    small_disk 4M
    mount_log -o full=drop_oldest
    taken=$(append_all 100000)
    equal "$taken" 100000 "records taken: $(cat "$TMP/error")"
    (($(status records) > 1000))
    equal "$(cat "$MNT/last")" "$(lines 10 | tail -n 1)"
}

# A limit that is set on a log that has long passed it, all in one segment:
# that goes, and not before there is as much behind it as the limit allows.
test_a_limit_on_an_old_log() {
    small_disk 64M
    mount_log
    lines 100000 >>"$MNT/append"
    remount_log -o retain_bytes=2M
    sleep 2
    equal "$(status records)" 100000
    lines 30000 >>"$MNT/append"
    wait_for 30 stored_at_most $((2 << 20))
    (($(status stored_bytes) > 1 << 20)) ||
        fail "of 2 MiB only $(status stored_bytes) bytes are kept"
    equal "$(cat "$MNT/last")" "$(lines 30000 | tail -n 1)"
}

# The same of one batch that is larger than the limit.
test_a_batch_over_the_limit() {
    small_disk 64M
    mount_log -o retain_bytes=200K
    lines 8000 | dd bs=1M iflag=fullblock of="$MNT/append" status=none
    sleep 2
    equal "$(status records)" 8000
    append_all 3000 >/dev/null
    wait_for 30 stored_at_most 204800
    (($(status records) > 500)) || fail "only $(status records) are kept"
}

# What can never fit drops nothing.
test_a_batch_over_the_disk() {
    small_disk 3M
    mount_log -o max_store=64K,full=drop_oldest
    append_all 4000 >/dev/null
    dd if=/dev/zero of="$DISK/filler" bs=4K status=none 2>/dev/null || true
    rm -f "$TMP/batch"
    head -c 1040000 /dev/zero | tr '\0' x >"$TMP/batch"
    before=$(status records)
    fails dd if="$TMP/batch" of="$MNT/put" bs=1M status=none 2>"$TMP/error"
    contains "$(cat "$TMP/error")" 'No space left'
    equal "$(status records)" "$before" "records after it was refused"
}

# What a reader holds frees nothing when it is dropped.
test_readers_of_all_segments() {
    local fds=() fd segment
    small_disk 8M
    mount_log -o max_store=512K,full=drop_oldest
    large_records 60
    for segment in "$MNT"/segments/*; do
        exec {fd}<"$segment/store"
        head -c 1 <&"$fd" >/dev/null
        fds+=("$fd")
    done
    large_records 60 2>"$TMP/error" || true
    (($(status segments) > 5)) ||
        fail "only $(status records) records in $(status segments) segments"
    for fd in "${fds[@]}"; do
        exec {fd}<&-
    done
    wait_for 30 nothing_pinned
    large_records 10
}

# large_records COUNT: of 100 kB each.
large_records() {
    local n
    for ((n = 0; n < $1; n++)); do
        head -c 100000 /dev/zero | dd bs=100000 iflag=fullblock \
            of="$MNT/put" status=none || return
    done
}

nothing_pinned() {
    [[ $(status pinned_segments) == 0 ]]
}

# The promise to who has not read holds on a full disk too.
test_unread_on_a_full_disk() {
    local records
    small_disk 4M
    mount_log -o max_store=64K,retain_bytes=1M,keep_unread
    mkdir "$MNT/cursors/slow"
    append_all 100000 >/dev/null
    records=$(status records)
    sleep 1.5
    equal "$(status oldest) $(cat "$MNT/cursors/slow/lost")" "0 0"
    equal "$(status records)" "$records"
    echo next >"$MNT/cursors/slow/offset"
    wait_for 30 stored_at_most $((1 << 20))
    equal "$(append_all 1000)" 1000
}

((EUID == 0)) || {
    echo "skipped: only root can make small filesystems"
    exit 77
}
run_tests
