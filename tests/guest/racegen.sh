#!/bin/sh
# Random programs on several harts against one another: see bare/racegen.c. SEEDS="1 2 3" repeats or lengthens a run,
# MILLIS=60000 HARTS="2 4 8" make it an hour's work by hand.
set -eu
. tests/guest/lib.sh
for seed in ${SEEDS:-1 $(date +%s)}; do
    echo "seed $seed"
    for harts in ${HARTS:-2 4}; do
        make_guest racegen "-DHARTS=$harts" "-DMILLIS=${MILLIS:-1000}" "-DSEED=${seed}ul"
        for accel in ${ACCELS:-tcg tcg,tier=hot tcg,tb-size=1M tcg,thread=single}; do
            status=0
            timeout -k 5 $((120 + 5 * ${MILLIS:-1000} / 1000)) "$B/rhea-system-riscv64" -M virt -m 64M -display none -monitor none \
                -serial stdio -smp "$harts" -accel "$accel" -bios none -kernel "$T/racegen" >"$T/out" 2>&1 </dev/null || status=$?
            [ $status = 0 ] || { cat "$T/out"; fail "seed $seed, $harts harts, -accel $accel: status $status (above: round, page, word; 124: it hangs)"; }
        done
    done
done
