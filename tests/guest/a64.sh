#!/bin/sh
# A64 instructions, translated cold and hot, and interpreted: all must give what an independent emulator gave.
set -u
B=${B:-build}
dir=tests/isa/a64
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; exit 77; }
prog=$B/tests/guest/a64-ops
mkdir -p "$B/tests/guest"
aarch64-linux-gnu-gcc -O1 -static -o "$prog" $dir/ops.c || exit 1
for run in tcg tcg,tier=hot tcg,backend=interp; do
    "$B/rhea-aarch64" -cpu max -accel $run "$prog" > "$prog.out"
    grep -v '^#' $dir/differs.txt > "$prog.differs"
    grep -vf "$prog.differs" "$prog.out" > "$prog.seen"
    if ! grep -vf "$prog.differs" $dir/expected.txt | cmp -s - "$prog.seen"; then
        echo "-accel $run differs (left: expected); show one with: $B/rhea-aarch64 -cpu max -accel $run $prog WORD"
        grep -vf "$prog.differs" $dir/expected.txt | diff - "$prog.seen" | head -20
        exit 1
    fi
done
