#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# flock(2) on what is there to be shared: the daemon keeps these locks, whatever
# node the kernel knows a file by.
locked=(log cursors/c/offset cursors/c/log status)

# hold FILE OPTION...: another process has it locked; releases it at its end.
hold() {
    rm -f "$TMP/held"
    flock "${@:2}" "$MNT/$1" bash -c ': >"$1"; exec sleep 1000' - \
        "$TMP/held" >/dev/null 2>&1 &
    holder=$!
    wait_for 30 test -e "$TMP/held"
}

end_hold() {
    pkill -KILL -P "$holder" || true
    kill -KILL "$holder" 2>/dev/null || true
    wait "$holder" 2>/dev/null || true
}

test_exclusive_and_shared() {
    local file
    mount_log
    echo hello >>"$MNT/append"
    mkdir "$MNT/cursors/c"
    for file in "${locked[@]}"; do
        hold "$file"
        fails flock --nonblock "$MNT/$file" true
        fails flock --nonblock --shared "$MNT/$file" true
        # It is this file's alone.
        flock --nonblock "$MNT/records/0" true
        end_hold
        wait_for 10 flock --nonblock "$MNT/$file" true
        hold "$file" --shared
        flock --nonblock --shared "$MNT/$file" true
        fails flock --nonblock "$MNT/$file" true
        end_hold
        wait_for 10 flock --nonblock "$MNT/$file" true
    done
}

# Whatever has been appended since, and whatever node the file has by now.
test_a_file_that_grows() {
    local i
    mount_log
    mkdir "$MNT/cursors/c"
    hold log
    for i in {1..20}; do
        echo "$i" >>"$MNT/append"
        fails flock --nonblock "$MNT/log" true
        equal "$(tail -n 1 "$MNT/log")" "$i"
    done
    end_hold
    hold cursors/c/offset
    for i in {1..12}; do
        echo "$i" >"$MNT/cursors/c/offset"
        fails flock --nonblock "$MNT/cursors/c/offset" true
    done
    end_hold
}

test_waiting() {
    local waiter
    mount_log
    hold log
    flock "$MNT/log" true &
    waiter=$!
    sleep 0.3
    kill -0 "$waiter"
    end_hold
    wait "$waiter"
    # A signal ends it, and what has not waited long is not in the way.
    hold log
    fails flock --wait 0.2 "$MNT/log" true
    timeout --signal=KILL 0.2 flock "$MNT/log" touch "$TMP/had" || true
    [[ ! -e $TMP/had ]]
    end_hold
    wait_for 10 flock --nonblock "$MNT/log" true
}

# dup(2) and fork(2) share one lock; a lock that is changed is one still.
test_one_open_file() {
    mount_log
    exec 8<"$MNT/log" 9<&8
    flock --nonblock 8
    flock --nonblock 9
    (flock --nonblock 9)
    fails flock --nonblock "$MNT/log" true
    flock --nonblock --shared 9
    flock --nonblock --shared "$MNT/log" true
    fails flock --nonblock "$MNT/log" true
    exec 8<&-
    fails flock --nonblock "$MNT/log" true
    flock --nonblock 9
    fails flock --nonblock --shared "$MNT/log" true
    flock --unlock 9
    flock --nonblock "$MNT/log" true
    exec 9<&-
}

# Each adds to a number in a plain file, under the lock.
test_many() {
    local i j workers=()
    mount_log
    mkdir "$MNT/cursors/c"
    echo 0 >"$TMP/number"
    for i in {1..8}; do
        for ((j = 0; j < 25 * repeat; j++)); do
            flock "$MNT/cursors/c/offset" bash -c \
                'n=$(<"$1"); echo $((n + 1)) >"$1"' - "$TMP/number"
            echo "$j" >>"$MNT/append"
        done &
        workers+=($!)
    done
    wait "${workers[@]}"
    equal "$(<"$TMP/number")" $((8 * 25 * repeat))
    flock --nonblock "$MNT/cursors/c/offset" true
}

test_an_end_while_some_wait() {
    local waiters=() waiter
    mount_log
    exec 9<"$MNT/log"
    flock 9
    for _ in 1 2 3; do
        flock "$MNT/log" true 2>/dev/null &
        waiters+=($!)
    done
    sleep 0.3
    kill -TERM "$daemon"
    daemon_ends
    for waiter in "${waiters[@]}"; do
        fails wait "$waiter"
    done
    exec 9<&-
}

run_tests
