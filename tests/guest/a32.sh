#!/bin/sh
# A32 and T32 instructions, translated cold and hot, and interpreted: all must give what an independent emulator gave.
set -u
B=${B:-build}
dir=tests/isa/a32
command -v arm-linux-gnueabihf-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"; exit 77; }
prog=$B/tests/guest/a32
mkdir -p "$B/tests/guest"
arm-linux-gnueabihf-gcc -O1 -marm -march=armv7-a -mfloat-abi=soft -nostdlib -ffreestanding -static -o "$prog-ops" $dir/ops.c -lgcc || exit 1
arm-linux-gnueabihf-gcc -Wa,-mno-warn-deprecated -nostdlib -static -o "$prog-flow" $dir/flow.S || exit 1

# check PROGRAM EXPECTED ACCELERATOR
check()
{
    "$B/rhea-arm" -accel "$3" "$1" > "$1.out"
    cmp -s "$2" "$1.out" && return
    echo "-accel $3 differs (left: expected); show one with: $B/rhea-arm -accel $3 $1 WORD"
    diff "$2" "$1.out" | head -20
    exit 1
}
for run in tcg tcg,tier=hot tcg,backend=interp; do
    check "$prog-ops" $dir/expected.txt $run
    check "$prog-flow" $dir/flow.txt $run
done
check "$prog-flow" $dir/flow.txt tcg,one-insn-per-tb=on
# The tables of instructions against what these tests and arm-system.sh have.
command -v python3 >/dev/null || exit 0
arm-linux-gnueabihf-gcc -Wa,-mno-warn-deprecated -nostdlib -static -Wl,-Ttext=0x40200000 -o "$prog-system" tests/guest/bare/arm-system.S || exit 1
python3 $dir/coverage.py "$prog-flow" "$prog-system"
