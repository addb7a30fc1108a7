#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

VERIFY=$(dirname "$CLOG")/clog-verify

# A log of a thousand records in many segments, closed.
prepare() {
    mount_log -o max_store=4K
    seq -f 'record %04.0f' 0 999 | tee "$TMP/want" | while read -r line; do
        echo "$line"
    done >>"$MNT/append"
    unmount_log
    last=$(find "$LOG/segments" -mindepth 1 -maxdepth 1 | sort | tail -n 1)
    first=$LOG/$segment0
}

# expect STATUS ARGUMENT...: the exit status of clog-verify; its output is in
# $output.
expect() {
    local status=0
    output=$("$VERIFY" "${@:2}" "$LOG" 2>&1) || status=$?
    equal "$status" "$1" "status of clog-verify, which said '$output'"
}

# set_byte FILE POSITION: to another value.
set_byte() {
    local byte
    byte=$(xxd -s "$2" -l 1 -p "$1")
    printf '%02x' $((16#$byte ^ 16#55)) | xxd -r -p |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

everything_on_disk() {
    find "$LOG" -type f -printf '%P %s %m ' -exec md5sum {} \; | sort
}

all_records_are_there() {
    mount_log
    cmp "$MNT/log" "$TMP/want"
    unmount_log
}

test_the_command_line() {
    contains "$("$VERIFY" --help)" '^Usage: clog-verify'
    contains "$("$VERIFY" --version)" '^clog-verify [0-9]'
    equal "$("$VERIFY" 2>&1 >/dev/null | head -n 1)" \
        'clog-verify: missing LOGDIR'
    expect 8 --no-such-option
    LOG=$TMP/nothing expect 8
    contains "$output" 'nothing: No such file'
    mkdir "$TMP/other"
    echo x >"$TMP/other/file"
    LOG=$TMP/other expect 8
    contains "$output" 'other/file: .*not a log'
}

test_a_good_log() {
    local before
    prepare
    before=$(everything_on_disk)
    expect 0
    contains "$output" '1000 records, 1000 of them good; 0 findings'
    expect 0 --repair
    equal "$(everything_on_disk)" "$before" "the log's files"
}

test_a_mounted_log() {
    mount_log
    echo one >>"$MNT/append"
    expect 8
    contains "$output" "in use by process $daemon"
    equal "$(cat "$MNT/records/0")" one
}

test_a_payload() {
    local before
    prepare
    set_byte "$first/store" 10
    before=$(everything_on_disk)
    expect 4
    contains "$output" "$segment0/store: record 0, byte 0: checksum mismatch"
    contains "$output" '1000 records, 999 of them good; 1 findings, 0 repaired'
    expect 4 --repair
    equal "$(everything_on_disk)" "$before" "the log's files"
}

test_an_index() {
    prepare
    set_byte "$first/index" 31
    expect 4
    contains "$output" "$segment0/index: records? 1 .*, byte 16: wrong entry"
    expect 1 --repair
    contains "$output" '1 findings, 1 repaired'
    expect 0
    rm -f "$first/index"
    expect 4
    contains "$output" "$segment0/index: .*byte 0: missing"
    expect 1 --repair
    equal "$(stat -c %a "$first/index")" 400
    expect 0
    all_records_are_there
}

test_a_prefix() {
    prepare
    set_byte "$first/store" 7
    set_byte "$last/store" 3
    expect 4
    contains "$output" "$segment0/store: record 0, byte 0: wrong length prefix"
    expect 1 --repair
    contains "$output" '2 findings, 2 repaired'
    equal "$(find "$LOG/quarantine" -name '*.prefix' | wc -l)" 2
    expect 0
    all_records_are_there
}

# Without its clean marker and its writer, the log may have met a power cut.
test_a_torn_tail() {
    prepare
    rm "$LOG/clean" "$LOG/writer"
    chmod u+w "$last/store"
    printf 'half a record' >>"$last/store"
    expect 4
    contains "$output" 'record 1000, byte [0-9]+: torn tail of 13 bytes'
    expect 1 --repair
    equal "$(cat "$LOG"/quarantine/*.store)" 'half a record'
    expect 0
    all_records_are_there
}

test_missing_stamps() {
    prepare
    rm -f "$first/stamps"
    expect 4
    contains "$output" "$segment0/store: records 0 to .*: no stamp"
    all_records_are_there
}

test_a_missing_segment() {
    local name
    prepare
    name=$(find "$LOG/segments" -mindepth 1 -maxdepth 1 -printf '%f\n' |
        sort | sed -n 3p)
    rm -rf "$LOG/segments/$name"
    expect 4
    contains "$output" "records $((10#$name)) to .*: records lost"
}

test_json() {
    prepare
    set_byte "$first/store" 10
    set_byte "$first/index" 31
    expect 4 --json
    python3 - "$output" <<'END'
import json, sys
result = json.loads(sys.argv[1])
assert result["found"] == 2 and result["repaired"] == 0, result
assert [f["kind"] for f in result["findings"]] == ["rot", "index"], result
assert result["findings"][0]["offset"] == 0
assert result["records"] == 1000 and result["good"] == 999
END
}

run_tests
