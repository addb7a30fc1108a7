# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those that source this
#
# What the tests of the clock share.

. "$(dirname "${BASH_SOURCE[0]}")/../support/mount.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../support/clock.sh"

day=86400
year=$((365 * day))

# Segments of four records, so that there is something to drop.
small=(-o max_index=64)

# append FIRST LAST: a write for each of the lines "record N".
append() {
    local n
    for ((n = $1; n <= $2; n++)); do
        echo "record $n"
    done >>"$MNT/append"
}

# all_there FIRST LAST: the log is just these.
all_there() {
    cmp "$MNT/log" <(seq -f 'record %.0f' "$1" "$2")
}

oldest_at_least() {
    (($(status oldest) >= $1))
}

# stays SECONDS FIRST LAST: until then the log is just these.
stays() {
    local end=$((SECONDS + $1))
    while ((SECONDS <= end)); do
        all_there "$2" "$3"
        sleep 0.1
    done
}
