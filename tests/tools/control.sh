#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# The suite's own tests with a daemon that is careless (see careless.c): those
# that guard against it must fail.

# run_with_careless SCRIPT TEST
run_with_careless() {
    output=$(CLOG=$HELPERS/careless TEST="^$2\$" "$(dirname "$0")/$1.sh" 2>&1)
}

must_fail() {
    run_with_careless "$@" && fail "a careless daemon passes $1, $2"
    contains "$output" "^not ok $1.sh $2"
    ! grep "did not start" <<<"$output" || fail "it does not even start"
}

# It is one that serves: what does not guard against this passes.
test_it_works_otherwise() {
    run_with_careless xattrs test_the_root || fail "$output"
    run_with_careless writers test_long_lived_descriptors || fail "$output"
}

test_what_is_stale_is_noticed() {
    must_fail fresh test_one_segment
}

test_many_requests_are_noticed() {
    must_fail requests test_listing
}

test_a_wrong_errno_is_noticed() {
    must_fail xattrs test_other_namespaces
    ((EUID == 0)) || return 0
    must_fail matrix test_the_owner
}

# The model knows of no other writer.
test_a_foreign_record_is_noticed() {
    local model
    mount_log -o max_record=3000
    random "$MNT" "$EUID" 1 1000000 3000 "$TMP/want" 2>"$TMP/errors" &
    model=$!
    wait_for 10 test -e "$MNT/records/10"
    echo foreign >>"$MNT/append"
    fails wait "$model"
    contains "$(cat "$TMP/errors")" "seed 1, step "
}

run_tests
