/* Code in the last page of all, under Sv39: behind it comes address 0, where nothing is. It is called, loops there until it is
 * hot, ends with its last instruction, runs on into address 0, and has an instruction half of which lies there. */
#include <stdint.h>

#define WRITE(csr, v) __asm__ volatile("csrw " #csr ", %0" : : "r"((uint64_t)(v)))
#define READ(csr) ({ uint64_t v_; __asm__ volatile("csrr %0, " #csr : "=r"(v_)); v_; })
#define LAST_PAGE (-UINT64_C(4096))

enum { V = 1, R = 2, W = 4, X = 8, A = 64, D = 128 };

static uint64_t root[512] __attribute__((aligned(4096))), middle[512] __attribute__((aligned(4096)));
static uint64_t leaf[512] __attribute__((aligned(4096)));
extern uint8_t code[];
uint64_t on_trap, landed;

__asm__(".balign 4\n"
        "landing: la t0, landed\n csrr t1, scause\n sd t1, (t0)\n la t0, on_trap\n ld t0, (t0)\n jr t0\n"
        ".balign 4096\n"
        "code: li a0, 0\n li t1, 20000\n"                         /* +0: the sum of 1 to 20000 */
        "1: add a0, a0, t1\n addi t1, t1, -1\n bnez t1, 1b\n ret\n"
        ".org code + 4080\n nop\n nop\n nop\n ret\n"              /* +4080 */
        ".balign 4096\n"
        "runs_on: .org runs_on + 4088\n nop\n nop\n"              /* +4088: goes on at 0 */
        ".balign 4096\n"
        "half: .org half + 4094\n .half 0x0513\n"                 /* +4094: the first half of li a0, 42 */
        ".balign 4096\n"
        "other_half: .half 0x02a0\n .option push\n .option arch, +c\n c.jr ra\n .option pop\n");    /* at 0, if it is there */
extern uint8_t runs_on[], half[], other_half[], landing[];

static int bad;

static void show(uint8_t *page)
{
    leaf[511] = (uint64_t)page >> 2 | V | R | X | A;
    __asm__ volatile("sfence.vma" : : : "memory");
}

static uint64_t call(unsigned at)
{
    return ((uint64_t (*)(void))(LAST_PAGE + at))();
}

/* Goes there and does not return, but by a page fault at address 0. */
static void falls_off(uint8_t *page, unsigned at, uint64_t epc)
{
    show(page);
    landed = 0;
    __asm__ volatile("la t0, 1f\n la t1, on_trap\n sd t0, (t1)\n jr %0\n1:" : : "r"(LAST_PAGE + at) : "t0", "t1", "memory");
    bad |= landed != 12 || READ(stval) != 0 || READ(sepc) != epc;
}

static void in_s(void)
{
    WRITE(stvec, landing);
    show(code);
    for (int i = 0; i < 50; i++) {
        bad |= call(0) != UINT64_C(20000) * 20001 / 2;
        call(4080);
    }
    for (int i = 0; i < 50; i++) {
        falls_off(runs_on, 4088, 0);
        falls_off(half, 4094, -UINT64_C(2));
    }
    leaf[0] = (uint64_t)other_half >> 2 | V | R | X | A;
    show(half);
    for (int i = 0; i < 50; i++)
        bad |= call(4094) != 42;
    *(volatile uint32_t *)0x100000 = bad ? 1 << 16 | 0x3333 : 0x5555;
    for (;;)
        continue;
}

int main(void)
{
    root[2] = UINT64_C(0x80000000) >> 2 | V | R | W | X | A | D;    /* RAM as it is */
    root[0] = (uint64_t)middle >> 2 | V;
    middle[0] = (uint64_t)leaf >> 2 | V;                            /* leaf[256]: the device that powers off; leaf[0]: nothing */
    leaf[256] = UINT64_C(0x100000) >> 2 | V | R | W | A | D;
    root[511] = (uint64_t)middle >> 2 | V;
    middle[511] = (uint64_t)leaf >> 2 | V;
    WRITE(medeleg, 0xb1ff);
    WRITE(pmpaddr0, -UINT64_C(1) >> 10);
    WRITE(pmpcfg0, 31);
    WRITE(satp, UINT64_C(8) << 60 | (uint64_t)root >> 12);
    __asm__ volatile("csrc mstatus, %0" : : "r"(3 << 11));
    __asm__ volatile("csrs mstatus, %0" : : "r"(1 << 11));          /* MPP: S */
    WRITE(mepc, in_s);
    __asm__ volatile("mret");
    return 3;
}
