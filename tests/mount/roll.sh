#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

# Ten thousand records of 1 to about 1000 bytes, the sizes in $TMP/sizes.
append_mixed() {
    python3 - "$MNT/put" "$TMP" <<'END'
import os, random, sys
door, tmp = sys.argv[1:]
random.seed(5)
fd = os.open(door, os.O_WRONLY)
with open(tmp + "/want", "wb") as want, open(tmp + "/sizes", "w") as sizes:
    for i in range(10000):
        data = random.randbytes(random.choice((1, 7, 100, 500, 1000)))
        assert os.write(fd, data) == len(data)
        want.write(data)
        print(len(data), file=sizes)
END
}

# Every base name is the first record's offset, and that of the one after the
# last record of the segment before it.
check_bases() {
    local base entries next=0
    for base in "$MNT"/segments/*; do
        equal "${base##*/}" "$(printf %020d "$next")" "base name"
        equal "$(xxd -p -l 8 "$base/index")" "$(printf %016x "$next")"
        entries=$(stat -c %s "$base/index")
        next=$((next + entries / 16))
        (($(stat -c %s "$base/store") <= 65536)) || fail "$base is too large"
    done
    equal "$next" 10000
}

test_ten_thousand_records_in_many_segments() {
    local segments
    ulimit -n 32
    mount_log -o max_store=64K
    append_mixed
    segments=$(find "$MNT/segments" -mindepth 1 | grep -c '/[0-9]*$')
    ((segments > 40)) || fail "only $segments segments"
    equal "$(status segments)" "$segments"
    check_bases
    check_log "$TMP/want" 10000
    cmp <(cd "$MNT/records" && seq 0 9999 | xargs stat -c %s) "$TMP/sizes"
    remount_log -o max_store=64K
    check_log "$TMP/want" 10000
}

test_sealed_files_are_read_only() {
    local sealed active
    mount_log --max_store=64K
    seq -f 'a line of some length, number %.0f' 1 5000 >>"$MNT/append"
    (($(status segments) > 2)) || fail "no roll"
    active=$(ls "$LOG/segments" | tail -n 1)
    sealed=$(find "$LOG/segments" -type f ! -path "*/$active*")
    [[ -n $sealed ]] || fail "nothing is sealed"
    xargs stat -c %A <<<"$sealed" | grep w && fail "writable although sealed"
    [[ -w $LOG/segments/$active/store ]] || fail "active, and not writable"
}

test_rolls_by_index_size() {
    mount_log -o max_index=167
    seq 0 99 >>"$MNT/append"
    for i in {100..149}; do
        echo "$i" >>"$MNT/append"
    done
    seq 0 149 >"$TMP/want"
    check_log "$TMP/want" 150
    # The first batch is whole; after it, ten entries fit.
    equal "$(ls "$MNT/segments")" "$(printf '%020d\n' 0 100 110 120 130 140)"
}

test_a_batch_stays_in_one_segment() {
    mount_log -o max_store=1K
    seq 1 1000 >>"$MNT/append"
    equal "$(status segments)" 1
    echo more >>"$MNT/append"
    equal "$(ls "$MNT/segments")" "$(printf '%020d\n' 0 1000)"
    head -c 5000 /dev/zero >"$TMP/long"
    equal "$(sys write "$MNT/put" w <"$TMP/long")" 5000
    equal "$(ls "$MNT/segments")" "$(printf '%020d\n' 0 1000 1001)"
    (seq 1 1000 && echo more && cat "$TMP/long") >"$TMP/want"
    check_log "$TMP/want" 1002
}

test_limits_can_change_between_mounts() {
    mount_log -o max_store=1K
    for i in {1..100}; do echo "line $i" >>"$MNT/append"; done
    remount_log
    for i in {101..200}; do echo "line $i" >>"$MNT/append"; done
    remount_log -o max_store=2K,max_index=1K
    for i in {201..300}; do echo "line $i" >>"$MNT/append"; done
    seq -f 'line %.0f' 1 300 >"$TMP/want"
    check_log "$TMP/want" 300
}

run_tests
