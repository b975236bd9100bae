#!/bin/sh
# -icount on AArch64: bare-arm/icount.c checks that what lets an interrupt in does so at once, and prints a hash of where its timer
# interrupted it: the same cold, hot, interpreted, and again.
set -eu
. tests/guest/arm-lib.sh
run() {  # SHIFT[,MORE] ACCEL [OPTION...]
    icount=$1 accel=$2; shift 2
    run_guest icount -icount "$icount" -accel "tcg,$accel" "$@"
    grep -q '^passed' "$T/out" || { cat "$T/out"; fail "$icount $accel"; }
    [ -e "$T/first" ] || cp "$T/out" "$T/first"
    cmp -s "$T/first" "$T/out" || { diff "$T/first" "$T/out" || :; fail "$icount $accel: not the same as the first run"; }
}
for shift in 0 3; do
    make_guest icount "-DSHIFT=$shift"
    rm -f "$T/first"
    run shift=$shift tier=cold
    run shift=$shift tier=hot
    run shift=$shift tier=auto,hot-after=50
    run $shift,sleep=off tb-size=1
    [ $shift = 0 ] || run shift=$shift backend=interp
done
