/* Provokes an exception of each class, from EL1 and EL0, and prints its syndrome, address and vector; and what AT says of an
 * address. faults.expected is what Arm ARM (DDI 0487), D19.2.37 (ESR), D19.2.110 (PAR) say of them. */
#include "tests/guest/bare-arm/bare.h"

enum { BLOCK = 1, TABLE = 3, PAGE = 3, NORMAL = 0 << 2, DEVICE = 1 << 2, EL0 = 1 << 6, RO = 1 << 7, SH = 3 << 8, AF = 1 << 10 };
#define PXN (UINT64_C(1) << 53)
#define UXN (UINT64_C(1) << 54)
#define GIB UINT64_C(0x40000000)

/* 39 bits of address. By GiB: 0 devices, 1 RAM for EL1, 2 RAM for EL0 to execute, 3 for EL0 to write, 4 the strange pages. */
static uint64_t level1[512] __attribute__((aligned(4096))), level2[512] __attribute__((aligned(4096))), level3[512] __attribute__((aligned(4096)));
static uint8_t *const room = (uint8_t *)0x40400000;      /* two pages behind the image */
#define USER_CODE(fn) ((void (*)(uint64_t))((uint64_t)(fn) + GIB))
extern char _start[];                          /* the image's first byte, wherever the compiler puts the rest */
#define USER_DATA(p) ((uint64_t)(p) + 2 * GIB)
#define STRANGE(l2, l3) (4 * GIB + (uint64_t)(l2) * 0x200000 + (uint64_t)(l3) * 0x1000)

static void paging(void)
{
    level1[0] = BLOCK | DEVICE | AF | UXN | PXN;
    level1[1] = GIB | BLOCK | AF | SH | UXN;
    level1[2] = GIB | BLOCK | AF | SH | EL0 | RO | PXN;
    level1[3] = GIB | BLOCK | AF | SH | EL0 | UXN | PXN;
    level1[4] = (uint64_t)level2 | TABLE;
    level1[5] = UINT64_C(0x0d000000) | TABLE;          /* tables that nobody answers for */
    level1[6] = GIB | BLOCK | SH | UXN;                /* never accessed */
    level2[1] = GIB | BLOCK | SH;
    level2[2] = GIB | BLOCK | AF | SH | RO | UXN;
    level2[3] = (uint64_t)level3 | TABLE;
    level2[4] = UINT64_C(0x0d000000) | TABLE;
    level3[1] = (uint64_t)room | PAGE | SH;
    level3[2] = (uint64_t)room | PAGE | AF | SH | RO | UXN;
    level3[3] = (uint64_t)room | PAGE | AF | SH | UXN | PXN;
    level3[5] = UINT64_C(0x0d000000) | PAGE | AF | DEVICE | UXN | PXN;
    level3[6] = (uint64_t)room | PAGE | AF | SH | EL0 | UXN | PXN;
    level3[7] = UINT64_C(0x0000f00000000000) | PAGE | AF | SH | UXN | PXN;      /* more bits than TCR allows */
    WRITE(mair_el1, 0x00ff);
    WRITE(tcr_el1, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | UINT64_C(2) << 32);
    WRITE(ttbr0_el1, level1);
    __asm__ volatile("tlbi vmalle1\n dsb sy\n isb");
    WRITE(sctlr_el1, READ(sctlr_el1) | 1 | 4 | 1 << 12 | 1 << 3 | 1 << 4);
}

/* --- what is provoked ---------------------------------------------------------------------------------------------------- */

static uint64_t zero;
#define CODE(name, text) static void __attribute__((naked, used)) name(uint64_t arg) { __asm__ volatile(text "\n ret"); }
CODE(load, "ldr x1, [x0]")
CODE(store, "str xzr, [x0]")
CODE(store_pair, "stp q0, q1, [x0]")
CODE(exclusive, "ldxr x1, [x0]")
CODE(acquire, "ldar x1, [x0]")
CODE(atomic, "ldaddal x1, x1, [x0]")
CODE(compare_swap, "cas x1, x2, [x0]")
CODE(unprivileged, "ldtr x1, [x0]")
CODE(zva, "dc zva, x0")
CODE(jump, "br x0")
CODE(none, "udf #7")
CODE(svc, "svc #0x123")
CODE(brk, "brk #0x4567")
CODE(hlt, "hlt #3")
CODE(fp, "fadd d0, d0, d0")
CODE(simd_load, "ldr q0, [x0]")
CODE(fpsr, "mrs x0, fpsr")
CODE(sp_align, "mov x9, sp\n add sp, sp, #4\n ldr x1, [sp]\n mov sp, x9")
CODE(read_sctlr, "mrs x1, sctlr_el1")
CODE(read_el2, "mrs x1, vbar_el2")
CODE(write_midr, "msr s3_0_c0_c0_0, x1")
CODE(no_register, "mrs x1, s3_0_c15_c7_3")
CODE(read_ctr, "mrs x5, ctr_el0")
CODE(read_count, "mrs x6, cntvct_el0")
CODE(read_pcount, "mrs x7, cntpct_el0")
CODE(write_timer, "msr cntv_ctl_el0, xzr")
CODE(read_daif, "mrs x1, daif")
CODE(set_daif, "msr daifset, #2")
CODE(read_pmu, "mrs x3, pmccntr_el0")
CODE(ic_ivau, "ic ivau, x0")
CODE(dc_cvau, "dc cvau, x0")
CODE(dc_civac, "dc civac, x0")
CODE(wfi, "wfi")
CODE(wfe, "wfe")
CODE(at, "at s1e1r, x0")
CODE(tlbi, "tlbi vmalle1")
CODE(eret, "eret")
CODE(illegal, "mov x1, #0x3c4\n orr x1, x1, #0x100000\n msr spsr_el1, x1\n adr x1, 1f\n msr elr_el1, x1\n eret\n 1: nop")

static void print(const char *name, int ended)
{
    put(name);
    if (ended) {
        show(" esr=", seen.esr);
        if ((seen.esr >> 26 & ~5u) == 0x20 || seen.esr >> 26 == 0x22 || (seen.esr >> 26 & ~1u) == 0x34)
            show(" far=", seen.far);
        show(" vector=", seen.vector);
        put("\r\n");
    } else {
        put(" none\r\n");
    }
}

#define EL1(fn, arg) print("el1 " #fn " " #arg, attempt(fn, (uint64_t)(arg)))
#define AT_EL0(fn, arg) print("el0 " #fn " " #arg, at_el0(USER_CODE(fn), (uint64_t)(arg)))
#define BAD (STRANGE(3, 0))

static void data_aborts(void)
{
    EL1(load, 7 * GIB);
    EL1(load, UINT64_C(1) << 40);
    EL1(load, UINT64_C(0xffff000000000000));
    EL1(store, STRANGE(0, 0));
    EL1(load, BAD);
    EL1(store, BAD);
    EL1(load, 6 * GIB);
    EL1(load, STRANGE(1, 0));
    EL1(store, STRANGE(3, 1));
    EL1(store, STRANGE(2, 0));
    EL1(store, STRANGE(3, 2));
    EL1(load, STRANGE(3, 2));
    EL1(load, STRANGE(3, 3) + 4092);
    EL1(store_pair, STRANGE(3, 3) + 4080);
    EL1(load, STRANGE(3, 5));
    EL1(store, STRANGE(3, 5));
    EL1(load, 5 * GIB);
    EL1(load, STRANGE(4, 0));
    EL1(load, STRANGE(3, 7));
    EL1(exclusive, (uint64_t)room + 1);
    EL1(acquire, (uint64_t)room + 4);
    EL1(atomic, BAD);                                  /* where a load faults too, it is a load's fault */
    EL1(atomic, STRANGE(3, 1));
    EL1(atomic, STRANGE(3, 2));
    EL1(compare_swap, STRANGE(2, 0));
    EL1(compare_swap, 7 * GIB);
    EL1(zva, STRANGE(3, 2));
    EL1(zva, BAD);
    EL1(unprivileged, (uint64_t)room);
    EL1(unprivileged, STRANGE(3, 6));
    WRITE(sctlr_el1, READ(sctlr_el1) | 2);
    EL1(load, (uint64_t)room + 3);
    WRITE(sctlr_el1, READ(sctlr_el1) & ~UINT64_C(2));
    AT_EL0(load, room);
    AT_EL0(store, BAD);
    AT_EL0(store, USER_CODE(room));
    AT_EL0(load, 7 * GIB);
    AT_EL0(load, USER_DATA(room));
}

static void instruction_aborts(void)
{
    EL1(jump, 7 * GIB);
    EL1(jump, BAD);
    EL1(jump, STRANGE(3, 3));
    EL1(jump, STRANGE(1, 0));
    EL1(jump, STRANGE(3, 5));
    EL1(jump, STRANGE(4, 0));
    EL1(jump, USER_CODE(_start));
    EL1(jump, (uint64_t)room + 2);
    AT_EL0(jump, BAD);
    AT_EL0(jump, USER_DATA(room));
    AT_EL0(jump, USER_CODE(_start) + 1);
}

static void others(void)
{
    EL1(none, 0); EL1(svc, 0); EL1(brk, 0); EL1(hlt, 0); EL1(sp_align, 0); EL1(read_el2, 0); EL1(write_midr, 0); EL1(no_register, 0);
    EL1(illegal, 0);
    AT_EL0(none, 0); AT_EL0(svc, 0); AT_EL0(brk, 0); AT_EL0(sp_align, 0); AT_EL0(read_sctlr, 0); AT_EL0(read_el2, 0); AT_EL0(tlbi, 0);
    AT_EL0(eret, 0);
    WRITE(cpacr_el1, 0);
    EL1(fp, 0); EL1(simd_load, room); EL1(fpsr, 0);
    AT_EL0(fp, 0); AT_EL0(fpsr, 0);
    WRITE(cpacr_el1, 1 << 20);
    AT_EL0(fp, 0);
    WRITE(cpacr_el1, 3 << 20);
    WRITE(cntkctl_el1, 0);
    AT_EL0(read_ctr, 0); AT_EL0(read_count, 0); AT_EL0(read_pcount, 0); AT_EL0(write_timer, 0); AT_EL0(read_daif, 0); AT_EL0(set_daif, 0);
    AT_EL0(read_pmu, 0); AT_EL0(ic_ivau, USER_CODE(room)); AT_EL0(dc_cvau, USER_DATA(room)); AT_EL0(dc_civac, USER_DATA(room));
    AT_EL0(zva, USER_DATA(room)); WRITE(sctlr_el1, READ(sctlr_el1) & ~(UINT64_C(5) << 16));
    AT_EL0(wfi, 0); AT_EL0(wfe, 0);
}

#define AT(op, va) do { __asm__ volatile("at " op ", %0\n isb" : : "r"((uint64_t)(va))); show("at " op " " #va " par=", READ(par_el1)); put("\r\n"); } while (0)

static void addresses(void)
{
    AT("s1e1r", GIB); AT("s1e1w", STRANGE(3, 2)); AT("s1e1r", STRANGE(3, 2)); AT("s1e0r", STRANGE(3, 2)); AT("s1e0r", STRANGE(3, 6));
    AT("s1e0w", STRANGE(3, 6)); AT("s1e1r", BAD); AT("s1e1r", 7 * GIB); AT("s1e1r", STRANGE(3, 1));
    EL1(at, STRANGE(4, 0));
    AT("s1e1r", 0x9000000); AT("s1e1r", STRANGE(3, 7));
}

int main(void)
{
    paging();
    user_stack = USER_DATA(room + sizeof room);
    data_aborts();
    instruction_aborts();
    others();
    addresses();
    put("end\r\n");
    return 0;
}
