// tests/bench/scale.S - what a second busy CPU costs the first. Each of HARTS harts does the same work: a loop of loads and
// stores in memory of its own, calls and indirect jumps; the last one to end powers off. With two free cores the times are
// elapsed; on a busy machine compare processor time: HARTS=2 should need little more than twice what HARTS=1 needs.
//
//   riscv64-linux-gnu-gcc -nostdlib -static -march=rv64ima_zicsr -mabi=lp64 -mcmodel=medany -DHARTS=2 -DROUNDS=10000 \
//       -Wl,-Ttext=0x80001000,--build-id=none,-n -o scale2 tests/bench/scale.S
//   time rhea-system-riscv64 -M virt -smp 2 -m 64 -bios none -kernel scale2 -nographic
        .globl _start
_start: csrr t0, mhartid
        li t1, 0x80200000
        slli t2, t0, 16
        add s0, t1, t2              // own 64 KiB
        li s1, HARTS
        bge t0, s1, park
        li s2, ROUNDS
round:  li t3, 4096
        mv t4, s0
        li t5, 0
1:      ld t6, 0(t4)
        add t5, t5, t6
        xor t5, t5, t3
        sd t5, 0(t4)
        addi t4, t4, 8
        mv a0, t5
        jal f
        add t5, t5, a0
        addi t3, t3, -1
        bnez t3, 1b
        addi s2, s2, -1
        bnez s2, round
        la t0, ended
        li t1, 1
        amoadd.w t2, t1, (t0)
        addi t2, t2, 1
        blt t2, s1, park
        li t0, 0x100000
        li t1, 0x5555
        sw t1, 0(t0)
park:   wfi
        j park
        .align 6
f:      andi a1, a0, 3
        la a2, tab
        slli a1, a1, 3
        add a2, a2, a1
        ld a2, 0(a2)
        jr a2
g0:     addi a0, a0, 1
        ret
g1:     slli a0, a0, 1
        ret
g2:     xori a0, a0, 5
        ret
g3:     addi a0, a0, -3
        ret
        .align 6
tab:    .dword g0, g1, g2, g3
        .align 6
ended:   .word 0
