#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# A log in a filesystem of 256 KiB.
mount_small_disk() {
    mkdir "$TMP/disk"
    mount -t tmpfs -o size=256K none "$TMP/disk"
    LOG=$TMP/disk/log
    mount_log
}

more_room() {
    mount -o remount,size=4M "$TMP/disk"
}

# expect_errno_of ERRNO FILE: putting it fails so.
expect_errno_of() {
    equal "$(sys write "$MNT/put" w <"$2" || true)" "$1"
}

# Only root can make a small disk.
if ((EUID == 0)); then

test_a_full_disk() {
    local n=0 i
    mount_small_disk
    head -c 5000 /dev/urandom >"$TMP/block"
    while [[ $(sys write "$MNT/put" w <"$TMP/block" || true) == 5000 ]]; do
        n=$((n + 1))
    done
    ((n > 20)) || fail "full after $n records"
    expect_errno_of ENOSPC "$TMP/block"
    equal "$(status next)" "$n"
    for ((i = 0; i < n; i++)); do cat "$TMP/block"; done >"$TMP/want"
    check_log "$TMP/want" "$n"
    seq 1 2000 >"$TMP/lines"
    equal "$(sys write "$MNT/append" w <"$TMP/lines" || true)" ENOSPC
    check_log "$TMP/want" "$n"
    (($(status append_errors) > 0)) || fail "the failures are not counted"

    more_room
    equal "$(sys write "$MNT/put" w <"$TMP/block")" 5000
    cat "$TMP/block" >>"$TMP/want"
    check_log "$TMP/want" $((n + 1))
    remount_log
    check_log "$TMP/want" $((n + 1))
}

# A batch of which a part would have fitted.
test_a_batch_that_does_not_fit() {
    mount_small_disk
    seq 1 1000 | tee "$TMP/want" >>"$MNT/append"
    seq -f %0105.0f 1 4000 >"$TMP/lines"
    equal "$(sys write "$MNT/append" w <"$TMP/lines" || true)" ENOSPC
    check_log "$TMP/want" 1000
    echo fits | tee -a "$TMP/want" >>"$MNT/append"
    check_log "$TMP/want" 1001
    more_room
    equal "$(sys write "$MNT/append" w <"$TMP/lines" || true)" 424000
    cat "$TMP/lines" >>"$TMP/want"
    wait_for 5 test "$(tail -c 1 "$TMP/lines")" = "$(tail -c 1 "$MNT/log")"
    check_log "$TMP/want" $((1001 + $(awk 'END { print NR }' "$TMP/lines")))
}

# There is no room to note that it was closed cleanly: the next open reads more.
test_closing_on_a_full_disk() {
    mount_small_disk
    seq 1 100 | tee "$TMP/want" >>"$MNT/append"
    dd if=/dev/zero of="$TMP/disk/filler" bs=4K status=none || true
    detach "$MNT"
    daemon_ends 0
    equal "$(grep -vE ': (serves|ends: ).*' "$TMP/daemon")" ""
    rm "$TMP/disk/filler"
    mount_log
    check_log "$TMP/want" 100
}

test_opening_on_a_full_disk() {
    mount_small_disk
    seq 1 100 | tee "$TMP/want" >>"$MNT/append"
    unmount_log
    dd if=/dev/zero of="$TMP/disk/filler" bs=4K status=none || true
    mount_log -o ro
    check_log "$TMP/want" 100
    unmount_log
    mount_log
    check_log "$TMP/want" 100
    rm "$TMP/disk/filler"
    echo more | tee -a "$TMP/want" >>"$MNT/append"
    check_log "$TMP/want" 101
}

fi

# The kernel sends SIGXFSZ, which ends a process that does not mind it.
test_a_file_size_limit() {
    mount_log -o staging=0
    prlimit --pid "$daemon" --fsize=65536
    seq 1 1000 | tee "$TMP/want" >>"$MNT/append"
    head -c 70000 /dev/zero >"$TMP/block"
    expect_errno_of EFBIG "$TMP/block"
    check_log "$TMP/want" 1000
    echo more | tee -a "$TMP/want" >>"$MNT/append"
    check_log "$TMP/want" 1001
    remount_log
    check_log "$TMP/want" 1001
    equal "$(sys write "$MNT/put" w <"$TMP/block")" 70000
    cat "$TMP/block" >>"$TMP/want"
    check_log "$TMP/want" 1002
}

# What is acknowledged can be written to the files later, too.
test_a_file_size_limit_with_a_buffer() {
    local taken=0
    printf '#!/bin/sh\nexec prlimit --fsize=2097152 %s "$@"\n' "$CLOG" \
        >"$TMP/clog"
    chmod +x "$TMP/clog"
    head -c 100000 /dev/zero | tr '\0' x >"$TMP/block"
    CLOG=$TMP/clog mount_log -o staging=1M
    equal "$(status staging_bytes)" 1048576
    while [[ $(sys write "$MNT/put" w <"$TMP/block" || true) == 100000 ]]; do
        taken=$((taken + 1))
    done
    equal "$taken" 20
    expect_errno_of EFBIG "$TMP/block"
    sync "$MNT/log"
    equal "$(status durable)" 20
    echo more >>"$MNT/append"
    unmount_log
    mount_log
    equal "$(status next)" 21
    cmp "$MNT/records/19" "$TMP/block"
    equal "$(sys write "$MNT/put" w <"$TMP/block")" 100000
}

run_tests
