#!/bin/sh
# Programmable counters and their overflow: with counted instructions to the digit, without them by the host's clock.
set -eu
. tests/guest/lib.sh
run() {  # EXACT [OPTION...]
    make_guest counters "-DEXACT=$1"; shift
    timeout -k 5 60 "$B/rhea-system-riscv64" -M virt -cpu max -m 128M -display none -monitor none -serial "file:$T/out" -bios none \
        -kernel "$T/counters" "$@" </dev/null || { cat "$T/out"; fail "$*: status $?"; }
}
run 1 -icount 0
run 1 -icount 0 -accel tcg,tier=hot
run 0
