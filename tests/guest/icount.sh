#!/bin/sh
# -icount: bare/icount.c checks its counters and timers, and prints a hash of the instructions at which it was interrupted:
# the same cold, hot, interpreted, and again.
set -eu
B=${B:-build}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
command -v riscv64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-riscv64-linux-gnu"; exit 77; }
fail() { echo "FAILED: $*"; exit 1; }
run() {  # SHIFT[,MORE] ACCEL [OPTION...]
    name=$1-$2
    icount=$1 accel=$2; shift 2
    timeout -k 5 100 "$B/rhea-system-riscv64" -M virt -m 128M -display none -monitor none -serial "file:$T/out" -bios none \
        -kernel "$T/icount" -icount "$icount" -accel "tcg,$accel" "$@" </dev/null || { cat "$T/out"; fail "$name: status $?"; }
    if [ -e "$T/first" ]; then
        cmp -s "$T/first" "$T/out" || { diff "$T/first" "$T/out" || :; fail "$name: not the same as the first run"; }
    else
        cp "$T/out" "$T/first"
    fi
}
for shift in 0 3; do
    riscv64-linux-gnu-gcc -march=rv64ima_zicsr -mabi=lp64 -mcmodel=medany -mstrict-align -O1 -ffreestanding -fno-builtin -fno-pic \
        -fno-pie -nostdlib -static -w -DSHIFT=$shift -Wl,-Ttext=0x80000000 -Wl,--build-id=none -Wl,-z,norelro -Wl,-n \
        -Wl,--no-relax -Wl,--no-warn-rwx-segments -o "$T/icount" tests/guest/bare/start.S tests/guest/bare/icount.c
    rm -f "$T/first"
    run shift=$shift tier=cold
    run shift=$shift tier=hot
    run shift=$shift tier=auto,hot-after=50
    run shift=$shift thread=single
    run $shift,sleep=off tb-size=1
    [ $shift = 0 ] || run shift=$shift backend=interp
done
for bad in "-icount 11" "-icount often" "-icount 3,rr=record" "-icount auto,align=on" "-icount 3 -accel tcg,thread=multi"; do
    # shellcheck disable=SC2086
    timeout -k 5 20 "$B/rhea-system-riscv64" -M virt -display none -bios none $bad </dev/null >"$T/out" 2>&1 && fail "$bad was taken"
    [ "$(wc -l < "$T/out")" = 1 ] || { cat "$T/out"; fail "$bad: more than a line"; }
    cat "$T/out"
done
