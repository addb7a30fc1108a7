#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# The unit, as installed, for a daemon that is there.
unit() {
    sed "s|=[^ ]*/bin/clog |=$CLOG |; s|^Documentation=.*||" \
        "$BUILD/scripts/clog@.service" >"$TMP/$1"
    grep -qF "ExecStart=$CLOG " "$TMP/$1" || fail "no ExecStart"
}

test_unit_is_right() {
    unit clog@.service
    equal "$(systemd-analyze verify "$TMP/clog@.service" 2>&1)" "" verify
    unit clog@NAME.service
    equal "$(systemd-analyze verify "$TMP/clog@NAME.service" 2>&1)" "" verify
}

# It is as far from everything as one can be that mounts something.
test_unit_is_confined() {
    unit clog@.service
    systemd-analyze security --offline=true --threshold=30 \
        "$TMP/clog@.service" >"$TMP/security" ||
        fail "$(tail -n 1 "$TMP/security")"
    sed -i '/^User=\|^SystemCallFilter=/d' "$TMP/clog@.service"
    fails systemd-analyze security --offline=true --threshold=30 \
        "$TMP/clog@.service" >/dev/null
}

# What makes a mount namespace would hide the mount from everybody else.
test_unit_has_no_namespace() {
    equal "$(grep -E '^(Protect(System|Home|Kernel|Control|Proc)|ProcSubset|(Read|In|Exec|Bind|Temp|Root)[A-Za-z]*(Path|Dir|Image|FileSystem)|Private(Tmp|Dev|IPC|Users))' \
        "$BUILD/scripts/clog@.service")" ""
}

# With every line of the example, those in comments too.
test_example_is_taken() {
    local example=$SOURCE/scripts/systemd/example.conf
    "$CLOG" -o "config=$example" --version >/dev/null
    sed 's/^#\([a-z]\)/\1/' "$example" >"$TMP/all.conf"
    [[ $(grep -c '^[a-z]' "$TMP/all.conf") -gt 5 ]] || fail "no examples"
    "$CLOG" -o "config=$TMP/all.conf" --version >/dev/null
    echo 'colour=red' >>"$TMP/all.conf"
    fails "$CLOG" -o "config=$TMP/all.conf" --version 2>/dev/null
}

run_tests
