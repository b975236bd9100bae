#!/bin/sh
# AArch32 above User mode on the bare machine, translated cold and hot, and interpreted, against what an independent emulator
# printed. --record writes that anew, with PEER (default qemu-system-arm), but for lines that begin with BY_HAND: there the
# emulator of the record ignores controls that the manual (DDI 0487, G8.2.126) has.
set -eu
B=${B:-build}
gcc=arm-linux-gnueabihf-gcc
command -v $gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-arm-linux-gnueabihf"; exit 77; }
dir=tests/guest/bare
BY_HAND='^(PAN: (load|store)|CPSR with PAN|SED:|no CP15BEN)'
prog=$B/tests/guest/arm-system
mkdir -p "$B/tests/guest"
$gcc -Wa,-mno-warn-deprecated -nostdlib -static -Wl,-Ttext=0x40200000,--build-id=none,-n -o "$prog" $dir/arm-system.S
run() { timeout -k 5 60 "$@" -M virt -cpu max -m 256M -nographic -kernel "$prog" </dev/null | tr -d '\r'; }
if [ "${1:-}" = --record ]; then
    run "${PEER:-qemu-system-arm}" > "$prog.out"
    awk -v by_hand="$BY_HAND" 'FNR == NR { kept[FNR] = $0; next } { print $0 ~ by_hand ? kept[FNR] : $0 }' $dir/arm-system.txt \
        "$prog.out" > "$prog.new"
    mv "$prog.new" $dir/arm-system.txt
    exit 0
fi
for accel in tcg tcg,tier=hot tcg,backend=interp; do
    run "$B/rhea-system-arm" -accel $accel > "$prog.out"
    cmp -s $dir/arm-system.txt "$prog.out" || { echo "-accel $accel differs (left: expected)"; diff $dir/arm-system.txt "$prog.out"; exit 1; }
done
