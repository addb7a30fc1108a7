#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Each kind of file of the mount under several pairs of eyes.

test_listing() {
    grows listing records
}

test_follow() {
    grows follow follow
}

test_cursor_follow() {
    grows follow cursors/c/follow
}

run_tests
