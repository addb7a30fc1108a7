# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the tests of tools share, besides what the mount's tests do.

. "$(dirname "${BASH_SOURCE[0]}")/../support/mount.sh"
PATH=${HELPERS:?the directory of the helpers here}:$PATH

# Somebody who is neither root nor who mounts.
other_uid=65534
other_gid=65534

# as_other COMMAND...: run by that user, who may pass through $TMP.
as_other() {
    chmod a+x "$TMP"
    setpriv --reuid "$other_uid" --regid "$other_gid" --clear-groups -- "$@"
}

# mount_counted [OPTION...]: mounts with each request written to $TMP/daemon.
mount_counted() {
    mount_log -d "$@"
}

# What the kernel sent until here does not count.
forget_requests() {
    counted_from=$(stat -c %s "$TMP/daemon")
}

# requests OPCODE...: how many of these the kernel has sent since.
requests() {
    local pattern
    pattern=$(printf '|%s' "$@")
    tail -c +"$((counted_from + 1))" "$TMP/daemon" |
        grep -cE "opcode: (${pattern:1}) " || true
}

# at_most N OPCODE...: no more requests of these than that.
at_most() {
    local count
    count=$(requests "${@:2}")
    ((count <= $1)) || fail "$count requests of ${*:2}, not at most $1"
}

# text LINES: as many lines of text, of many lengths.
text() {
    awk -v lines="$1" 'BEGIN {
        for (i = 0; i < lines; i++)
            printf "%d %s\n", i, substr("sphinx of black quartz, judge my vow",
                1, (i * 7919) % 37)
    }'
}

# holds FILE: the log is FILE, a line a record.
holds() {
    cmp "$MNT/log" "$1"
    equal "$(status next)" "$(wc -l <"$1")" "records"
    oracle "$MNT/segments" "$(status next)" | cmp - "$1"
}
