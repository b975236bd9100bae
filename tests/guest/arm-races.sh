#!/bin/sh
# CPUs of one machine against one another: see bare-arm/races.c. MILLIS=60000 CPUS="2 4 8" makes it an hour's work by hand.
set -eu
. tests/guest/arm-lib.sh
for cpus in ${CPUS:-4}; do
    make_guest races "-DCPUS=$cpus" "-DMILLIS=${MILLIS:-200}"
    for accel in tcg tcg,tier=hot tcg,tb-size=1M; do
        SECONDS_EACH=$((100 + 5 * ${MILLIS:-200} / 1000)) run_guest races -cpu max -smp "$cpus" -accel "$accel"
        grep -q '^passed' "$T/out" || { cat "$T/out"; fail "$cpus CPUs, -accel $accel (a part of races.c)"; }
    done
done
