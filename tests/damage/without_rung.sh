#!/bin/bash
# SPDX-License-Identifier: MIT
#
#     without_rung.sh N SCAN_C
#
# prints the scan without the rung whose line ends in the comment N: its
# condition never holds.
set -euo pipefail

rung=$1 scan=$2
[[ $(grep -c "^    if (.*) /\* $rung \*/\$" "$scan") == 1 ]]
sed "s,^    if (\(.*\)) /\* $rung \*/\$,    if (false \&\& \1)," "$scan"
