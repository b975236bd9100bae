#!/bin/sh
# RV32: bare/sv32.c goes through machine, supervisor and user mode under Sv32; the wild programs of bare.sh.
set -eu
. tests/guest/lib.sh
XLEN=32
run() {  # NAME STATUS [OPTION...]
    name=$1 want=$2 status=0; shift 2
    timeout -k 5 "${LIMIT:-60}" "$B/rhea-system-riscv32" -M virt -cpu rv32 -m 128M -display none -monitor none -serial "file:$T/out" \
        -bios none -kernel "$T/$name" "$@" </dev/null || status=$?
    [ $status = "$want" ] || { cat "$T/out"; fail "$name $*: status $status"; }
}
make_guest sv32
for accel in tier=cold tier=hot backend=interp; do
    run sv32 0 -accel "tcg,$accel"
done
run sv32 0 -icount 1
for seed in ${SEEDS:-1 $(date +%s)}; do
    echo "seed $seed"
    make_guest registers "-DSEED=$seed"
    run registers 0
    make_guest nowhere "-DSEED=$seed"
    LIMIT=${SECONDS_EACH:-3} run nowhere 124
done
