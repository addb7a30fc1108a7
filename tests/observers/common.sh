# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the tests of observers share.

. "$(dirname "${BASH_SOURCE[0]}")/../support/mount.sh"
PATH=$(realpath "${HELPERS:?the directory of the helper programs}"):$PATH

# Small segments, of which the oldest soon go.
dropping=(-o "max_store=16K,retain_bytes=160K")

# observed SECONDS VIEW FILE [drops]: looks at it while it grows (see
# observe.c). CLOG_LONG: five times as long.
observed() {
    observe "$MNT" "$(($1 * (repeat > 1 ? 5 : 1)))" "${@:2}"
}

# grows VIEW FILE: everybody sees the same and the right, of a log that only
# grows and of one that is dropped from at the other end.
grows() {
    mount_log
    observed 2 "$@"
    unmount_log
    rm -rf "$LOG"
    mount_log "${dropping[@]}"
    observed 2 "$@" drops
}
