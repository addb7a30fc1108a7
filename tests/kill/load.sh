#!/bin/bash
# SPDX-License-Identifier: MIT
#
#     load.sh LOAD CLOG MODE ROUNDS LONG_ROUNDS
#
# Runs the program load in a directory of its own and clears away what it
# leaves.
set -uo pipefail

# shellcheck source=tests/support/fuse.sh
. "$(dirname "$0")/../support/fuse.sh"

load=$1 clog=$2 mode=$3 rounds=${CLOG_LONG:+$5}

if ! fuse_usable || ((EUID != 0)); then
    echo "skipped: this needs root and /dev/fuse"
    exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/clog-test.XXXXXX")
trap 'umount -l "$dir/mnt" 2>/dev/null; rm -rf --one-file-system "$dir"' EXIT
if "$load" "$clog" "$dir" "${rounds:-$4}" "$mode" 2>"$dir/messages"; then
    echo "ok load $mode"
else
    tail -n 20 "$dir/messages"
    echo "not ok load $mode"
    exit 1
fi
