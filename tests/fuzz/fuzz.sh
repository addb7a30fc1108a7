#!/bin/bash
# SPDX-License-Identifier: MIT
#
#     fuzz.sh run TARGET SEEDS        for a minute; half an hour where CLOG_LONG
#                                     is set, or SECONDS_TO_RUN; SEED replays
#     fuzz.sh planted TARGET SEEDS    a target with an error, which is found
#     fuzz.sh seeds TARGET            a target without a fuzzer runs its seeds
set -uo pipefail

mode=$1 target=$(realpath "$2")
seconds=${SECONDS_TO_RUN:-${CLOG_LONG:+1800}}
seconds=${seconds:-60}
# From the same seed each time, so that a failure is of the change at hand; a
# long run takes another each time, which 0 is for.
seed=${CLOG_LONG:+0}
seed=${SEED:-${seed:-1}}
# In memory, where there is room. A fuzzer leaves its last log behind.
base=/dev/shm
[[ -w $base ]] || base=${TMPDIR:-/tmp}
dir=$(mktemp -d "$base/clog-test.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/corpus"
export TMPDIR=$dir

# Leaks are looked for at the end alone: an answer comes before libfuse frees
# its request.
fuzz() {
    "$1" --seeds "$dir/corpus" >"$dir/seeds" &&
        (cd "$dir" && "$target" -seed="$seed" -max_total_time="$2" -timeout=30 \
            -rss_limit_mb=2048 -malloc_limit_mb=128 -max_len=600 \
            -detect_leaks=0 -print_final_stats=1 -verbosity=1 corpus >output 2>&1)
}

fuzz_run() {
    if fuzz "$1" "$seconds"; then
        grep -E 'number_of_executed_units|peak_rss' "$dir/output"
    else
        grep -vE '^#[0-9]+' "$dir/output" | tail -n 80
        return 1
    fi
}

fuzz_planted() {
    if fuzz "$1" 60; then
        echo "the planted error was not found"
        return 1
    fi
    grep -m 1 'ERROR: AddressSanitizer' "$dir/output"
}

fuzz_seeds() {
    "$target"
}

if "fuzz_$mode" "$(realpath "${3-$2}")"; then
    echo "ok fuzz $mode ${target##*/}"
else
    echo "not ok fuzz $mode ${target##*/}"
    exit 1
fi
