#!/bin/sh
# AArch32 floating point and Advanced SIMD, translated cold and hot, and interpreted: all must give what an independent
# emulator gave.
set -u
B=${B:-build}
dir=tests/isa/a32simd
command -v arm-linux-gnueabihf-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"; exit 77; }
prog=$B/tests/guest/a32simd-ops
mkdir -p "$B/tests/guest"
arm-linux-gnueabihf-gcc -O1 -marm -mfpu=neon -static -o "$prog" $dir/ops.c || exit 1
for run in tcg tcg,tier=hot tcg,backend=interp; do
    "$B/rhea-arm" -accel $run "$prog" > "$prog.out"
    if ! cmp -s $dir/expected.txt "$prog.out"; then
        echo "-accel $run differs (left: expected); show one with: $B/rhea-arm -accel $run $prog WORD"
        diff $dir/expected.txt "$prog.out" | head -20
        exit 1
    fi
done
arm-linux-gnueabihf-gcc -O1 -marm -mfpu=neon -static -o "$prog-vectors" $dir/vectors.c || exit 1
for run in tcg tcg,tier=hot tcg,backend=interp; do
    "$B/rhea-arm" -cpu cortex-a8 -accel $run "$prog-vectors" > "$prog.out"
    cmp -s $dir/vectors.txt "$prog.out" && continue
    echo "short vectors, -accel $run differs (left: expected)"
    diff $dir/vectors.txt "$prog.out" | head -20
    exit 1
done
arm-linux-gnueabihf-gcc -O1 -march=armv8-a -mfpu=neon-fp-armv8 -static -o "$prog-flush" $dir/flush.c || exit 1
for run in tcg tcg,tier=hot tcg,backend=interp; do
    "$B/rhea-arm" -accel $run "$prog-flush" > "$prog.out"
    cmp -s $dir/flush.txt "$prog.out" && continue
    echo "subnormal numbers, -accel $run differs (left: expected)"
    diff $dir/flush.txt "$prog.out" | head -20
    exit 1
done
