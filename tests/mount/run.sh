#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/../support/mount.sh"

run=$SOURCE/scripts/run

# Only these programs, the given ones besides, and no others.
path_of() {
    local name
    mkdir "$TMP/bin"
    for name in bash dirname realpath findmnt tail cat grep mkdir "$@"; do
        ln -s "$(command -v "$name")" "$TMP/bin/$name"
    done
}

test_help() {
    "$run" --help >"$TMP/help"
    contains "$(head -n 1 "$TMP/help")" '^usage: '
    fails "$run" --no-such-option 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" '^usage: '
    fails "$run" a b c 2>/dev/null
}

test_from_nothing_to_a_log_and_back() {
    local output
    output=$(timeout 900 "$run" "$MNT" "$LOG" </dev/null)
    contains "$output" "$LOG is mounted on $MNT"
    equal "$(grep -c '^    ' <<<"$output")" 3 "commands to try"
    contains "$output" "scripts/run --stop $MNT"
    serves >/dev/null

    (eval "$(grep '^    ' <<<"$output")") >"$TMP/tried"
    contains "$(head -n 1 "$TMP/tried")" '^hello$'
    contains "$(cat "$TMP/tried")" '6865 6c6c 6f'

    output=$("$run" "$MNT" "$LOG" </dev/null)
    contains "$output" "already running: $LOG on $MNT"
    equal "$(cat "$MNT/log")" hello

    output=$("$run" --stop "$MNT" </dev/null)
    contains "$output" "$LOG is closed"
    fails is_mounted
    flock --nonblock "$LOG" true
    [[ -e $LOG/clean ]] || fail "not closed cleanly"

    timeout 900 "$run" "$MNT" "$LOG" </dev/null >"$TMP/output"
    equal "$(cat "$MNT/log")" hello
    "$run" --stop "$MNT" >"$TMP/output"
}

test_stop_without_a_log() {
    mkdir "$MNT"
    fails "$run" --stop "$MNT" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "no log is mounted on $MNT"
}

test_stop_while_in_use() {
    timeout 900 "$run" "$MNT" "$LOG" </dev/null >"$TMP/output"
    exec 3<"$MNT/log"
    fails "$run" --stop "$MNT" 2>"$TMP/errors"
    contains "$(cat "$TMP/errors")" "in use"
    serves >/dev/null
    exec 3<&-
    "$run" --stop "$MNT" >"$TMP/output"
}

test_after_a_crash() {
    timeout 900 "$run" "$MNT" "$LOG" </dev/null >"$TMP/output"
    echo hello >>"$MNT/append"
    kill -KILL "$(pgrep -f "clog $LOG $MNT")"
    wait_for 5 flock --nonblock "$LOG" true
    timeout 900 "$run" "$MNT" "$LOG" </dev/null >"$TMP/output"
    equal "$(cat "$MNT/log")" hello
    "$run" --stop "$MNT" >"$TMP/output"
}

test_a_path_with_a_space() {
    MNT="$TMP/a mount"
    LOG="$TMP/a log"
    timeout 900 "$run" "$MNT" "$LOG" </dev/null >"$TMP/output"
    echo hello >>"$MNT/append"
    "$run" --stop "$MNT" >"$TMP/output"
    contains "$(cat "$TMP/output")" "$LOG is closed"
}

test_a_system_without_apt() {
    path_of
    mkdir "$MNT"
    fails env PATH="$TMP/bin" "$run" "$MNT" "$LOG" 2>"$TMP/errors"
    for package in meson ninja-build libfuse3-dev libisal-dev fuse3; do
        contains "$(cat "$TMP/errors")" "\b$package\b"
    done
    contains "$(cat "$TMP/errors")" "no apt-get"
}

# An apt-get that notes what it is asked for and installs nothing.
test_what_is_missing_is_installed() {
    path_of env
    mkdir "$MNT"
    printf '#!/bin/bash\necho "$*" >>%q\n' "$TMP/asked" >"$TMP/bin/apt-get"
    chmod +x "$TMP/bin/apt-get"
    ln -s apt-get "$TMP/bin/sudo"
    fails env PATH="$TMP/bin" "$run" "$MNT" "$LOG" >"$TMP/output" \
        2>"$TMP/errors"
    contains "$(cat "$TMP/asked")" ' update$'
    contains "$(cat "$TMP/asked")" ' install .*\bmeson\b.*\blibisal-dev\b'
    contains "$(cat "$TMP/errors")" 'still not there'
}

run_tests
