#!/bin/bash
# SPDX-License-Identifier: MIT
#
#     race.sh library PROGRAM        the library, under threads
#     race.sh toy PROGRAM            a race that must be reported
#     race.sh mount LOAD CLOG        the daemon, ended under load
#
# For a build with ThreadSanitizer. Runs for a minute, or half an hour where
# CLOG_LONG is set, or SECONDS_TO_RUN.
set -uo pipefail

# shellcheck source=tests/support/fuse.sh
. "$(dirname "$0")/../support/fuse.sh"

seconds=${SECONDS_TO_RUN:-${CLOG_LONG:+1800}}
seconds=${seconds:-60}
export TSAN_OPTIONS=halt_on_error=1:exitcode=66
# Logs in memory, where there is room: syncs are not what is looked at.
base=/dev/shm
[[ -w $base ]] || base=${TMPDIR:-/tmp}
dir=$(mktemp -d "$base/clog-test.XXXXXX")
trap 'umount -l "$dir"/*/mnt 2>/dev/null; rm -rf --one-file-system "$dir"' EXIT

run_library() {
    "$1" "$dir/log" "$seconds" 2>&1
}

run_toy() {
    local status=0
    "$1" "$dir/log" >"$dir/report" 2>&1 || status=$?
    ((status == 66)) && grep -A 1 'WARNING: ThreadSanitizer' "$dir/report"
}

run_mount() {
    local end=$((SECONDS + seconds)) n=0
    if ! fuse_usable || ((EUID != 0)); then
        echo "skipped: this needs root and /dev/fuse"
        exit 77
    fi
    while ((SECONDS < end)); do
        n=$((n + 1))
        mkdir "$dir/$n"
        "$1" "$2" "$dir/$n" 20 end >"$dir/$n/figures" 2>"$dir/$n/messages" || {
            cat "$dir/$n/figures" "$dir/$n/messages"
            return 1
        }
        rm -rf "${dir:?}/$n"
    done
    echo "$((20 * n)) ends under load"
}

if "run_$1" "${@:2}"; then
    echo "ok race $1"
else
    echo "not ok race $1"
    exit 1
fi
