#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Each of this suite's means of judging, on something that is wrong: they must
# notice.

# A loop that moves the cursor before the work is done loses what it had in
# hand when it is killed.
test_a_loop_that_moves_first() {
    mount_log
    append 1 20
    mkdir "$MNT/cursors/mail"
    cat >"$TMP/wrong" <<'END'
while n=$(cat cursors/mail/offset); [[ -e records/$n ]]; do
    echo $((n + 1)) >cursors/mail/offset
    ((++k == 3)) && kill -KILL $$
    cat records/$n >>"$out"
done
END
    for _ in {1..20}; do
        (cd "$MNT" && k=0 out=$TMP/out bash "$TMP/wrong") 2>/dev/null || true
    done
    if uniq "$TMP/out" | cmp -s - <(seq -f 'record %.0f' 1 20); then
        fail "nothing is missing"
    fi
}

# Files that are made in a plain directory, and names that are not exclusive:
# with O_EXCL there is one winner each, without there are more.
test_a_race_that_everybody_wins() {
    mkdir "$TMP/plain"
    race "$TMP/plain" 8 200 | sort -n | cut -d' ' -f1 >"$TMP/won"
    cmp "$TMP/won" <(seq 0 199)
    for _ in 1 2; do
        rm -rf "$TMP/plain"
        mkdir "$TMP/plain"
        race "$TMP/plain" 8 200
    done | sort -n | cut -d' ' -f1 >"$TMP/won"
    if cmp -s "$TMP/won" <(seq 0 199); then
        fail "two winners go unnoticed"
    fi
}

# A second writer puts what is no record of the first into the log.
test_a_stranger_in_the_log() {
    mount_log -o max_store=64K,retain_bytes=1M
    timeout 60 together "$MNT" 5 100 >"$TMP/said" 2>&1 &
    local together=$!
    sleep 1
    echo stranger >>"$MNT/append"
    if wait "$together"; then fail "a wrong record goes unnoticed"; fi
    contains "$(cat "$TMP/said")" 'stranger'
}

# A pace that cannot be followed: the limit is far too small for it.
test_a_pace_that_is_too_fast() {
    mount_log -o max_store=2K,retain_bytes=8K
    if timeout 60 together "$MNT" 5 2000 >"$TMP/said" 2>&1; then
        fail "nobody fell behind"
    fi
}

run_tests
