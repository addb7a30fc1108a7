#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# cursor NAME: its offset, lag and lost.
cursor() {
    (cd "$MNT/cursors/$1" && cat offset lag lost) | paste -sd ' '
}

test_making_and_forgetting() {
    mount_log
    append 1 10
    mkdir "$MNT/cursors/mail"
    equal "$(ls "$MNT/cursors")" mail
    equal "$(ls "$MNT/cursors/mail" | tr '\n' ' ')" 'lag log lost offset '
    equal "$(cursor mail)" "0 10 0"
    expect_errno EEXIST mkdir "$MNT/cursors/mail"
    expect_errno EINVAL mkdir "$MNT/cursors/.hidden"
    expect_errno ENAMETOOLONG mkdir \
        "$MNT/cursors/$(printf 'x%.0s' {1..201})"
    expect_errno EPERM mkdir "$MNT/cursors/mail/more"
    expect_errno EPERM open "$MNT/cursors/file" w,creat
    expect_errno EPERM unlink "$MNT/cursors/mail/offset"
    expect_errno EPERM rename "$MNT/cursors/mail" "$MNT/cursors/post"
    expect_errno ENOENT rmdir "$MNT/cursors/other"
    expect_errno EACCES open "$MNT/cursors/mail/lag" w
    mkdir "$MNT/cursors/$(printf 'x%.0s' {1..200})" "$MNT/cursors/an Önion"
    equal "$(ls "$MNT/cursors" | wc -l)" 3
    rmdir "$MNT/cursors/x"* "$MNT/cursors/mail"
    expect_errno ENOENT access "$MNT/cursors/mail/offset"
    remount_log
    equal "$(ls "$MNT/cursors")" "an Önion"
    equal "$(cursor "an Önion")" "0 10 0"
}

# A cursor's directory is nothing to be written in, whatever mode it is given.
test_a_mode_of_its_own() {
    mount_log
    install -d -m 755 "$MNT/cursors/a"
    mkdir -m 775 "$MNT/cursors/b"
    equal "$(stat -c %a "$MNT/cursors/a" "$MNT/cursors/b")" $'555\n555'
    expect_errno EPERM chmod "$MNT/cursors/a" 0700
}

# What was forgotten and made again is another one.
test_an_open_file_of_a_forgotten_one() {
    mount_log
    append 1 3
    mkdir "$MNT/cursors/a"
    exec 3<>"$MNT/cursors/a/offset"
    rmdir "$MNT/cursors/a"
    mkdir "$MNT/cursors/a"
    if echo 2 >&3; then fail "moved a cursor that is gone"; fi
    exec 3>&-
    equal "$(cursor a)" "0 3 0"
}

test_moving() {
    local bad
    mount_log
    append 1 10
    mkdir "$MNT/cursors/a"
    echo 5 >"$MNT/cursors/a/offset"
    equal "$(cursor a)" "5 5 0"
    printf next >"$MNT/cursors/a/offset"
    equal "$(cursor a)" "10 0 0"
    echo oldest >>"$MNT/cursors/a/offset"
    equal "$(cursor a)" "0 10 0"
    printf 7 >"$MNT/cursors/a/offset"
    equal "$(cursor a)" "7 3 0"
    for bad in 11 -1 +5 05 0x5 '5 ' ' 5' $'5\n\n' $'5\n6' 1e1 last '' \
        18446744073709551616 99999999999999999999999999; do
        [[ -n $bad ]] || continue
        equal "$(printf %s "$bad" | sys write "$MNT/cursors/a/offset" w ||
            true)" EINVAL "writing '$bad'"
    done
    equal "$(printf '\0005' | sys write "$MNT/cursors/a/offset" w || true)" \
        EINVAL
    equal "$(cursor a)" "7 3 0"
    equal "$(cat "$MNT/cursors/a/log")" $'record 8\nrecord 9\nrecord 10'
    equal "$(stat -c %s "$MNT/cursors/a/log")" 28
    equal "$(tail -n 1 "$MNT/cursors/a/log")" "record 10"
    cp "$MNT/cursors/a/log" "$TMP/copy"
    cmp "$TMP/copy" "$MNT/cursors/a/log"
}

# Nothing but a write to offset moves it.
test_it_stays() {
    mount_log
    append 1 10
    mkdir "$MNT/cursors/a"
    echo 4 >"$MNT/cursors/a/offset"
    cat "$MNT/cursors/a/log" "$MNT/cursors/a/offset" >/dev/null
    : >"$MNT/cursors/a/offset"
    truncate -s 0 "$MNT/cursors/a/offset"
    touch "$MNT/cursors/a/offset"
    head -n 2 "$MNT/cursors/a/follow" >/dev/null
    equal "$(cursor a)" "4 6 0"
    append 11 12
    equal "$(cursor a)" "4 8 0"
    remount_log
    equal "$(cursor a)" "4 8 0"
}

# Who has waited for the lock on an open file reads what is true then.
test_an_open_offset_is_fresh() {
    local offset
    mount_log
    append 1 10
    mkdir "$MNT/cursors/a"
    exec 3<"$MNT/cursors/a/offset"
    echo 6 >"$MNT/cursors/a/offset"
    read -r offset <&3
    equal "$offset" 6
    exec 3<&-
}

test_lost_is_exact() {
    mount_log -o max_store=1K
    append 1 500
    mkdir "$MNT/cursors/a" "$MNT/cursors/b"
    echo next >"$MNT/cursors/b/offset"
    rmdir "$MNT/$segment0"
    local oldest
    oldest=$(status oldest)
    equal "$(cursor a)" "0 500 $oldest"
    equal "$(cursor b)" "500 0 0"
    # The view begins with what there is.
    equal "$(head -n 1 "$MNT/cursors/a/log")" "record $((oldest + 1))"
    contains "$(cat "$MNT/status")" \
        "^cursor a offset 0 lag 500 lost $oldest$"
    contains "$(cat "$MNT/metrics.prom")" \
        "^clog_cursor_lost\{log=\"$LOG\",name=\"a\"\} $oldest$"
    contains "$(cat "$MNT/metrics.prom")" "^clog_cursor_lag\{log=\"$LOG\",name=\"b\"\} 0\$"
    promtool check metrics <"$MNT/metrics.prom"
    remount_log
    equal "$(cursor a)" "0 500 $oldest"
    echo oldest >"$MNT/cursors/a/offset"
    equal "$(cursor a)" "$oldest $((500 - oldest)) 0"
}

# The move is on the disk when the write returns, and so is every record
# before it: both are synced before, and the name's directory last.
test_it_is_durable_first() {
    mount_log
    mkdir "$MNT/cursors/a"
    append 1 10
    strace -f -qq -y -e trace=fsync,fdatasync,rename,renameat,renameat2,writev \
        -o "$TMP/trace" -p "$daemon" &
    local strace=$!
    wait_for 5 grep -q "^TracerPid:.$strace\$" "/proc/$daemon/status"
    echo 10 >"$MNT/cursors/a/offset"
    (($(status durable) >= 10)) || fail "the records are not durable"
    sleep 0.2
    kill "$strace"
    wait "$strace" || true
    grep -q 'sync(.*store' "$TMP/trace" || fail "the store is not synced"
    grep -q 'sync(.*cursors' "$TMP/trace" || fail "the cursor is not synced"
}

test_killing_the_daemon() {
    local n
    mount_log
    append 1 20
    mkdir "$MNT/cursors/a"
    for n in {1..20}; do
        echo "$n" >"$MNT/cursors/a/offset"
        if ((n % 5 == 0)); then
            kill_daemon
            mount_log
            equal "$(cursor a)" "$n $((20 - n)) 0"
        fi
    done
}

test_a_thousand() {
    local n
    mount_log
    append 1 10
    (cd "$MNT/cursors" && seq -f c%.0f 1 1000 | xargs mkdir)
    equal "$(ls "$MNT/cursors" | wc -l)" 1000
    for n in 1 500 1000; do
        echo 5 >"$MNT/cursors/c$n/offset"
    done
    remount_log
    equal "$(status cursors)" 1000
    equal "$(cursor c500) $(cursor c501)" "5 5 0 0 10 0"
    promtool check metrics <"$MNT/metrics.prom"
    equal "$(grep -c '^clog_cursor_lag{' "$MNT/metrics.prom")" 1000
    equal "$(cat "$MNT"/cursors/*/lag | sort | uniq -c | tr -s ' \n' ' ')" \
        " 997 10 3 5 "
    (cd "$MNT/cursors" && seq -f c%.0f 1 1000 | xargs rmdir)
    equal "$(ls "$MNT/cursors")" ""
}

# consume BLOCK KILL: runs README's loop, with `work` as below, and kills it
# before its command number KILL; 0: lets it run. It ends by itself behind the
# last record, since `work` fails there.
consume() {
    {
        echo "k=0; kill_at=$2; out=$TMP/out; stop=$TMP/stop"
        cat <<'END'
work() {
    cat >"$out.one"
    cat "$out.one" >>"$out"
    if [[ -e $stop ]]; then grep -qx 'record 100' "$out.one" && return 1; fi
    return 0
}
trap 'if ((++k == kill_at)); then kill -KILL $$; fi' DEBUG
END
        cat "$1"
    } >"$TMP/loop"
    (cd "$MNT" && timeout 20 bash "$TMP/loop") >/dev/null 2>&1 || true
}

# No record missed, and each kill repeats at most the one in hand.
check_consumed() {
    local kills=$1
    uniq "$TMP/out" | cmp - <(seq -f 'record %.0f' 1 100)
    (($(wc -l <"$TMP/out") <= 100 + kills)) ||
        fail "$(wc -l <"$TMP/out") lines, $kills kills"
}

test_the_loop_in_readme() {
    local kills=0
    mount_log
    append 1 100
    readme_block 'cursors/mail/offset' >"$TMP/readme"
    : >"$TMP/out"
    touch "$TMP/stop"
    # Each run gets one command further before it is killed; each goes on
    # where the one before was, so all cuts come at all places in the loop.
    while [[ ! -e $MNT/cursors/mail ||
        $(cat "$MNT/cursors/mail/offset") -lt 99 ]]; do
        kills=$((kills + 1))
        consume "$TMP/readme" "$((1 + kills % 17))"
        ((kills < 400)) || fail "no end"
    done
    consume "$TMP/readme" 0
    check_consumed "$((kills + 1))"
    ((kills > 50)) || fail "only $kills kills"
}

# A `cat` that prints nothing gives no number, and no cursor moves: neither do
# the loops in README with it. Without their ":?" it would.
test_a_cat_that_prints_nothing() {
    local text shell
    mount_log
    append 1 10
    mkdir "$MNT/cursors/mail"
    echo 5 >"$MNT/cursors/mail/offset"
    ln -s "$(command -v busybox)" "$TMP/ash"
    PATH=$TMP:$PATH
    for text in 'while head' flock; do
        {
            echo 'cat() { :; }; work() { echo x >>'"$TMP/worked"'; }'
            readme_block "$text"
        } >"$TMP/loop"
        grep -q ':?' "$TMP/loop" || fail "not the loop"
        for shell in bash dash ash; do
            (cd "$MNT" && fails timeout 20 "$shell" "$TMP/loop") \
                2>"$TMP/errors"
            contains "$(cat "$TMP/errors")" 'n: '
            equal "$(cursor mail)" "5 5 0" "cursor after $shell"
        done
    done
    [[ ! -e $TMP/worked ]] || fail "it has worked on something"
    sed 's/:?//; /flock/d' "$TMP/loop" | sed 's/^done/exit; done/' \
        >"$TMP/careless"
    (cd "$MNT" && timeout 20 bash "$TMP/careless") 2>/dev/null || true
    equal "$(cursor mail)" "1 9 0" "cursor after a careless loop"
}

# backup: what README says, with $1 as a command after its second line.
backup() {
    readme_lines 'rsync -a' | sed -e "s,/mnt/clog,$MNT,; s,LOGDIR,$LOG,g
        s,/mnt/restored,$TMP/restored,; s,^ *clog ,$CLOG ,
        2a $1" >"$TMP/backup.sh"
    (cd "$TMP" && bash -eu "$TMP/backup.sh")
}

# restored [COMMAND]: what the backup has, as far as it is the log's.
restored() {
    cmp -n "$(stat -c %s "$TMP/restored/log")" "$MNT/log" "$TMP/restored/log"
    awk '$1 == "next" { print $2 }' "$TMP/restored/status"
    (cd "$TMP/restored/cursors" && cat ./*/offset ./*/lag 2>/dev/null) || true
    detach "$TMP/restored"
}

test_the_backup_in_readme() {
    mount_log -o max_store=1K
    append 1 100
    backup :
    equal "$(restored)" 100
    mkdir "$MNT/cursors/mail" "$MNT/cursors/other"
    echo 90 >"$MNT/cursors/mail/offset"
    # Whatever goes on meanwhile, no cursor is ahead of its log.
    backup "seq 20 >>$MNT/append; echo 120 >$MNT/cursors/mail/offset"
    equal "$(restored | paste -sd ' ')" "120 90 0 30 120"
    rmdir "$MNT/cursors/other"
    backup :
    equal "$(restored | paste -sd ' ')" "120 120 0"
}

test_two_share_a_cursor() {
    mount_log
    append 1 200
    readme_block 'flock' >"$TMP/readme"
    for name in one two; do
        {
            echo "out=$TMP/out-$name"
            echo 'work() { cat >>"$out"; sleep 0.005; }'
            cat "$TMP/readme"
        } >"$TMP/loop-$name"
        (cd "$MNT" && exec bash "$TMP/loop-$name") >/dev/null 2>&1 &
        echo "$!" >"$TMP/pid-$name"
    done
    wait_for 60 all_read mail
    kill "$(cat "$TMP/pid-one")" "$(cat "$TMP/pid-two")"
    wait "$(cat "$TMP/pid-one")" "$(cat "$TMP/pid-two")" 2>/dev/null || true
    # What the loops were waiting with ends by the next record.
    wait_for 5 nobody_waits
    cat "$TMP"/out-* | sort -V | cmp - <(seq -f 'record %.0f' 1 200)
    [[ -s $TMP/out-one && -s $TMP/out-two ]] || fail "one did all the work"
}

nobody_waits() {
    append 201 201
    [[ $(status following) == 0 ]]
}

all_read() {
    [[ $(cat "$MNT/cursors/$1/lag") == 0 ]]
}

run_tests
