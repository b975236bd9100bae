#!/bin/sh
# Harts of one machine against one another: see bare/races.c. MILLIS=60000 HARTS="2 4 8" makes it an hour's work by hand.
set -eu
. tests/guest/lib.sh
for harts in ${HARTS:-2 3}; do
    make_guest races "-DHARTS=$harts" "-DMILLIS=${MILLIS:-400}"
    for accel in tcg tcg,tier=hot tcg,tb-size=1M; do
        status=0
        timeout -k 5 $((60 + 5 * ${MILLIS:-400} / 1000)) "$B/rhea-system-riscv64" -M virt -m 64M -display none -serial null -smp "$harts" \
            -accel "$accel" -bios none -kernel "$T/races" >"$T/out" 2>&1 || status=$?
        [ $status = 0 ] || { cat "$T/out"; fail "$harts harts, -accel $accel: status $status (a part of races.c, 124: it hangs)"; }
    done
done
