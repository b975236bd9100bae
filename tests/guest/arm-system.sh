#!/bin/sh
# Bare-metal programs about AArch32: above User mode, and at EL0 below an AArch64 kernel. Translated cold and hot, and
# interpreted, against what an independent emulator printed. --record writes that anew, with PEER (default qemu-system-), but for
# lines that begin with BY_HAND: there the emulator of the record lacks what the manual has (DDI 0487, G8.2.126, D17.2.37).
set -eu
B=${B:-build}
BY_HAND='^(PAN: (load|store)|CPSR with PAN|SED:|no CP15BEN|swp|smc|(ee105e10|ee10fe11|ecb15e01|ed015e02|ec512e01|ee070fba|f1010200) )'
dir=tests/guest/bare
mkdir -p "$B/tests/guest"
record=${1:-}

# program NAME ARCH COMPILER FLAGS...
program() {
    name=$1 arch=$2 gcc=$3
    shift 3
    command -v "$gcc" >/dev/null || { echo "no cross compiler: apt-get install gcc-${gcc%-gcc}"; exit 77; }
    prog=$B/tests/guest/$name
    "$gcc" "$@" -nostdlib -static -Wl,--no-warn-rwx-segments,-Ttext=0x40200000,--build-id=none,-n,-z,max-page-size=4096 -o "$prog" "$dir/$name.S"
    if [ "$record" = --record ]; then
        run "${PEER:-qemu-system-}$arch" > "$prog.out"
        [ -e "$dir/$name.txt" ] || cp "$prog.out" "$dir/$name.txt"
        awk -v by_hand="$BY_HAND" 'FNR == NR { kept[FNR] = $0; next } { print $0 ~ by_hand ? kept[FNR] : $0 }' "$dir/$name.txt" \
            "$prog.out" > "$prog.new"
        mv "$prog.new" "$dir/$name.txt"
        return
    fi
    for accel in tcg tcg,tier=hot tcg,backend=interp; do
        run "$B/rhea-system-$arch" -accel $accel > "$prog.out"
        cmp -s "$dir/$name.txt" "$prog.out" && continue
        echo "$name: -accel $accel differs (left: expected)"
        diff "$dir/$name.txt" "$prog.out"
        exit 1
    done
}
run() { timeout -k 5 60 "$@" -M virt -cpu max -m 256M -nographic -kernel "$prog" </dev/null | tr -d '\r'; }

program arm-system arm arm-linux-gnueabihf-gcc -Wa,-mno-warn-deprecated
program arm64-a32 aarch64 aarch64-linux-gnu-gcc
