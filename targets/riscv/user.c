/* What user mode needs to know of RISC-V: system call registers, start-up, signal frames, hwcap.
 *
 * Sources: Linux, arch/riscv/kernel/signal.c, arch/riscv/include/uapi/asm/{ptrace,sigcontext,ucontext,hwprobe}.h. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/user/syscall.h"
#include "targets/riscv/model.h"
#include "targets/riscv/state.h"
#include "targets/riscv/user.h"

enum { SP = 2, TP = 4, RA = 1, A0 = 10, A1 = 11, A2 = 12, A7 = 17, ECALL_BYTES = 4 };

/* --- system calls -------------------------------------------------------------------------------------------------- */

static const struct user_syscall *const syscalls[] = {
#define NR(number, name) [number] = &user_syscall_##name,
#define NR64(number, name) NR(number, name)
#define NR32(number, name)
#include "core/user/numbers_generic.def"
    NR(258, riscv_hwprobe)
    NR(259, riscv_flush_icache)
#undef NR64
#undef NR32
};

static const struct user_syscall *const syscalls32[] = {
#define NR64(number, name)
#define NR32(number, name) NR(number, name)
#include "core/user/numbers_generic.def"
    NR(258, riscv_hwprobe)
    NR(259, riscv_flush_icache)
#undef NR
#undef NR64
#undef NR32
};

static void get_syscall(const struct cpu_env *c, uint64_t *nr, uint64_t arg[USER_NARGS])
{
    const struct riscv_env *env = riscv_env(c);

    *nr = riscv_x(env, A7);
    for (unsigned i = 0; i < 6; i++)
        arg[i] = riscv_x(env, A0 + i);
    arg[6] = 0;                                /* no call of a 32-bit guest needs more than six registers */
}

static void set_result(struct cpu_env *c, uint64_t result) { riscv_set_x(riscv_env(c), A0, result); }

static void restart_syscall(struct cpu_env *c, uint64_t nr, uint64_t arg0)
{
    riscv_set_x(riscv_env(c), A7, nr);
    riscv_set_x(riscv_env(c), A0, arg0);
    c->pc -= ECALL_BYTES;
}

/* --- programs and threads ------------------------------------------------------------------------------------------ */

static void start(struct cpu_env *c, uint64_t entry, uint64_t sp)
{
    struct riscv_env *env = riscv_env(c);

    env->mstatus |= MSTATUS_FS;
    riscv_set_x(env, SP, sp);
    c->pc = entry;
}

static void copy_regs(struct cpu_env *child, const struct cpu_env *parent)
{
    memcpy((uint8_t *)child + sizeof *child, (const uint8_t *)parent + sizeof *parent,
           sizeof(struct riscv_env) - sizeof *child);
    riscv_env(child)->res_addr = UINT64_MAX;
}

static void set_tls(struct cpu_env *c, uint64_t tls) { riscv_set_x(riscv_env(c), TP, tls); }
static void set_sp(struct cpu_env *c, uint64_t sp) { riscv_set_x(riscv_env(c), SP, sp); }
static uint64_t get_sp(const struct cpu_env *c) { return riscv_x(riscv_env(c), SP); }

static uint64_t letter(char c) { return UINT64_C(1) << (c - 'A'); }

static uint64_t hwcap(const void *model, uint64_t *hwcap2)
{
    const struct riscv_model *m = model;

    *hwcap2 = 0;
    return letter('I') | (m->has[RV_F_m] ? letter('M') : 0) | (m->has[RV_F_a] ? letter('A') : 0) |
           (m->has[RV_F_f] ? letter('F') : 0) | (m->has[RV_F_d] ? letter('D') : 0) | (m->has[RV_F_c] ? letter('C') : 0);
}

static bool elf_ok(uint32_t e_flags, const void *model, struct error *err)
{
    const struct riscv_model *m = model;
    unsigned float_abi = e_flags >> 1 & 3;

    if ((float_abi == 1 && !m->has[RV_F_f]) || (float_abi >= 2 && !m->has[RV_F_d])) {
        error_set(err, ENOEXEC, "the program passes floating-point values in registers that -cpu %s does not have; "
                  "choose a CPU with %s", m->name, float_abi == 1 ? "f" : "d");
        return false;
    }
    if (float_abi == 3) {
        error_set(err, ENOEXEC, "the program is built for quad-precision registers, which no CPU model has");
        return false;
    }
    return true;
}

/* --- what programs ask about the CPU ------------------------------------------------------------------------------- */

static void cpuinfo(const void *model, unsigned cpus, void *to)
{
    const struct riscv_model *m = model;
    struct str isa = STR_INIT;

    riscv_isa_string(m, &isa);
    for (unsigned i = 0; i < cpus; i++)
        fprintf(to, "processor\t: %u\nhart\t\t: %u\nisa\t\t: %s\nmmu\t\t: %s\nmvendorid\t: 0x%" PRIx64 "\nmarchid\t\t: 0x%" PRIx64
                "\nmimpid\t\t: 0x%" PRIx64 "\n\n", i, i, isa.text, m->xlen == 32 ? "sv32" : "sv57", m->mvendorid, m->marchid,
                m->mimpid);
    str_free(&isa);
}

/* RISCV_HWPROBE_KEY_IMA_EXT_0: bits by uapi/asm/hwprobe.h. */
static uint64_t extensions(const struct riscv_model *m)
{
    static const struct { uint8_t feature, bit; } map[] = {
        { RV_F_d, 0 }, { RV_F_c, 1 }, { RV_F_zba, 3 }, { RV_F_zbb, 4 }, { RV_F_zbs, 5 }, { RV_F_zicboz, 6 },
        { RV_F_zbc, 7 }, { RV_F_zbkb, 8 }, { RV_F_zbkc, 9 }, { RV_F_zbkx, 10 }, { RV_F_zknd, 11 }, { RV_F_zkne, 12 },
        { RV_F_zknh, 13 }, { RV_F_zfh, 27 }, { RV_F_zfhmin, 28 }, { RV_F_zfa, 32 }, { RV_F_zacas, 34 },
        { RV_F_zicond, 35 }, { RV_F_zihintpause, 36 }, { RV_F_zcb, 44 }, { RV_F_zawrs, 48 },
    };
    uint64_t v = 0;

    for (size_t i = 0; i < ARRAY_LEN(map); i++)
        if (m->has[map[i].feature])
            v |= UINT64_C(1) << map[i].bit;
    return v;
}

static bool probe(const void *model, int64_t key, uint64_t *value)
{
    const struct riscv_model *m = model;

    switch (key) {
    case 0: *value = m->mvendorid; return true;
    case 1: *value = m->marchid; return true;
    case 2: *value = m->mimpid; return true;
    case 3: *value = m->has[RV_F_m] && m->has[RV_F_a]; return true;          /* base behaviour: IMA */
    case 4: *value = extensions(m); return true;
    case 5:                                                                  /* misaligned accesses are fast */
    case 9: *value = 3; return true;
    case 6: *value = m->has[RV_F_zicboz] ? m->cbo_bytes : 0; return true;
    case 7: *value = user_limit; return true;                                /* highest user address */
    case 8: *value = USER_TIME_HZ; return true;
    default: return false;
    }
}

/* --- exceptions ---------------------------------------------------------------------------------------------------- */

static bool to_signal(struct cpu_env *c, uint32_t exception, int *signo, int *code, uint64_t *addr)
{
    const struct riscv_env *env = riscv_env(c);

    *addr = env->tval;
    switch (exception) {
    case RV_EXC_INSN_MISALIGNED:
    case RV_EXC_LOAD_MISALIGNED:
    case RV_EXC_STORE_MISALIGNED:
        *signo = SIGBUS;
        *code = BUS_ADRALN;
        return true;
    case RV_EXC_BREAKPOINT:
        *signo = SIGTRAP;
        *code = TRAP_BRKPT;
        *addr = c->pc;
        return true;
    case RV_EXC_INSN_ACCESS:
    case RV_EXC_LOAD_ACCESS:
    case RV_EXC_STORE_ACCESS:
    case RV_EXC_INSN_PAGE:
    case RV_EXC_LOAD_PAGE:
    case RV_EXC_STORE_PAGE:
        *signo = SIGSEGV;
        *code = SEGV_MAPERR;
        return true;
    default:
        *signo = SIGILL;
        *code = ILL_ILLOPC;
        *addr = c->pc;
        return true;
    }
}

static void fault_access(struct cpu_env *c, uint64_t addr, enum rt_access access)
{
    (void)access;
    riscv_env(c)->tval = addr;
}

static uint32_t page_fault(enum rt_access access)
{
    return access == RT_EXEC ? RV_EXC_INSN_PAGE : access == RT_WRITE ? RV_EXC_STORE_PAGE : RV_EXC_LOAD_PAGE;
}

/* --- signal frames ------------------------------------------------------------------------------------------------- */

struct frame {
    uint8_t siginfo[128];
    uint64_t uc_flags, uc_link, uc_stack[3];   /* sp, flags, size */
    uint64_t uc_sigmask;
    uint8_t unused[128 - 8];
    uint64_t pad;                              /* the machine context is aligned to 16 bytes */
    uint64_t pc, x1[31];
    uint64_t f[32];
    uint32_t fcsr, reserved[3];
} __attribute__((aligned(16)));

/* The kernel's union of floating-point states is as large as the quad-precision one. */
enum { FP_UNION_BYTES = 64 * 8 + 16, FRAME_BYTES = offsetof(struct frame, f) + FP_UNION_BYTES };
_Static_assert(offsetof(struct frame, pc) == 128 + 176, "uc_mcontext");
_Static_assert(FRAME_BYTES == 128 + 960, "struct rt_sigframe");

static int push_sigframe(struct cpu_env *c, const struct user_sigframe *s)
{
    struct riscv_env *env = riscv_env(c);
    uint64_t sp = (s->sp - FRAME_BYTES) & ~UINT64_C(15);
    union { struct frame f; uint8_t bytes[FRAME_BYTES]; } u;

    memcpy(u.f.siginfo, s->siginfo, MIN(s->siginfo_bytes, sizeof u.f.siginfo));
    u.f.uc_flags = u.f.uc_link = u.f.pad = 0;
    memcpy(u.f.uc_stack, s->altstack, sizeof u.f.uc_stack);
    u.f.uc_sigmask = s->oldmask;
    memset(u.f.unused, 0, sizeof u.f.unused);
    u.f.pc = c->pc;
    memcpy(u.f.x1, env->x1, sizeof u.f.x1);
    memcpy(u.f.f, env->f, sizeof u.f.f);
    u.f.fcsr = env->frm << 5 | riscv_fflags(env);
    memset(u.f.reserved, 0, FP_UNION_BYTES - sizeof u.f.f - sizeof u.f.fcsr);
    if (user_write(sp, &u, FRAME_BYTES) < 0)
        return -EFAULT;
    riscv_set_x(env, RA, s->restorer);
    riscv_set_x(env, SP, sp);
    riscv_set_x(env, A0, (uint64_t)s->signo);
    riscv_set_x(env, A1, sp);
    riscv_set_x(env, A2, sp + sizeof u.f.siginfo);
    c->pc = s->handler;
    return 0;
}

static int pop_sigframe(struct cpu_env *c, struct user_sigframe *s)
{
    struct riscv_env *env = riscv_env(c);
    struct frame f;

    if (riscv_x(env, SP) & 15 || user_read(&f, riscv_x(env, SP), sizeof f) < 0)
        return -EFAULT;
    if (f.reserved[0] | f.reserved[1] | f.reserved[2])
        return -EFAULT;
    c->pc = f.pc & ~UINT64_C(1);
    memcpy(env->x1, f.x1, sizeof env->x1);
    memcpy(env->f, f.f, sizeof env->f);
    riscv_set_fflags(env, f.fcsr & 31);
    riscv_set_frm(env, f.fcsr >> 5 & 7);
    env->res_addr = UINT64_MAX;
    s->oldmask = f.uc_sigmask;
    memcpy(s->altstack, f.uc_stack, sizeof s->altstack);
    s->altstack[1] = (uint32_t)s->altstack[1];
    return 0;
}

/* What both widths have. */
static bool vdso_ok(const void *model) { return ((const struct riscv_model *)model)->has[RV_F_m]; }   /* it divides */

#define COMMON \
    .page_size = 4096, .time_hz = USER_TIME_HZ, \
    .get_syscall = get_syscall, .set_result = set_result, .restart_syscall = restart_syscall, \
    .start = start, .copy_regs = copy_regs, .set_tls = set_tls, .set_sp = set_sp, .get_sp = get_sp, \
    .hwcap = hwcap, .elf_ok = elf_ok, .cpuinfo = cpuinfo, .probe = probe, \
    .to_signal = to_signal, .fault_access = fault_access, .page_fault = page_fault, \
    .sigreturn_code = { 0x08b00893 /* li a7, 139 */, 0x00000073 /* ecall */ }, \
    .minsigstksz = 2048

const struct target_user riscv32_user = {
    COMMON,
    .address_limit = UINT64_C(1) << 32,
    .pie_base = 0x00400000, .mmap_top = 0xf7fff000, .stack_top = 0xfffe0000,
    .uname_machine = "riscv32",
    .syscalls = syscalls32, .nsyscalls = ARRAY_LEN(syscalls32),
    .push_sigframe = riscv32_push_sigframe, .pop_sigframe = riscv32_pop_sigframe,
};

const struct target_user riscv64_user = {
    COMMON,
    .address_limit = UINT64_C(1) << 46,
    /* all within 2^38: Sv39, which some programs take for granted */
    .pie_base = UINT64_C(0x2aaaaaa000), .mmap_top = UINT64_C(0x3f3ffff000), .stack_top = UINT64_C(0x3ffffff000),
    .uname_machine = "riscv64", .vdso = &riscv64_vdso, .vdso_ok = vdso_ok,
    .syscalls = syscalls, .nsyscalls = ARRAY_LEN(syscalls),
    .push_sigframe = push_sigframe, .pop_sigframe = pop_sigframe,
};
