#!/bin/sh
# The guest's own breakpoints and watchpoints (bare-arm/debug.c), and its performance monitors (bare-arm/pmu.c).
set -eu
. tests/guest/arm-lib.sh
passes() { grep -qx passed "$T/out" || { cat "$T/out"; fail "$*"; }; }
make_guest debug
for accel in tcg,tier=cold tcg,tier=hot tcg,backend=interp; do
    run_guest debug -accel "$accel"
    passes debug -accel "$accel"
done
make_guest pmu -DEXACT
for accel in tcg,tier=cold tcg,tier=hot; do
    run_guest pmu -icount 0 -accel "$accel"
    passes pmu -icount 0 -accel "$accel"
done
make_guest pmu
run_guest pmu
passes pmu by the clock
