# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those that source this
#
# What the tests of the mount share. A test is a function test_*; a script
# sources this, defines its tests, and ends with run_tests. Each test runs in
# a shell of its own that stops at the first command that fails, in a fresh
# directory $TMP, with a log $LOG to be mounted on $MNT. Whatever the test
# leaves mounted or running is cleared away after it.
#
# From the environment: CLOG, the daemon; TOOLS, the directory of the C
# helpers; SOURCE, the tree; BUILD, where it is built; CLOG_LONG, to repeat
# more; TEST, a pattern that the tests to run match.

set -uo pipefail
shopt -s inherit_errexit
export LC_ALL=C TZ=UTC

here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
. "$here/fuse.sh"
SOURCE=${SOURCE:-$here/../..}
CLOG=$(realpath "${CLOG:?the daemon to test}")
TOOLS=$(realpath "${TOOLS:?the directory of the helper programs}")
PATH=$TOOLS:$PATH
export SOURCE CLOG TOOLS
segment0=segments/00000000000000000000
repeat=${CLOG_LONG:+10}
repeat=${repeat:-1}

fail() {
    echo "failed: $*" >&2
    exit 1
}

# wait_for SECONDS COMMAND...: until it succeeds. So long on an idle machine; one
# that is busy gets more.
wait_for() {
    local deadline=$((SECONDS + 6 * $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "waited in vain for: $*"
        sleep 0.02
    done
}

equal() {
    [[ $1 == "$2" ]] || fail "${3-values differ}: '$1', not '$2'"
}

# contains TEXT PATTERN: TEXT has a line that matches the extended PATTERN.
contains() {
    grep -qE -e "$2" <<<"$1" || fail "'$2' is not in: $1"
}

# fails COMMAND...: it ends with an error, not by a signal.
fails() {
    local status=0
    "$@" || status=$?
    ((status > 0 && status < 128)) || fail "status $status of: $*"
}

# expect_errno ERRNO CALL...: the system call, as the helper `sys` takes it,
# fails with exactly this error.
expect_errno() {
    local got
    got=$(sys "${@:2}" </dev/null || true)
    equal "$got" "$1" "sys ${*:2}"
}

is_mounted() {
    [[ $(findmnt -n -o FSTYPE -M "${1:-$MNT}" | tail -n 1) == fuse.clog ]]
}

serves() {
    is_mounted && cat "$MNT/status"
}

gone() {
    ! kill -0 "$1" 2>/dev/null
}

serves_or_died() {
    serves || gone "$daemon"
}

# mount_log [OPTION...]: mounts $LOG on $MNT, with the daemon as our child.
# What it prints goes to $TMP/daemon.
mount_log() {
    mkdir -p "$MNT"
    "$CLOG" -f "$@" "$LOG" "$MNT" 2>>"$TMP/daemon" &
    daemon=$!
    wait_for 30 serves_or_died
    serves >/dev/null || fail "the daemon did not start"
}

detach() {
    if ((EUID == 0)); then
        umount "$@"
    else
        fusermount3 -u "$@"
    fi
}

# The daemon ends with status $1, or else 0: well, and so without a
# sanitizer's complaint.
daemon_ends() {
    local status=0
    wait "$daemon" || status=$?
    equal "$status" "${1-0}" "exit status of the daemon"
    daemon=
}

unmount_log() {
    detach "$MNT"
    daemon_ends
}

remount_log() {
    unmount_log
    mount_log "$@"
}

# What still has a file open finds out when it uses it, and lets go.
kill_daemon() {
    kill -KILL "$daemon"
    wait "$daemon" || true
    daemon=
    wait_for 10 detach "$MNT"
}

# flushed: what was appended lies in the log's files; to be waited for.
flushed() {
    [[ $(status staged_bytes) == 0 ]]
}

# status KEY: its value in the mount's status file.
status() {
    local value
    value=$(awk -v key="$1" '$1 == key { print $2 }' "$MNT/status")
    [[ -n $value ]] || fail "no '$1' in status"
    echo "$value"
}

# record N: the bytes of a record; records A B: of all of [A, B).
record() {
    cat "$MNT/records/$1"
}

records() {
    (($1 < $2)) || return 0
    (cd "$MNT/records" && seq -f %.0f "$1" "$(($2 - 1))" | xargs cat)
}

# check_log FILE COUNT: the suite's central comparison. The log has exactly
# COUNT records from 0 on, which are FILE when joined: seen as one stream, one
# by one, in the daemon's counters, and in the segments' own bytes, which
# `oracle` parses by itself.
check_log() {
    cmp "$MNT/log" "$1" &&
        records 0 "$2" | cmp - "$1" &&
        [[ ! -e $MNT/records/$2 ]] &&
        [[ $(status next) == "$2" ]] &&
        oracle "$MNT/segments" "$2" | cmp - "$1"
}

# snapshot: all that is seen of the log, in one line that two moments can be
# compared by.
snapshot() {
    (
        cd "$MNT"
        find . | sort
        cat log
        cat segments/*/*
        grep -E '^(oldest|next|records|segments) ' status
    ) | sha256sum
}

clear_away() {
    local target
    if [[ -n ${daemon-} ]]; then
        kill "$daemon" 2>/dev/null
    fi
    findmnt -rn -o TARGET | grep -E "^$TMP/" | tac |
        while read -r target; do
            detach "$target" || umount -l "$target" || fusermount3 -uz "$target"
        done
    if [[ -n ${daemon-} ]]; then
        wait "$daemon"
    fi
    rm -rf --one-file-system "$TMP"
} 2>/dev/null

# Whatever way a test ends: if it failed, what the daemon said belongs to it.
end_test() {
    local status=$?
    trap - ERR
    set +e
    if ((status)) && [[ -s $TMP/daemon ]]; then
        tail -n 40 "$TMP/daemon" | sed 's/^/daemon: /'
    fi
    clear_away
    exit "$status"
}

run_test() (
    TMP=$(mktemp -d "${TMPDIR:-/tmp}/clog-test.XXXXXX")
    TMP=$(realpath "$TMP")
    LOG=$TMP/log
    MNT=$TMP/mnt
    daemon=
    trap end_test EXIT
    trap 'echo "$0:$LINENO: $BASH_COMMAND" >&2' ERR
    set -eE
    "$1"
    [[ -z $daemon ]] || unmount_log
)

run_tests() {
    local name output status failures=0
    [[ ${needs_fuse-yes} == no ]] || fuse_usable || {
        echo "skipped: /dev/fuse cannot be used here"
        exit 77
    }
    while read -r name; do
        # Not as a condition: bash would not stop at a failing command then.
        output=$(run_test "$name" 2>&1)
        status=$?
        if ((status == 0)); then
            echo "ok ${0##*/} $name"
        else
            echo "not ok ${0##*/} $name"
            echo "$output"
            failures=$((failures + 1))
        fi
    done < <(compgen -A function test_ | grep -E -- "${TEST-}")
    exit $((failures > 0))
}
