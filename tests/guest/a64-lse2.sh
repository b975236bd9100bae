#!/bin/sh
# FEAT_LSE2, on and off: accesses that are askew, and pairs that two threads share; translated cold and hot, and interpreted.
set -u
B=${B:-build}
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; exit 77; }
prog=$B/tests/guest/a64-lse2
mkdir -p "$B/tests/guest"
aarch64-linux-gnu-gcc -O1 -static -pthread -o "$prog" tests/isa/a64/lse2.c || exit 1
for run in tcg tcg,tier=hot tcg,backend=interp; do
    "$B/rhea-aarch64" -cpu max -accel $run "$prog" || { echo "-cpu max -accel $run: the lines above"; exit 1; }
    "$B/rhea-aarch64" -cpu max,lse2=off -accel $run "$prog" none || { echo "-cpu max,lse2=off -accel $run: the lines above"; exit 1; }
done
