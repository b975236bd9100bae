#!/bin/sh
# Minima and maxima with FPCR's modes, translated cold and hot, and interpreted: see tests/isa/a64/minmax.c.
set -u
B=${B:-build}
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; exit 77; }
prog=$B/tests/guest/a64-minmax
mkdir -p "$B/tests/guest"
aarch64-linux-gnu-gcc -O1 -static -o "$prog" tests/isa/a64/minmax.c || exit 1
for run in tcg,tier=cold tcg,tier=hot tcg,backend=interp; do
    "$B/rhea-aarch64" -cpu max -accel $run "$prog" || { echo "-accel $run: the lines above"; exit 1; }
done
