#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Copies of a log, and logs that were put together from copies.

# mount_copy DIRECTORY [OPTION...]: on $TMP/mnt2, as another log; its daemon
# is $copy_daemon.
mount_copy() {
    mkdir -p "$TMP/mnt2"
    "$CLOG" -f "${@:2}" "$1" "$TMP/mnt2" 2>>"$TMP/daemon" &
    copy_daemon=$!
    wait_for 30 test -e "$TMP/mnt2/status"
}

unmount_copy() {
    detach "$TMP/mnt2"
    wait "$copy_daemon"
}

# Appends the lines 0, 1, 2 ... until $TMP/stop is there.
write_on() {
    local n=0
    while [[ ! -e $TMP/stop ]]; do
        seq "$n" $((n + 49))
        n=$((n + 50))
        sleep 0.005
    done >>"$MNT/append"
}

# is_a_log DIRECTORY AT_LEAST: it opens; its records are a beginning of those
# written, without a gap, and so many that were there before it was made.
is_a_log() {
    local next
    mount_copy "$1"
    next=$(awk '$1 == "next" { print $2 }' "$TMP/mnt2/status")
    cmp "$TMP/mnt2/log" <(seq 0 $((next - 1)))
    ((next >= $2)) || fail "$1 has $next records, and $2 were there"
    echo "$next" >>"$TMP/mnt2/append"
    equal "$(cat "$TMP/mnt2/last")" "$next"
    unmount_copy
    "$BUILD/fs/clog-verify" "$1" >"$TMP/verified" ||
        fail "$(cat "$TMP/verified")"
}

# is_right DIRECTORY AT_LEAST: likewise; but offsets of which the copy knows
# that they were given away may be without a record.
is_right() {
    mount_copy "$1"
    (
        cd "$TMP/mnt2/records"
        find . -type f -printf '%f\n' |
            xargs awk '$0 != FILENAME { exit 1 }'
    )
    [[ -e $TMP/mnt2/records/$(($2 - 1)) ]] || fail "$1 ends before $2"
    echo new >>"$TMP/mnt2/append"
    equal "$(cat "$TMP/mnt2/last")" new
    unmount_copy
}

# Made while it is written to, by what people use.
test_copies_under_load() {
    local i next
    mount_log -o max_store=8K
    write_on &
    wait_for 20 test -e "$MNT/records/2000"
    for i in 1 2 3; do
        next=$(status next)
        cp -r "$MNT/segments" "$TMP/cp.$i.parts"
        mkdir "$TMP/cp.$i" && mv "$TMP/cp.$i.parts" "$TMP/cp.$i/segments"
        is_a_log "$TMP/cp.$i" "$next"
        next=$(status next)
        cp -a "$LOG" "$TMP/whole.$i"
        is_right "$TMP/whole.$i" "$next"
        next=$(status next)
        mkdir "$TMP/tar.$i"
        tar -C "$MNT" -cf - segments 2>"$TMP/error" |
            tar -C "$TMP/tar.$i" -xf - 2>>"$TMP/error" || true
        is_a_log "$TMP/tar.$i" "$next"
        next=$(status next)
        mkdir -p "$TMP/rsync"
        rsync -a --delete "$MNT/segments/" "$TMP/rsync/segments/"
        cp -a "$TMP/rsync" "$TMP/rsync.$i"
        is_a_log "$TMP/rsync.$i" "$next"
    done
    touch "$TMP/stop"
    wait %write_on
}

# Two daemons on one set of files: each keeps what it has acknowledged, or
# the second is refused.
test_a_copy_of_hard_links() {
    local i
    mount_log
    seq 0 99 >>"$MNT/append"
    unmount_log
    cp -al "$LOG" "$TMP/linked"
    mount_log
    if "$CLOG" "$TMP/linked" "$TMP/mnt2" 2>"$TMP/error"; then
        fail "no directory, and it is mounted"
    fi
    mkdir "$TMP/mnt2"
    if "$CLOG" "$TMP/linked" "$TMP/mnt2" 2>"$TMP/error"; then
        for i in 1 2 3 4 5; do
            echo "A$i" >>"$MNT/append"
            echo "B$i" >>"$TMP/mnt2/append"
        done
        equal "$(tail -n +101 "$TMP/mnt2/log" | tr '\n' ' ')" "B1 B2 B3 B4 B5 "
        detach "$TMP/mnt2"
    else
        seq 1 5 | sed 's/^/A/' >>"$MNT/append"
        contains "$(cat "$TMP/error")" 'linked/[a-z]+'
    fi
    equal "$(tail -n +101 "$MNT/log" | tr '\n' ' ')" "A1 A2 A3 A4 A5 "
    remount_log
    equal "$(tail -n +101 "$MNT/log" | tr '\n' ' ')" "A1 A2 A3 A4 A5 "
}

# parts FILE...: a log of four segments, without these.
parts() {
    local part
    [[ -d $TMP/whole ]] || visit make "$TMP/whole" 14
    rm -rf "$LOG"
    cp -a "$TMP/whole" "$LOG"
    find "$LOG" -type d -exec chmod u+w {} +
    for part; do
        rm -rf "${LOG:?}/$part"
    done
}

# used [COUNT]: it can be used; records that cannot be read are as many.
used() {
    visit use "$LOG" 14 >"$TMP/said" || fail "$(cat "$TMP/said")"
    contains "$(cat "$TMP/said")" "cannot read ${1-0}\$"
}

test_parts_of_a_log() {
    local file
    parts clean writer durable format cursors
    used
    parts clean writer durable format cursors "$segment0"
    used
    # What is missing in the middle was there: its offsets stay taken.
    parts "$segment8"
    used 4
    # Whatever two files can be had without the third is had.
    for file in index stamps; do
        parts clean "$segment0/$file"
        used
        parts "$segment8/$file" clean
        used
    done
    parts "$segment8/store"
    used 4
}

# The last segment is gone; others tell that its offsets were given away.
test_without_the_last_segment() {
    parts segments/00000000000000000012
    used 2
    parts segments/00000000000000000012 clean
    used 2
}

# A backup from before, under a cursor that was moved since: its offset proves
# what was given away.
test_a_cursor_beyond_the_end() {
    mount_log
    seq 50 >>"$MNT/append"
    cp -r "$MNT/segments" "$TMP/backup"
    seq 51 100 >>"$MNT/append"
    mkdir "$MNT/cursors/job"
    echo next >"$MNT/cursors/job/offset"
    unmount_log
    chmod -R u+w "$LOG/segments"
    rm -rf "$LOG/segments" "$LOG/clean" "$LOG/durable"
    cp -r "$TMP/backup" "$LOG/segments"
    mount_log
    equal "$(status next)" 100
    equal "$(cat "$MNT/cursors/job/lag")" 0
    echo new >>"$MNT/append"
    equal "$(cat "$MNT/records/100") $(cat "$MNT/cursors/job/lag")" "new 1"
    contains "$(cat "$TMP/daemon")" 50
}

# What an editor, a file manager or NFS has left in a segment that is dropped.
test_files_of_others_in_a_segment() {
    local name
    for name in .DS_Store .nfs000000000001 NOTES.txt '@eaDir'; do
        parts
        if [[ $name == @* ]]; then
            mkdir "$LOG/$segment0/$name"
        else
            echo x >"$LOG/$segment0/$name"
        fi
        used
        used
        [[ -n $(find "$LOG" -name "$name") ]] || fail "$name was removed"
    done
}

# By way of a link to LOGDIR itself, which is somebody's wish.
test_a_link_to_the_log() {
    parts
    mv "$LOG" "$TMP/elsewhere"
    ln -s elsewhere "$LOG"
    used
    [[ -L $LOG ]]
    mount_log
    equal "$(cat "$MNT/records/13")" "record 13 of the log"
}

run_tests
