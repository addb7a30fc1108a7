#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A filesystem that does not answer to what is written, as while a machine is
# backed up. Who writes waits; nobody else does.

# prepare [OPTION...]: a log of some segments, in memory.
prepare() {
    make_disk 500M
    mount_log -o max_store=64K "$@"
    lines 0 3999 >>"$MNT/append"
    mkdir "$MNT/cursors/c"
    cat "$MNT/log" "$MNT"/records/* >/dev/null
    warm_up
}

# What is looked at meanwhile.
looked_at=(all first at old records)

# while_they_wait FUNCTION...: are started on the frozen disk, wait, and are
# done well when that is thawed; everything else goes on.
while_they_wait() {
    local each waiting=()
    freeze_disk 2
    for each; do
        "$each" &
        waiting+=("$!")
    done
    sleep 0.3
    in_time 1.2 "${looked_at[@]}"
    still_running "${waiting[@]}"
    wait "$freezer"
    for each in "${waiting[@]}"; do
        wait "$each" || fail "after the thaw: one of $*"
    done
}

append_one() {
    echo frozen >>"$MNT/append"
}

test_an_append() {
    prepare
    while_they_wait append_one
    equal "$(cat "$MNT/last")" frozen
}

put_one() {
    echo frozen >"$MNT/put"
}

claim_one() {
    (
        set -C
        echo mine >"$MNT/records/$next"
    )
}

append_durably() {
    dd if=/dev/zero bs=4 count=1 oflag=append,dsync conv=notrunc status=none \
        of="$MNT/put"
}

# Who claims it has asked first, or else is refused.
test_all_doors() {
    local next
    prepare
    next=$(status next)
    while_they_wait claim_one
    equal "$(cat "$MNT/records/$next")" mine
    while_they_wait append_one put_one append_durably append_one
    equal "$(grep -ac frozen "$MNT/log")" 3
    equal "$(status next)" "$((next + 5))"
    (($(status durable) > next))
}

# Held until it is closed, for which nobody waits; who looks at the end of the
# log then sees it, and so waits.
half_a_line() {
    printf 'half a line' >>"$MNT/append"
    equal "$(cat "$MNT/last")" 'half a line'
}

test_half_a_line() {
    prepare
    looked_at=(status metrics stat segments root offset door old)
    while_they_wait half_a_line
}

sync_it() {
    sync "$MNT/log"
}

make_a_cursor() {
    mkdir "$MNT/cursors/new"
}

move_the_cursor() {
    echo 77 >"$MNT/cursors/c/offset"
}

test_cursors_and_syncs() {
    prepare
    while_they_wait sync_it make_a_cursor move_the_cursor
    equal "$(status durable)" "$(status next)"
    equal "$(cat "$MNT/cursors/new/offset")" 0
    equal "$(cat "$MNT/cursors/c/offset")" 77
}

forget_the_cursor() {
    rmdir "$MNT/cursors/d"
}

drop_the_oldest() {
    rmdir "$MNT/$segment0"
}

# Who removes a name has its directory to himself, for the kernel.
test_what_is_removed() {
    prepare
    mkdir "$MNT/cursors/d"
    looked_at=(status metrics stat stat-log stat-last last read-last xattr tail
        root follow door statfs records)
    while_they_wait forget_the_cursor drop_the_oldest
    [[ ! -e $MNT/cursors/d && ! -e $MNT/$segment0 ]]
}

# Limits are kept by a thread of their own, which waits too.
test_retention() {
    prepare -o segment_age=1,retain_bytes=300K
    looked_at=(all first at records)
    while_they_wait append_one
    equal "$(cat "$MNT/last")" frozen
}

# What waits is kept in memory, so it is bounded: the rest is refused, and
# nothing of that is stored.
test_more_writes_than_wait() {
    local before
    prepare -o sync=always
    before=$(status next)
    freeze_disk 6
    timeout 60 python3 - "$MNT/put" >"$TMP/writes" <<'END' &
import errno, os, sys, threading
taken = []
refused = []
def write():
    fd = os.open(sys.argv[1], os.O_WRONLY)
    try:
        os.write(fd, b"x" * 1000000)
        taken.append(1)
    except OSError as e:
        refused.append(e.errno)
    os.close(fd)
all = [threading.Thread(target=write) for _ in range(330)]
for t in all:
    t.start()
for t in all:
    t.join()
assert set(refused) == {errno.ENOBUFS}, set(refused)
print(len(taken))
END
    local writers=$!
    sleep 3
    (($(awk '$1 == "VmRSS:" { print $2 }' "/proc/$daemon/status") < 400000)) ||
        fail "$(grep VmRSS "/proc/$daemon/status")"
    wait "$freezer"
    wait "$writers"
    (($(cat "$TMP/writes") >= 200))
    equal "$(status next)" "$((before + $(cat "$TMP/writes")))"
}

usually an_append all_doors half_a_line retention
run_tests
