#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Everybody at once, at a pace that all can follow: nobody misses a record.
test_at_a_pace() {
    mount_log -o max_store=64K,retain_bytes=1M
    timeout 400 together "$MNT" "$((30 * repeat))" 150
    (($(drops bytes) > 20)) || fail "only $(drops bytes) were dropped"
    wait_for 2 within_the_limit
}

# Faster than some can follow: those are told, and nobody gets wrong bytes.
test_at_full_speed() {
    local reader
    mount_log -o max_store=64K,retain_bytes=1M
    timeout 200 together "$MNT" "$((8 * repeat))" 0 | tee "$TMP/said"
    (($(drops bytes) > 50)) || fail "only $(drops bytes) were dropped"
    for reader in log follow cursor; do
        contains "$(cat "$TMP/said")" "^$reader: .* [1-9][0-9]* times told"
    done
}

within_the_limit() {
    (($(status stored_bytes) <= 1 << 20))
}

run_tests
