#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A log of one user in the hands of another.

# A log of nobody's, in a directory that everybody may pass.
theirs() {
    make_fresh
    make_outside
    chmod a+x "$DISK"
    cp -a "$DISK/fresh" "$LOG"
    chown -R "$nobody:$nobody" "$LOG"
}

all_theirs() {
    local others
    others=$(find "$LOG" ! -user "$nobody" -o ! -group "$nobody")
    equal "$others" "" "files of others"
}

# refused_by_name PLACE COMMAND...: with an error that names the file.
refused_by_name() {
    local status=0
    "${@:2}" >"$TMP/said" 2>&1 || status=$?
    equal "$status" 1 "exit status of ${*:2}"
    contains "$(cat "$TMP/said")" "${1##*/}"
}

# root mounts it once, to have a look, and its owner goes on.
test_root_leaves_it_theirs() {
    theirs
    mount_log -o max_index=64
    seq 30 >>"$MNT/append"
    mkdir "$MNT/cursors/root"
    echo 12 >"$MNT/cursors/c/offset"
    rmdir "$MNT/$segment0"
    unmount_log
    all_theirs
    as_nobody visit use "$LOG" 0 >"$TMP/said" || fail "$(cat "$TMP/said")"
    all_theirs
}

test_root_kills_and_mends() {
    theirs
    mount_log -o max_index=64
    seq 30 >>"$MNT/append"
    kill_daemon
    mount_log -o max_index=64
    kill_daemon
    # A torn tail, for quarantine.
    chmod u+w "$LOG"/segments/*/store
    truncate -s -1 "$LOG/segments/$(ls "$LOG/segments" | tail -n 1)/store"
    sed -i 's/^boot.*/boot 00000000-0000-0000-0000-000000000000/' "$LOG/writer"
    chown "$nobody:$nobody" "$LOG/writer"
    rm -f "$LOG/durable"
    mount_log -o max_index=64
    unmount_log
    "$BUILD/fs/clog-verify" --repair "$LOG" >/dev/null || true
    all_theirs
    as_nobody visit use "$LOG" 0 >"$TMP/said" || fail "$(cat "$TMP/said")"
}

# A log of root's that its group may write: its modes are not the other's to
# change, its records are.
test_writable_and_not_owned() {
    theirs
    chown -R "0:$nobody" "$LOG"
    chmod -R g+rwX "$LOG"
    as_nobody visit look "$LOG" "$count" >"$TMP/said" ||
        fail "$(cat "$TMP/said")"
    as_nobody visit use "$LOG" "$count" >"$TMP/said" ||
        fail "$(cat "$TMP/said")"
}

# One that may be read, and no more.
test_readable_only() {
    theirs
    chown -R 0:0 "$LOG"
    chmod -R a+rX,go-w "$LOG"
    as_nobody visit look "$LOG" "$count" >"$TMP/said" ||
        fail "$(cat "$TMP/said")"
    picture "$LOG" >"$TMP/before"
    fails as_nobody visit use "$LOG" "$count" >"$TMP/said"
    contains "$(cat "$TMP/said")" 'ermission denied'
    picture "$LOG" | cmp - "$TMP/before"
}

# One file of another user in it: it works, or that file is named.
test_a_file_that_is_not_theirs() {
    local place status
    theirs
    for place in format writer clean durable cursors cursors/c \
        "$segment0/store" "$segment8"/{store,index,stamps} "$segment8"; do
        rm -rf "$LOG"
        cp -a "$DISK/fresh" "$LOG"
        chown -R "$nobody:$nobody" "$LOG"
        chown 0:0 "$LOG/$place"
        chmod go-rwx "$LOG/$place"
        status=0
        as_nobody visit use "$LOG" "$count" >"$TMP/said" || status=$?
        ((status < 2)) || fail "$place: $(cat "$TMP/said")"
        ((status == 0)) || ! grep -q '^refused: open' "$TMP/said" ||
            grep -qF "${place##*/}" "$TMP/said" ||
            fail "$place is not named: $(cat "$TMP/said")"
    done
}

# Whoever owns LOGDIR puts a link in the place of a file while a daemon of
# root's has it mounted: what it leads to stays what it is.
test_links_put_in_under_root() {
    local file
    for file in store index stamps; do
        rm -rf "$LOG" "$TMP/disk/outside"
        [[ -d $TMP/disk ]] || theirs
        rm -rf "$LOG"
        make_outside
        cp -a "$DISK/fresh" "$LOG"
        picture "$OUTSIDE" >"$TMP/before"
        mount_log -o max_index=64
        mv "$LOG/$segment8/$file" "$LOG/aside"
        ln -s "$OUTSIDE/file" "$LOG/$segment8/$file"
        seq 20 >>"$MNT/append" 2>"$TMP/error" || true
        rmdir "$MNT/$segment0" || true
        rmdir "$MNT/segments/00000000000000000004" 2>"$TMP/error" || true
        rmdir "$MNT/$segment8" 2>"$TMP/error" || true
        unmount_log
        picture "$OUTSIDE" | cmp - "$TMP/before"
    done
}

((EUID == 0)) || {
    echo "skipped: only root can be another user"
    exit 77
}
run_tests
