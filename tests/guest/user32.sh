#!/bin/sh
# A 32-bit RISC-V program: system calls by the layout tables.
set -eu
gcc=riscv64-linux-gnu-gcc
command -v $gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-riscv64-linux-gnu"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
$gcc -march=rv32imafdc -mabi=ilp32d -O1 -ffreestanding -nostdlib -static -o "$tmp/compat" tests/guest/bare32/compat.c
for run in tcg tcg,tier=hot tcg,backend=interp; do
    echo "-accel $run"
    "$B/rhea-riscv32" -accel $run "$tmp/compat"
done
