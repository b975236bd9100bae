#!/bin/bash
# Where a program's parts lie: by chance, never the same twice; as given by -seed; unmoved below setarch -R; within -R.
set -eu
B=${B:-build}
for gcc in aarch64-linux-gnu-gcc arm-linux-gnueabihf-gcc riscv64-linux-gnu-gcc; do
    command -v $gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-${gcc%-gcc}"; exit 77; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
cat > "$tmp/where.c" <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    void *map = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int local = 0;

    if (argc > 1 && argv[1][0] == '-') {        /* as setarch -R does it: the personality outlives exec */
        personality(ADDR_NO_RANDOMIZE);
        argv[1][0] = '+';
        execv("/proc/self/exe", argv);
    }
    printf("program %p\nheap %p\nmapping %p\nstack %p\nrandom %02x%02x%02x\n", (void *)main, sbrk(0), map, (void *)&local,
           ((unsigned char *)getauxval(AT_RANDOM))[0], ((unsigned char *)getauxval(AT_RANDOM))[7],
           ((unsigned char *)getauxval(AT_RANDOM))[15]);
    return 0;
}
EOF
level=$(cat /proc/sys/kernel/randomize_va_space)
for arch in aarch64 arm riscv64; do
    case $arch in arm) triplet=arm-linux-gnueabihf least=0x10000000 ;; *) triplet=$arch-linux-gnu least=0x100000000 ;; esac
    $triplet-gcc -O1 -w -pie -fPIE -o "$tmp/where" "$tmp/where.c"
    export QEMU_LD_PREFIX=/usr/$triplet
    where() { "$B/rhea-$arch" "$@" > "$tmp/out" || fail "$arch $*"; }
    where "$tmp/where"; cp "$tmp/out" "$tmp/first"
    where "$tmp/where"
    for part in program heap mapping stack random; do
        a=$(grep "^$part" "$tmp/first") b=$(grep "^$part" "$tmp/out")
        [ "$level" -lt 2 ] || [ "$a" != "$b" ] || { where "$tmp/where"; [ "$a" != "$(grep "^$part" "$tmp/out")" ]; } ||
            fail "$arch: twice $a"
    done
    where -seed 5 "$tmp/where"; cp "$tmp/out" "$tmp/first"
    where -seed 5 "$tmp/where"
    cmp "$tmp/first" "$tmp/out" || fail "$arch: -seed 5 is not repeatable"
    where -seed 6 "$tmp/where"
    ! cmp -s "$tmp/first" "$tmp/out" || fail "$arch: -seed 6 is -seed 5"
    for run in "setarch -R" ""; do
        $run "$B/rhea-$arch" "$tmp/where" "${run:+x}${run:--}" | grep -v random > "$tmp/first"
        $run "$B/rhea-$arch" "$tmp/where" "${run:+x}${run:--}" | grep -v random > "$tmp/out"
        cmp "$tmp/first" "$tmp/out" || fail "$arch: moved without ASLR (${run:-personality})"
    done
    where -R $least "$tmp/where"
    while read -r part at; do
        [ "$part" = random ] || [ $((at)) -lt $((least)) ] || fail "$arch -R $least: $part at $at"
    done < "$tmp/out"
    where -B 0x200000000000 "$tmp/where"
    "$B/rhea-$arch" -R 0x1000 "$tmp/where" 2> "$tmp/err" && fail "$arch: -R 0x1000 was taken"
    grep -q 'can be 0x' "$tmp/err" || fail "$arch: $(cat "$tmp/err")"
    echo "$arch: ok"
done
