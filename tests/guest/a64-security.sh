#!/bin/sh
# Pointer authentication, branch targets and what user mode's record lacks at EL1 of a bare machine, translated cold and hot, and interpreted, against the
# record of an independent emulator (PEER=qemu-system-aarch64 makes it anew: one of 2024 or newer).
set -u
B=${B:-build}
here=tests/guest/bare64
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; exit 77; }
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
aarch64-linux-gnu-gcc -march=armv8.5-a+pauth -O1 -ffreestanding -fno-builtin -fno-pic -fno-pie -nostdlib -static -mgeneral-regs-only \
    -Wl,-Ttext=0x40200000 -Wl,--build-id=none -Wl,-n -Wl,--no-warn-rwx-segments -o "$T/security" $here/security.c || exit 1
# run EMULATOR CPU [OPTION...]: what it printed, addresses of code left out (compilers differ)
run() {
    emulator=$1 cpu=$2; shift 2
    timeout 120 "$emulator" -M virt -cpu "$cpu" "$@" -m 64M -display none -serial "file:$T/out" -kernel "$T/security" || { echo "$emulator failed"; exit 1; }
    sed 's/ 0000000040[0-9a-f]* / code /' "$T/out"
}
# Every line of the table of instructions has a test, here or in user mode.
for name in pauth bti lse2; do
    aarch64-linux-gnu-gcc -O1 -c -o "$T/$name.o" "tests/isa/a64/$name.c" || exit 1
done
python3 tests/isa/a64/coverage.py "$T/security" "$T"/*.o > "$T/coverage" || { cat "$T/coverage"; exit 1; }
for rounds in 5 3; do
    cpu=max,pauth-impdef=off,pauth-qarma$rounds=on record=$here/security-qarma$rounds.txt
    if [ -n "${PEER:-}" ]; then
        run "$PEER" "$cpu" > "$record"
        continue
    fi
    for accel in tcg tcg,tier=hot tcg,backend=interp; do
        run "$B/rhea-system-aarch64" "$cpu" -accel $accel > "$T/seen"
        diff "$record" "$T/seen" > "$T/diff" || { echo "-cpu $cpu -accel $accel differs (left: the record)"; head -20 "$T/diff"; exit 1; }
    done
done
