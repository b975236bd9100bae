#!/bin/sh
# -icount: bare/icount.c checks its counters and timers, and prints a hash of the instructions at which it was interrupted:
# the same cold, hot, interpreted, and again.
set -eu
. tests/guest/lib.sh
run() {  # SHIFT[,MORE] ACCEL [OPTION...]
    name=$1-$2
    icount=$1 accel=$2; shift 2
    timeout -k 5 100 "$B/rhea-system-riscv64" -M virt -m 128M -display none -monitor none -serial "file:$T/out" -bios none \
        -kernel "$T/icount" -icount "$icount" -accel "tcg,$accel" "$@" </dev/null || { cat "$T/out"; fail "$name: status $?"; }
    if [ -e "$T/first" ]; then
        cmp -s "$T/first" "$T/out" || { diff "$T/first" "$T/out" || :; fail "$name: not the same as the first run"; }
    else
        cp "$T/out" "$T/first"
    fi
}
for shift in 0 3; do
    make_guest icount "-DSHIFT=$shift"
    rm -f "$T/first"
    run shift=$shift tier=cold
    run shift=$shift tier=hot
    run shift=$shift tier=auto,hot-after=50
    run shift=$shift thread=single
    run $shift,sleep=off tb-size=1
    [ $shift = 0 ] || run shift=$shift backend=interp
done
for bad in "-icount 11" "-icount often" "-icount 3,rr=record" "-icount auto,align=on" "-icount 3 -accel tcg,thread=multi"; do
    # shellcheck disable=SC2086
    timeout -k 5 20 "$B/rhea-system-riscv64" -M virt -display none -bios none $bad </dev/null >"$T/out" 2>&1 && fail "$bad was taken"
    [ "$(wc -l < "$T/out")" = 1 ] || { cat "$T/out"; fail "$bad: more than a line"; }
    cat "$T/out"
done
