# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Mounts whose daemon has a clock that the test sets. Sourced after mount.sh.
# From the environment: CLOCK, the library that is loaded into the daemon.

# with_clock SECONDS: from now on, the daemon's clock is off by that.
with_clock() {
    # In one step, lest an empty file is read.
    echo "$1" >"$TMP/clock.new"
    mv "$TMP/clock.new" "$TMP/clock"
}

# As mount_log, with the clock loaded into the daemon.
mount_with_clock() {
    export CLOCK_FILE=$TMP/clock
    export ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0
    without_clock=${without_clock-$CLOG}
    printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$CLOCK" "$without_clock" \
        >"$TMP/clog"
    chmod +x "$TMP/clog"
    CLOG=$TMP/clog
    mount_log "$@"
}
