#!/bin/sh
# Guarded pages: what indirect branches may reach in them, with and without the feature; a static program that is marked.
set -u
B=${B:-build}
command -v aarch64-linux-gnu-gcc >/dev/null || { echo "no cross compiler: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"; exit 77; }
prog=$B/tests/guest/a64-bti
mkdir -p "$B/tests/guest"
aarch64-linux-gnu-gcc -O1 -static -o "$prog" tests/isa/a64/bti.c || exit 1
cat > "$prog-marked.S" <<'END'
        .globl _start
_start: bti     c
        adr     x1, wrong
        mov     x0, #5
        ldr     x2, [sp]                // argc 1: a branch to what is no target
        cmp     x2, #1
        b.ne    end
        blr     x1
end:    mov     x8, #93
        svc     #0
wrong:  mov     x0, #0
        b       end
        .section .note.gnu.property, "a"
        .p2align 3
        .word   4, 16, 5, 0x00554e47, 0xc0000000, 4, 1, 0
END
aarch64-linux-gnu-gcc -march=armv8.5-a -nostdlib -static -o "$prog-marked" "$prog-marked.S" || exit 1
for run in tcg tcg,tier=hot tcg,backend=interp; do
    "$B/rhea-aarch64" -cpu max -accel $run "$prog" || { echo "-cpu max -accel $run: the lines above"; exit 1; }
    "$B/rhea-aarch64" -cpu max,bti=off -accel $run "$prog" none || { echo "-cpu max,bti=off -accel $run: the lines above"; exit 1; }
    "$B/rhea-aarch64" -cpu max -accel $run "$prog-marked" x
    [ $? = 5 ] || { echo "-accel $run: the marked program did not run"; exit 1; }
    ( ulimit -c 0; "$B/rhea-aarch64" -cpu max -accel $run "$prog-marked" ) 2>/dev/null
    [ $? = 132 ] || { echo "-accel $run: the marked program was not guarded"; exit 1; }
    "$B/rhea-aarch64" -cpu max,bti=off -accel $run "$prog-marked" || { echo "-accel $run: guarded though bti=off"; exit 1; }
done
