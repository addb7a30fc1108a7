#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# The names, and which column of matrix-*.want each is in: the errno that every
# call gives. `free` is what is not there where things can be made.
names() {
    cat <<END
root .
dir records
dir segments
dir cursors
segment $last_segment
door append
door put
view log
record records/0
record records/20
view $first_segment/store
view $first_segment/index
view $first_segment/stamps
view $last_segment/store
view cursors/some/log
text status
text cursors/some/lag
text cursors/some/lost
offset cursors/some/offset
link first
link last
link at/@0
none new
free records/new
free records/007
free segments/new
none $first_segment/new
none cursors/some/new
none at/2100-01-01
none at/@99999999999
END
    # Who may remove them does.
    [[ $1 == root || $1 == owner ]] || cat <<END
dir $first_segment
dir cursors/some
END
    [[ $1 == owner ]] || echo dir at
}

prepare() {
    mount_log -o max_store=1K "$@"
    text 100 | dd of="$MNT/append" bs=100 conv=notrunc status=none
    mkdir "$MNT/cursors/some"
    first_segment=$segment0
    last_segment=$(cd "$MNT" && printf '%s\n' segments/* | tail -n 1)
    [[ $first_segment != "$last_segment" ]] || fail "no roll"
}

# everything: all that can be seen, attributes included.
everything() {
    (
        cd "$MNT"
        # The figures have the size of their digits.
        find . ! -name status ! -name metrics.prom \
            -printf '%p %y %m %u %g %s %l %i\n' | sort
        cat log segments/*/* cursors/some/offset | sha256sum
        ls -lc --time-style=full-iso records
        grep -E '^(oldest|next|appends|append_errors|held_bytes) ' status
    )
}

# compare WANT: one line for each call and name that is not as it should be.
compare() {
    awk -v classes="$(names "$1" | cut -d ' ' -f 1 | paste -sd ' ')" \
        -v files="$(names "$1" | cut -d ' ' -f 2 | paste -sd ' ')" '
        BEGIN { columns = split(classes, class); split(files, file) }
        /^#/ { next }
        FNR == NR && !header { header = split($0, head); next }
        FNR == NR { for (i = 2; i <= header; i++) want[$1, head[i]] = $i
                    calls++; next }
        { seen++
          for (i = 1; i <= columns; i++)
              if ($(i + 1) != want[$1, class[i]])
                  print $1, file[i] ":", $(i + 1) ", not", want[$1, class[i]] }
        END { if (seen != calls || NF != columns + 1)
                  print seen " calls, not " calls }
    ' "$(dirname "$0")/matrix-$1.want" -
}

# matches WANT UID
matches() {
    local before list
    before=$(everything)
    mapfile -t list < <(names "$1" | cut -d ' ' -f 2)
    matrix "$MNT" "$2" "${list[@]}" >"$TMP/matrix"
    compare "$1" <"$TMP/matrix" >"$TMP/wrong"
    cmp "$TMP/wrong" /dev/null || fail "$(cat "$TMP/wrong")"
    diff <(echo "$before") <(everything) || fail "something has changed"
}

test_the_owner() {
    ((EUID == 0)) || return 0
    prepare
    matches root 0
}

test_another_user() {
    ((EUID == 0)) || return 0
    prepare -o allow_other
    matches other "$other_uid"
}

test_a_user_without_privileges() {
    ((EUID == 0)) || return 0
    prepare -o "allow_other,uid=$other_uid,gid=$other_gid"
    matches owner "$other_uid"
}

test_read_only() {
    ((EUID == 0)) || return 0
    prepare
    remount_log -o ro
    matches ro 0
}

run_tests
