#!/bin/sh
# Each class of exception, from EL1 and EL0: bare-arm/faults.c prints its syndrome, address and vector. faults.expected is as the
# architecture has it; qemu-system-aarch64 says the same but for MSR DAIFSet, whose op1 and op2 it exchanges.
set -eu
. tests/guest/arm-lib.sh
make_guest faults
for accel in tcg,tier=cold tcg,tier=hot tcg,backend=interp; do
    run_guest faults -cpu cortex-a76 -accel "$accel"
    cmp -s "$T/out" tests/guest/bare-arm/faults.expected || { diff tests/guest/bare-arm/faults.expected "$T/out" || :; fail "$accel"; }
done
