#!/bin/sh
# Pointer authentication of programs, by each algorithm, and without it: translated cold and hot, and interpreted.
set -u
B=${B:-build}
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; exit 77; }
prog=$B/tests/guest/a64-pauth
mkdir -p "$B/tests/guest"
aarch64-linux-gnu-gcc -O1 -static -o "$prog" tests/isa/a64/pauth.c || exit 1
for run in tcg tcg,tier=hot tcg,backend=interp; do
    for cpu in max max,pauth-qarma5=on max,pauth-qarma3=on; do
        "$B/rhea-aarch64" -cpu $cpu -accel $run "$prog" || { echo "-cpu $cpu -accel $run: the lines above"; exit 1; }
    done
    "$B/rhea-aarch64" -cpu max,pauth=off -accel $run "$prog" none || { echo "-cpu max,pauth=off -accel $run: the lines above"; exit 1; }
done
