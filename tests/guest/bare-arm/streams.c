/* Random streams (tests/isa/a64/streams.h) as three tasks of a small kernel: COUNT of them from SEED on, half at EL1 and half at
 * EL0, each with its own pages and ASID. Interrupts come all the time; their handler computes with vector registers, lets the
 * other task go on, or takes the FP unit away until it is used again. What a stream leaves behind is the same nevertheless,
 * and a line for each says it: its seed, a hash of registers, memory and of the faults it had, and their number. */
#include "tests/guest/bare-arm/bare.h"
#include "tests/isa/a64/streams.h"

enum { TASKS = 3, CODE_PAGE = 0, DATA_PAGE = 16, POOL = 8, NO_ONE = -1 };
enum { VALID = 3, AF = 1 << 10, NORMAL = 3 << 8, DEVICE = 1 << 2, EL0 = 1 << 6, READ_ONLY = 1 << 7, NG = 1 << 11 };
#define PXN (UINT64_C(1) << 53)
#define UXN (UINT64_C(1) << 54)
#define STREAM UINT64_C(0x5500000000)
#define GICD(off) (*(volatile uint32_t *)(0x08000000 + (off)))
#define GICC(off) (*(volatile uint32_t *)(0x08010000 + (off)))

struct task {                                  /* the entry code below knows the beginning */
    uint64_t x[31], sp, pc, spsr, v[32][2], fpsr, fpcr, tpidr, par;
    uint64_t seed, faults, log;
    int running;
};
static struct task task[TASKS];
static uint64_t l1[TASKS][512] __attribute__((aligned(4096))), l2[TASKS][512] __attribute__((aligned(4096))),
                l3[TASKS][512] __attribute__((aligned(4096))), low[512] __attribute__((aligned(4096))), ram[512] __attribute__((aligned(4096)));
static uint64_t pool[TASKS][POOL][PAGE / 8] __attribute__((aligned(4096)));
static uint32_t code[TASKS][CODE_WORDS] __attribute__((aligned(4096)));
static uint64_t result[COUNT][2], started, finished, chance = SEED + 1;
static int fp_owner = NO_ONE;

void fp_save(struct task *t);
void fp_load(const struct task *t);
void fp_work(void);
void resume(struct task *t);
void psci_off(void);
extern char entries[];

__asm__(".text\n .balign 2048\n entries:\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n .balign 128\n"
        " stp x0, x1, [sp, #-16]\n mrs x0, tpidr_el1\n mov x1, #\\n\n b entry\n .endr\n"
        "entry: stp x2, x3, [x0, #16]\n stp x4, x5, [x0, #32]\n stp x6, x7, [x0, #48]\n stp x8, x9, [x0, #64]\n"
        " stp x10, x11, [x0, #80]\n stp x12, x13, [x0, #96]\n stp x14, x15, [x0, #112]\n stp x16, x17, [x0, #128]\n"
        " stp x18, x19, [x0, #144]\n stp x20, x21, [x0, #160]\n stp x22, x23, [x0, #176]\n stp x24, x25, [x0, #192]\n"
        " stp x26, x27, [x0, #208]\n stp x28, x29, [x0, #224]\n mrs x2, sp_el0\n stp x30, x2, [x0, #240]\n"
        " ldp x2, x3, [sp, #-16]\n stp x2, x3, [x0]\n mrs x2, elr_el1\n mrs x3, spsr_el1\n stp x2, x3, [x0, #256]\n"
        " bl handle\n"
        "resume: ldp x2, x3, [x0, #256]\n msr elr_el1, x2\n msr spsr_el1, x3\n ldp x30, x2, [x0, #240]\n msr sp_el0, x2\n"
        " msr tpidr_el1, x0\n"
        " ldp x2, x3, [x0, #16]\n ldp x4, x5, [x0, #32]\n ldp x6, x7, [x0, #48]\n ldp x8, x9, [x0, #64]\n"
        " ldp x10, x11, [x0, #80]\n ldp x12, x13, [x0, #96]\n ldp x14, x15, [x0, #112]\n ldp x16, x17, [x0, #128]\n"
        " ldp x18, x19, [x0, #144]\n ldp x20, x21, [x0, #160]\n ldp x22, x23, [x0, #176]\n ldp x24, x25, [x0, #192]\n"
        " ldp x26, x27, [x0, #208]\n ldp x28, x29, [x0, #224]\n ldp x0, x1, [x0]\n eret\n"
        ".arch armv8.2-a+simd+crypto\n"
        "fp_save: add x1, x0, #272\n .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,"
        " 26, 27, 28, 29, 30, 31\n str q\\n, [x1], #16\n .endr\n mrs x2, fpsr\n mrs x3, fpcr\n stp x2, x3, [x1]\n ret\n"
        "fp_load: add x1, x0, #272\n .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,"
        " 26, 27, 28, 29, 30, 31\n ldr q\\n, [x1], #16\n .endr\n ldp x2, x3, [x1]\n msr fpsr, x2\n msr fpcr, x3\n ret\n"
        /* what a kernel does between kernel_neon_begin() and kernel_neon_end() */
        "fp_work: msr fpcr, xzr\n msr fpsr, xzr\n mov x1, #9\n"
        "1: .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30\n"
        " sha256su0 v\\n\\().4s, v31.4s\n fadd v\\n\\().4s, v\\n\\().4s, v30.4s\n .endr\n"
        " sha256h q0, q1, v2.4s\n sha256h2 q1, q0, v3.4s\n aese v4.16b, v5.16b\n aesmc v4.16b, v4.16b\n"
        " sqadd v31.4s, v4.4s, v0.4s\n subs x1, x1, #1\n b.ne 1b\n ret\n");

/* --- tasks ----------------------------------------------------------------------------------------------------------- */

static void barrier(void) { __asm__ volatile("dsb ish\n isb" : : : "memory"); }
static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v ^ v >> 29) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 7); }
static int at_el1(uint64_t seed) { return !(seed & 2); }
static int number(const struct task *t) { return (int)(t - task); }

static uint64_t leaf(const struct task *t, void *page, int writable, int executable)
{
    uint64_t attr = VALID | AF | NORMAL | NG | (writable ? 0 : READ_ONLY);

    attr |= at_el1(t->seed) ? UXN | (executable ? 0 : PXN) : EL0 | PXN | (executable ? 0 : UXN);
    return (uint64_t)(uintptr_t)page | attr;
}

static volatile uint64_t *data_leaf(int n, int page) { return &l3[n][DATA_PAGE + page]; }

static void map_task(struct task *t)
{
    int n = number(t), turn = (int)(t->seed % RW_PAGES);

    for (int i = 0; i < 512; i++)
        l3[n][i] = 0;
    l3[n][CODE_PAGE] = leaf(t, code[n], 1, 1);
    for (int i = 0; i < RW_PAGES; i++)
        *data_leaf(n, i) = leaf(t, pool[n][(i + turn) % RW_PAGES], 1, 0);
    if (t->seed & 4)                           /* two addresses of one page */
        *data_leaf(n, 4) = *data_leaf(n, 1);
    *data_leaf(n, RO_PAGE) = leaf(t, pool[n][RW_PAGES], 0, 0);
    barrier();
    __asm__ volatile("tlbi aside1, %0\n dsb ish\n ic iallu\n dsb ish\n isb" : : "r"((uint64_t)(n + 1) << 48) : "memory");
}

static void start_task(struct task *t)
{
    unsigned kind;
    uint64_t s;

    t->running = started < COUNT;
    if (!t->running)
        return;
    t->seed = SEED + started++;
    kind = (at_el1(t->seed) ? PRIVILEGED : 0) | (t->seed & 8 ? CALLS : 0) | (t->seed % 8 == 7 ? ANY_BITS : 0);
    s = t->seed * 77777;
    stream_make(code[number(t)], t->seed, kind, LOOPS, t->x);
    for (int i = 0; i < 32; i++)
        for (int k = 0; k < 2; k++)
            t->v[i][k] = stream_operand(&s);
    for (int i = 0; i < POOL; i++)
        for (int k = 0; k < PAGE / 8; k++)
            pool[number(t)][i][k] = k & 3 ? stream_random(&s) : stream_operand(&s);
    t->x[19] = STREAM + DATA_PAGE * PAGE;
    t->sp = t->x[19] + 2048;
    t->pc = STREAM;
    t->spsr = at_el1(t->seed) ? 0x3c4 : 0;     /* EL1t; interrupts come when the stream lets them */
    t->fpsr = t->fpcr = t->tpidr = t->par = t->faults = t->log = 0;
    if (fp_owner == number(t))
        fp_owner = NO_ONE;
    map_task(t);
}

static void end_task(struct task *t)
{
    uint64_t h = t->log;

    for (int i = 0; i < 31; i++)
        h = mix(h, i == 21 ? 0 : t->x[i]);         /* which may have been a physical address */
    h = mix(mix(mix(h, t->sp), t->spsr & ~UINT64_C(0x1000)), t->tpidr);
    for (int i = 0; i < 32; i++)
        h = mix(mix(h, t->v[i][0]), t->v[i][1]);
    h = mix(mix(h, t->fpsr), t->fpcr);
    for (int i = 0; i < POOL; i++)
        for (int k = 0; k < PAGE / 8; k++)
            h = mix(h, pool[number(t)][i][k]);
    result[t->seed - SEED][0] = h;
    result[t->seed - SEED][1] = t->faults;
    finished++;
#ifdef SHOW                                    /* a seed: what it had and left behind */
    if (t->seed == SHOW) {
        for (int i = 0; i < 31; i++)
            show("\nx ", t->x[i]);
        show("\nsp ", t->sp), show("\nspsr ", t->spsr), show("\nfpsr ", t->fpsr), show("\nfpcr ", t->fpcr), show("\ntpidr ", t->tpidr), show("\nlog ", t->log);
        for (int i = 0; i < 32; i++)
            show("\nv ", t->v[i][1]), show(" ", t->v[i][0]);
        for (int i = 0; i < POOL; i++) {
            uint64_t p = 0;

            for (int k = 0; k < PAGE / 8; k++)
                p = mix(p, pool[number(t)][i][k]);
            show("\npage ", p);
        }
        put("\n");
    }
#endif
}

/* --- the FP unit: a task's registers are in it, or saved ------------------------------------------------------------------ */

static void fp_access(int on) { WRITE(cpacr_el1, on ? 3 << 20 : 0); }

static void fp_give_up(void)
{
    fp_access(1);
    if (fp_owner != NO_ONE)
        fp_save(&task[fp_owner]);
    fp_owner = NO_ONE;
}

static void fp_take(struct task *t)
{
    if (fp_owner == number(t))
        return;
    fp_give_up();
    fp_load(t);
    fp_owner = number(t);
}

/* --- exceptions ------------------------------------------------------------------------------------------------------- */

static void set_leaf(int n, int page, uint64_t to, unsigned how)
{
    uint64_t va = (STREAM >> 12) + DATA_PAGE + page, asid = (uint64_t)(n + 1) << 48;

    *data_leaf(n, page) = 0;
    for (int i = 0; i < 2; i++) {
        __asm__ volatile("dsb ish" : : : "memory");
        switch (how & 3) {
        case 0:  __asm__ volatile("tlbi vae1, %0" : : "r"(va | asid) : "memory"); break;
        case 1:  __asm__ volatile("tlbi vaale1is, %0" : : "r"(va) : "memory"); break;
        case 2:  __asm__ volatile("tlbi aside1is, %0" : : "r"(asid) : "memory"); break;
        default: __asm__ volatile("tlbi vmalle1" : : : "memory");
        }
        barrier();
        *data_leaf(n, page) = to;
    }
    barrier();
}

/* What a stream may ask for by SVC. */
static void call(struct task *t, unsigned what)
{
    int n = number(t);
    uint64_t a = *data_leaf(n, 2), b = *data_leaf(n, 3);

    if (what < 4) {
        set_leaf(n, 2, b, what);
        set_leaf(n, 3, a, what);
    } else if (what == 4) {
        set_leaf(n, 3, b ^ READ_ONLY, (unsigned)t->faults);
    } else if (what == 5) {
        set_leaf(n, 2, a & ~(uint64_t)AF, (unsigned)t->faults);
    } else if (what == 6) {
        set_leaf(n, 0, *data_leaf(n, 0) ^ 1, 0);
    }
}

static void synchronous(struct task *t)
{
    uint64_t esr = READ(esr_el1), far = READ(far_el1), ec = esr >> 26;
    int page = (int)(((far & 0xffffffffffffff) >> 12) - (STREAM >> 12) - DATA_PAGE);

    if (ec == 7) {                             /* the FP unit was taken away */
        fp_take(t);
        return;
    }
    if (ec == 0x3c && (esr & 0xffff) == END_OF_STREAM) {
        fp_give_up();
        end_task(t);
        start_task(t);
        return;
    }
    if ((ec & ~UINT64_C(1)) == 0x24 && (esr & 0x3c) == 8 && page >= 0 && page < DATA_PAGES) {      /* access flag */
        *data_leaf(number(t), page) |= AF;
        barrier();
        return;
    }
    t->faults++;
#ifdef SHOW
    if (t->seed == SHOW)
        show("fault ", esr), show(" at ", t->pc), show(": ", code[number(t)][(t->pc - STREAM) / 4 % CODE_WORDS]), show(" address ", far), put("\n");
#endif
    t->log = mix(mix(t->log, esr), t->pc);
    if ((ec & ~UINT64_C(1)) == 0x24)
        t->log = mix(t->log, far);
    if (ec == 0x15)
        call(t, esr & 7);
    else if (t->pc >= STREAM && t->pc < STREAM + PAGE - 4)
        t->pc = skip_fault(t->pc, code[number(t)][(t->pc - STREAM) / 4]);
    else
        show("the stream has gone: seed ", t->seed), show(" pc ", t->pc), show(" esr ", esr), put("\n"), psci_off();
}

static struct task *interrupt(struct task *t)
{
    uint32_t irq = GICC(12);

    WRITE(cntv_tval_el0, 100 + stream_below(&chance, stream_below(&chance, 4) ? 3000 : 30000));
    GICC(16) = irq;
    switch (stream_below(&chance, 8)) {
    case 0:                                    /* an interrupt that computes */
    case 1:
        fp_give_up();
        fp_work();
        fp_take(t);
        return t;
    case 2:                                    /* the same, and the registers come back when they are used */
        fp_give_up();
        fp_work();
        return t;
    case 3:
        do
            t = &task[(number(t) + 1) % TASKS];
        while (!t->running);
        return t;
    default:                                   /* most: general registers only */
        return t;
    }
}

static void report(void)
{
    for (int i = 0; i < COUNT; i++) {
        show("", SEED + i), show(" ", result[i][0]), show(" ", result[i][1]);
        put((SEED + i) % 8 == 7 ? " any\n" : "\n");
    }
    put("end\n");
    psci_off();
}

struct task *handle(struct task *t, uint64_t vector)
{
    t->tpidr = READ(tpidr_el0);
    t->par = READ(par_el1);
    if ((vector & 3) == 1 && vector != 5)
        t = interrupt(t);
    else if (vector == 0 || vector == 8)
        synchronous(t);
    else
        show("exception ", vector), show(" esr ", READ(esr_el1)), show(" elr ", READ(elr_el1)), show(" far ", READ(far_el1)), put("\n"), psci_off();
    if (finished == COUNT)
        report();
    while (!t->running)
        t = &task[(number(t) + 1) % TASKS];
    WRITE(tpidr_el0, t->tpidr);
    WRITE(par_el1, t->par);
    WRITE(ttbr0_el1, (uint64_t)(uintptr_t)l1[number(t)] | (uint64_t)(number(t) + 1) << 48);
    fp_access(fp_owner == number(t));
    return t;
}

/* --- the machine ------------------------------------------------------------------------------------------------------ */

static void prepare_mmu(void)
{
    low[64] = 0x08000000 | 1 | AF | DEVICE | PXN | UXN;
    low[72] = 0x09000000 | 1 | AF | DEVICE | PXN | UXN;
    for (int i = 1; i < 8; i++)
        ram[i] = (0x40000000 + ((uint64_t)i << 21)) | 1 | AF | NORMAL | UXN;
    for (int n = 0; n < TASKS; n++) {
        l1[n][0] = (uint64_t)(uintptr_t)low | 3;
        l1[n][1] = (uint64_t)(uintptr_t)ram | 3;
        l1[n][STREAM >> 30] = (uint64_t)(uintptr_t)l2[n] | 3;
        l2[n][0] = (uint64_t)(uintptr_t)l3[n] | 3;
    }
    WRITE(mair_el1, 0x04ff);
    WRITE(tcr_el1, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | UINT64_C(2) << 32 | UINT64_C(1) << 36 | UINT64_C(1) << 37);
    WRITE(ttbr0_el1, l1[0]);
    __asm__ volatile("tlbi vmalle1\n dsb sy\n isb" : : : "memory");
    WRITE(sctlr_el1, 0x30d00800 | 1 | 1 << 2 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26);
}

int main(void)
{
    prepare_mmu();
    WRITE(vbar_el1, entries);
    for (int n = 0; n < TASKS; n++)
        start_task(&task[n]);
    GICD(0) = 1;
    GICD(0x100) = 1 << 27;
    GICC(0) = 1;
    GICC(4) = 0xff;
    WRITE(cntv_ctl_el0, INTERRUPTS);
    WRITE(cntv_tval_el0, 1000);
    WRITE(ttbr0_el1, (uint64_t)(uintptr_t)l1[0] | UINT64_C(1) << 48);
    fp_access(0);
    WRITE(tpidr_el0, 0);
    resume(&task[0]);
    return 0;
}
