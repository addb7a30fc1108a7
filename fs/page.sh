#!/bin/sh
# SPDX-License-Identifier: MIT
#
# page.sh SCDOC: a manual page, of its source. What scdoc leaves out is the
# line that tells man(1) that there are tables.
echo "'\\\" t" && exec "$1"
