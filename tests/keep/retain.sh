#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# within SECONDS COMMAND...: after so long at most it is so.
within() {
    wait_for "$@"
}

stored_at_most() {
    (($(status stored_bytes) <= $1))
}

records_at_most() {
    (($(status records) <= $1))
}

test_by_bytes() {
    mount_log -o max_store=16K,retain_bytes=100K
    append 1 20000
    within 2 stored_at_most 102400
    (($(status stored_bytes) > 50000)) || fail "too much was dropped"
    (($(drops bytes) > 0)) || fail "no cause"
    equal "$(cat "$MNT/last")" "record 20000"
    cmp "$MNT/log" <(seq -f 'record %.0f' "$(($(status oldest) + 1))" 20000)
    equal "$(ls "$MNT/records" | head -n 1)" "$(status oldest)"
    equal "$(ls "$LOG/segments" | head -n 1)" \
        "$(printf %020d "$(status oldest)")"
    remount_log
    cmp "$MNT/log" <(seq -f 'record %.0f' "$(($(status oldest) + 1))" 20000)
}

# A limit that was passed before is kept from the mount on, with no append.
test_on_an_idle_log() {
    mount_log -o max_store=1K
    append 1 2000
    remount_log -o max_store=1K,retain_records=100
    within 2 records_at_most 100
    (($(drops records) > 0)) || fail "no cause"
    equal "$(cat "$MNT/last")" "record 2000"
}

test_by_records() {
    mount_log -o retain_records=100
    append 1 1000
    within 2 records_at_most 100
    (($(status records) >= 50)) || fail "only $(status records) are left"
    append 1001 1010
    within 2 records_at_most 100
    equal "$(cat "$MNT/last")" "record 1010"
}

# The active segment too: it is rolled by itself.
test_by_age() {
    mount_log -o retain_age=2s
    append 1 3
    sleep 1
    equal "$(status records)" 3
    within 4 oldest_is 3
    equal "$(status records) $(drops age)" "0 1"
    [[ ! -e $MNT/records/0 && ! -e $MNT/first && ! -e $MNT/last ]]
    equal "$(wc -c <"$MNT/log")" 0
    append 4 4
    equal "$(cat "$MNT/records/3")" "record 4"
}

test_segments_roll_by_age() {
    mount_log -o segment_age=1
    append 1 3
    within 3 test -d "$MNT/segments/00000000000000000003"
    append 4 4
    equal "$(ls "$MNT/segments")" "$(printf '%020d\n' 0 3)"
    equal "$(status oldest)" 0
}

test_by_hand() {
    local base
    mount_log -o max_store=1K
    append 1 500
    base=$(ls "$MNT/segments" | sed -n 2p)
    expect_errno EBUSY rmdir "$MNT/segments/$base"
    expect_errno EBUSY rmdir \
        "$MNT/segments/$(ls "$MNT/segments" | tail -n 1)"
    expect_errno ENOENT rmdir "$MNT/segments/00000000000000000001"
    expect_errno EPERM unlink "$MNT/$segment0/store"
    # In the kernel's cache before, and gone the moment after.
    stat "$MNT/records/0" "$MNT/$segment0/store" >/dev/null
    rmdir "$MNT/$segment0"
    expect_errno ENOENT access "$MNT/records/0"
    expect_errno ENOENT open "$MNT/records/0" r
    expect_errno ENOENT access "$MNT/$segment0"
    expect_errno ENOENT rmdir "$MNT/$segment0"
    [[ ! -e $LOG/$segment0 ]] || fail "its files are there"
    equal "$(status oldest) $(drops hand)" "$((10#$base)) 1"
    while rmdir "$MNT/segments/$(ls "$MNT/segments" | head -n 1)" 2>/dev/null
    do :; done
    equal "$(ls "$MNT/segments" | wc -l)" 1
    remount_log
    equal "$(cat "$MNT/last")" "record 500"
}

test_who_has_it_open_keeps_it() {
    mount_log -o max_store=1K
    append 1 500
    exec 3<"$MNT/records/0" 4<"$MNT/$segment0/store" 5<"$MNT/log"
    equal "$(status pinned_segments)" 0
    rmdir "$MNT/$segment0"
    equal "$(status pinned_segments)" 1
    (($(status pinned_bytes) > 0)) || fail "nothing is pinned"
    equal "$(cat <&3)" "record 1"
    equal "$(head -c 17 <&4 | tail -c 9)" "record 1"
    exec 3<&- 4<&-
    wait_for 5 not_pinned
    # The stream's positions stay: what was dropped is ESTALE, not other bytes.
    equal "$(python3 - 5 <<'END'
import errno, os
try:
    os.read(5, 10)
except OSError as e:
    print(errno.errorcode[e.errno])
END
    )" ESTALE
    exec 5<&-
}

not_pinned() {
    [[ $(status pinned_segments) == 0 ]]
}

# tail -f goes on, whatever is dropped behind it.
test_tail_goes_on() {
    local line n
    mount_log -o max_store=4K,retain_bytes=64K
    line=$(printf 'x%.0s' {1..300})
    echo "$line 1" >>"$MNT/append"
    tail -n +1 -s 0.02 -f "$MNT/log" >"$TMP/tail" 2>"$TMP/error" &
    local tail=$!
    for n in {2..1000}; do
        echo "$line $n" >>"$MNT/append"
        ((n % 20)) || sleep 0.03
    done
    wait_for 5 grep -q ' 1000$' "$TMP/tail"
    kill "$tail"
    cmp "$TMP/tail" <(seq -f "$line %.0f" 1 1000)
    [[ ! -s $TMP/error ]] || fail "$(cat "$TMP/error")"
    (($(status oldest) > 100)) || fail "nothing was dropped"
}

full_disk() {
    mkdir "$TMP/disk"
    mount -t tmpfs -o size=2M tmpfs "$TMP/disk"
    LOG=$TMP/disk/log
    mount_log -o "max_store=64K,$1"
    head -c 60000 /dev/urandom | base64 -w 99 >"$TMP/some"
}

test_a_full_disk_refuses() {
    local before
    full_disk full=error
    while sys write "$MNT/put" w <"$TMP/some" >/dev/null; do :; done
    equal "$(sys write "$MNT/put" w <"$TMP/some" || true)" ENOSPC
    # On a disk with nothing left, dropping works, and makes room.
    dd if=/dev/zero of="$TMP/disk/rest" bs=4K status=none 2>/dev/null || true
    before=$(status next)
    rmdir "$MNT/segments/$(ls "$MNT/segments" | head -n 1)"
    head -c 30000 "$TMP/some" | sys write "$MNT/put" w
    (($(status next) > before)) || fail "nothing was appended"
    unmount_log
    umount "$TMP/disk"
}

test_a_full_disk_drops_the_oldest() {
    full_disk full=drop_oldest
    for _ in {1..60}; do cat "$TMP/some" >>"$MNT/append"; done
    cmp "$TMP/some" <(tail -c "$(wc -c <"$TMP/some")" "$MNT/log")
    (($(drops full) > 10)) || fail "only $(drops full) were dropped"
    equal "$(status append_errors)" 0
    unmount_log
    umount "$TMP/disk"
}

something_dropped() {
    (($(status oldest) > 0))
}

test_what_is_unread_is_kept() {
    local next
    mount_log -o max_store=4K,retain_bytes=64K,keep_unread
    mkdir "$MNT/cursors/slow"
    append 1 100000 2>"$TMP/error" || true
    contains "$(cat "$TMP/error")" 'No space left'
    sleep 0.7
    equal "$(status oldest)" 0
    equal "$(cat "$MNT/cursors/slow/lost")" 0
    equal "$(sys write "$MNT/put" w <<<more || true)" ENOSPC
    next=$(status next)
    # As soon as it has read, there is room.
    echo "$next" >"$MNT/cursors/slow/offset"
    wait_for 2 sys write "$MNT/put" w <<<more
    equal "$(cat "$MNT/last")" more
    wait_for 2 something_dropped
    # A cursor that is forgotten holds nothing.
    append 1 100000 2>/dev/null || true
    rmdir "$MNT/cursors/slow"
    wait_for 2 sys write "$MNT/put" w <<<again
}

test_options() {
    local bad
    mkdir "$MNT"
    for bad in retain_bytes=0 retain_bytes=x retain_records=3 retain_age=0 \
        retain_age=1x retain_age= retain_age=s retain_age=-1 \
        retain_age=36501d segment_age=1.5 full=never full=; do
        fails "$CLOG" -f -o "$bad" "$LOG" "$MNT" 2>"$TMP/error"
        contains "$(cat "$TMP/error")" "${bad%%=*}"
    done
    [[ ! -e $LOG ]] || fail "a refused option made a log"
    mount_log --retain_age=2h --segment_age=90m --retain_records=1000 \
        -o retain_bytes=1G,full=drop_oldest,keep_unread
    equal "$(status retain_age_seconds | cut -d. -f1)" 7200
    equal "$(status segment_age_seconds | cut -d. -f1)" 5400
    equal "$(status retain_records) $(status retain_bytes)" "1000 1073741824"
    equal "$(status drop_oldest) $(status keep_unread)" "yes yes"
    promtool check metrics <"$MNT/metrics.prom"
    contains "$(cat "$MNT/metrics.prom")" \
        "^clog_drops_total\{log=\"$LOG\",cause=\"hand\"\} 0\$"
}

# Others than root too, as far as the modes say.
# A name that was looked up in the moment of the drop is forgotten too.
test_names_of_the_moment() {
    mount_log -o max_index=256
    stale "$MNT" 16 300 >"$TMP/stale" || fail "rounds end early"
    contains "$(cat "$TMP/stale")" ' 0 stayed$'
}

test_modes() {
    mount_log -o umask=027
    equal "$(stat -c %a "$MNT/segments")" 750
    equal "$(stat -c %a "$MNT/cursors")" 750
    equal "$(stat -c %a "$MNT/records")" 750
    remount_log -o ro
    expect_errno EROFS rmdir "$MNT/$segment0"
    expect_errno EROFS mkdir "$MNT/cursors/a"
}

run_tests
