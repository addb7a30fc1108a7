#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# Each kind of file of the mount under several pairs of eyes.

test_log() {
    grows stream log
}

# Rolling, with nothing dropped: what was opened while it was active is read
# on when it is sealed.
test_log_of_many_segments() {
    mount_log -o max_store=16K
    observed 2 stream log
}

test_log_durable_first() {
    mount_log -o sync=always
    observed 2 stream log
}

test_cursor_log() {
    grows stream cursors/c/log
}

test_store() {
    grows segment store
}

test_index() {
    grows segment index
}

test_stamps() {
    grows segment stamps
}

test_records() {
    grows records records
}

test_listing() {
    grows listing records
}

test_links() {
    grows links links
}

test_status() {
    grows text status
}

test_metrics() {
    grows text metrics.prom
}

test_cursor_offset() {
    grows number offset
}

test_cursor_lag() {
    grows number lag
}

test_cursor_lost() {
    grows number lost
}

test_follow() {
    grows follow follow
}

test_cursor_follow() {
    grows follow cursors/c/follow
}

run_tests
