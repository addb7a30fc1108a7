#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

test_it_is_all_records() {
    mount_log -o max_store=8K
    seq -f 'this is line number %.0f' 1 3000 | tee "$TMP/want" |
        dd of="$MNT/append" bs=300 conv=notrunc status=none
    head -c 500 /dev/urandom >"$TMP/block"
    sys write "$MNT/put" w <"$TMP/block"
    cat "$TMP/block" >>"$TMP/want"
    (($(status segments) > 5)) || fail "no roll"
    equal "$(stat -c %s "$MNT/log")" "$(stat -c %s "$TMP/want")"
    check_log "$TMP/want" 3001
}

test_tools_that_read_it() {
    mount_log
    seq -f 'line %.0f' 1 5000 | tee "$TMP/want" >>"$MNT/append"
    equal "$(tail -n 3 "$MNT/log")" $'line 4998\nline 4999\nline 5000'
    equal "$(tail -c 5 "$MNT/log")" 5000
    equal "$(head -n 1 "$MNT/log")" "line 1"
    equal "$(grep -c 'line .*7$' "$MNT/log")" 500
    equal "$(wc -l <"$MNT/log")" 5000
    equal "$(wc -c <"$MNT/log")" "$(stat -c %s "$TMP/want")"
    cmp <(tac "$MNT/log") <(tac "$TMP/want")
    cmp <(sort "$MNT/log") <(sort "$TMP/want")
}

test_any_position() {
    local at
    mount_log -o max_store=1K
    for i in {1..300}; do
        printf 'record %d of some length\n' "$i" >>"$MNT/append"
    done
    cp "$MNT/log" "$TMP/want"
    for at in 0 1 24 25 26 27 1000 1023 1024 1025 4095 4096 4097 7000; do
        dd if="$MNT/log" bs=1 skip="$at" count=60 status=none |
            cmp - <(dd if="$TMP/want" bs=1 skip="$at" count=60 status=none)
        dd if="$MNT/log" bs=997 skip="$at" iflag=skip_bytes status=none |
            cmp - <(tail -c "+$((at + 1))" "$TMP/want")
    done
    equal "$(dd if="$MNT/log" bs=1M skip=1 status=none)" "" "past the end"
}

follow() {
    tail -s 0.1 "$@" "$MNT/log" >"$TMP/followed" &
    follower=$!
}

followed() {
    cmp "$TMP/followed" "$1"
}

test_tail_follows() {
    local option
    for option in -f -F; do
        mount_log -o max_store=1K
        seq 1 5 | tee "$TMP/want" >>"$MNT/append"
        follow "$option" -n +1
        wait_for 10 followed "$TMP/want"
        for i in {6..200}; do
            echo "$i" >>"$MNT/append"
        done
        seq 1 200 >"$TMP/want"
        wait_for 10 followed "$TMP/want"
        kill "$follower"
        wait "$follower" || true
        unmount_log
        rm -rf "$LOG"
    done
}

test_an_open_handle_sees_growth() {
    mount_log
    echo one >>"$MNT/append"
    exec 3<"$MNT/log"
    equal "$(cat <&3)" one
    echo two >>"$MNT/append"
    equal "$(cat <&3)" two
    equal "$(cat <&3)" ""
    exec 3<&-
}

test_a_mapping_sees_it() {
    mount_log
    seq 1 10000 >>"$MNT/append"
    python3 - "$MNT/log" <<'END'
import mmap, sys
with open(sys.argv[1], "rb") as f:
    data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
    assert data[:] == b"".join(b"%d\n" % i for i in range(1, 10001))
END
}

run_tests
