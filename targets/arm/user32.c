/* targets/arm/user32.c - what user mode needs to know of AArch32 (EABI): system call registers, start-up, signal frames,
 * hwcaps, the page of kernel helpers.
 *
 * Sources: Linux, arch/arm/kernel/signal.c, arch/arm/include/uapi/asm/{sigcontext,ucontext,hwcap}.h,
 * Documentation/arch/arm/kernel_user_helpers.rst. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/user/syscall.h"
#include "targets/arm/model.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"
#include "targets/arm/user.h"

/* ARM's own calls follow the others in the table. */
enum { ARM_PRIVATE = 480, ARM_PRIVATE_NR = 0xf0000, R7 = 7, SP = 13, LR = 14 };

static const struct user_syscall *const syscalls[] = {
#define NR(number, name) [number] = &user_syscall_##name,
#include "core/user/numbers_arm.def"
#undef NR
};

static uint32_t reg(const struct arm_env *env, unsigned r) { return (uint32_t)env->x[r]; }

static void get_syscall(const struct cpu_env *c, uint64_t *nr, uint64_t arg[USER_NARGS])
{
    const struct arm_env *env = arm_env(c);

    *nr = reg(env, R7);
    if (*nr >= ARM_PRIVATE)
        *nr = *nr >= ARM_PRIVATE_NR && *nr < ARM_PRIVATE_NR + 16 ? *nr - ARM_PRIVATE_NR + ARM_PRIVATE : UINT32_MAX;
    for (unsigned i = 0; i < USER_NARGS; i++)
        arg[i] = reg(env, i);
}

static void set_result(struct cpu_env *c, uint64_t result) { arm_env(c)->x[0] = (uint32_t)result; }

/* r7 still holds the number: a call never changes it. */
static void restart_syscall(struct cpu_env *c, uint64_t nr, uint64_t arg0)
{
    (void)nr;
    arm_env(c)->x[0] = (uint32_t)arg0;
    c->pc -= c->pc & 1 ? 2 : 4;
}

static void start(struct cpu_env *c, uint64_t entry, uint64_t sp)
{
    arm_env(c)->x[SP] = sp;
    c->pc = entry;
}

static void set_tls(struct cpu_env *c, uint64_t tls) { arm_env(c)->tpidrro_el0 = (uint32_t)tls; }
static uint64_t get_tls(const struct cpu_env *c) { return arm_env(c)->tpidrro_el0; }
static void set_sp(struct cpu_env *c, uint64_t sp) { arm_env(c)->x[SP] = (uint32_t)sp; }
static uint64_t get_sp(const struct cpu_env *c) { return reg(arm_env(c), SP); }

/* --- programs and the CPU ------------------------------------------------------------------------------------------------ */

enum { EF_EABI_SHIFT = 24, EF_BE8 = 0x00800000 };

static bool elf_ok(uint32_t e_flags, const void *model, struct error *err)
{
    (void)model;
    if (e_flags >> EF_EABI_SHIFT < 4) {
        error_set(err, ENOEXEC, "the program is built for ARM's old ABI (EABI version %u); Rhea runs EABI 4 and 5, as every "
                  "distribution since 2009 has it", e_flags >> EF_EABI_SHIFT);
        return false;
    }
    if (e_flags & EF_BE8) {
        error_set(err, ENOEXEC, "the program is big-endian (BE8); Rhea's ARM programs are little-endian");
        return false;
    }
    return true;
}

/* uapi/asm/hwcap.h */
static const struct arm_cap caps[] = {
    { -1, 1, false, "half" }, { -1, 2, false, "thumb" }, { -1, 4, false, "fastmult" }, { ARM_F_vfp, 6, false, "vfp" },
    { -1, 7, false, "edsp" }, { ARM_F_neon, 12, false, "neon" }, { ARM_F_vfp, 13, false, "vfpv3" }, { -1, 15, false, "tls" },
    { ARM_F_vfp4, 16, false, "vfpv4" }, { ARM_F_idiva, 17, false, "idiva" }, { ARM_F_idivt, 18, false, "idivt" },
    { ARM_F_vfp, 19, false, "vfpd32" }, { ARM_F_lpae, 20, false, "lpae" }, { ARM_F_aes, 0, true, "aes" },
    { ARM_F_pmull, 1, true, "pmull" }, { ARM_F_sha1, 2, true, "sha1" }, { ARM_F_sha2, 3, true, "sha2" },
    { ARM_F_crc32, 4, true, "crc32" },
};

static uint64_t hwcap(const void *model, uint64_t *hwcap2) { return arm_user_hwcap(caps, ARRAY_LEN(caps), model, hwcap2); }

static const char *machine(const void *model)
{
    return ((const struct arm_model *)model)->has[ARM_F_v8] ? "armv8l" : "armv7l";
}

static void cpuinfo(const void *model, unsigned cpus, void *to)
{
    const struct arm_model *m = model;
    int version = m->has[ARM_F_v8] ? 8 : 7;

    for (unsigned n = 0; n < cpus; n++) {
        fprintf(to, "processor\t: %u\nmodel name\t: ARMv%d Processor rev %u (v%dl)\nBogoMIPS\t: 125.00\n", n, version,
                (unsigned)(m->midr & 15), version);
        arm_user_features(to, caps, ARRAY_LEN(caps), model);
        arm_user_identity(to, model, version);
    }
}

/* --- exceptions ---------------------------------------------------------------------------------------------------------- */

/* Undefined instructions that debuggers use as breakpoints (Linux, arch/arm/kernel/ptrace.c). */
static bool is_breakpoint(const struct cpu_env *c)
{
    uint64_t pc = (uint32_t)c->pc & ~1u;
    uint16_t half[2] = { 0, 0 };

    if (user_read(&half[0], pc, 2) < 0)
        return false;
    if (c->pc & 1 && half[0] == 0xde01)
        return true;
    if (user_read(&half[1], pc + 2, 2) < 0)
        return false;
    return c->pc & 1 ? half[0] == 0xf7f0 && half[1] == 0xa000
                     : half[0] == 0x01f0 && (half[1] & 0xfff) == 0x7f0;
}

static bool to_signal(struct cpu_env *c, uint32_t exception, int *signo, int *code, uint64_t *addr)
{
    bool is = arm_user_to_signal(c, exception, (uint32_t)c->pc & ~UINT64_C(1), signo, code, addr);

    *addr = (uint32_t)*addr;
    if (*signo == SIGILL && is_breakpoint(c)) {
        *signo = SIGTRAP;
        *code = TRAP_BRKPT;
    }
    return is;
}

static void fault_access(struct cpu_env *c, uint64_t addr, enum rt_access access)
{
    arm_env(c)->far = (uint32_t)addr;
    arm_env(c)->esr = access == RT_WRITE ? 0x805 : 5;            /* as the DFSR: translation fault; WnR */
}

/* --- signal frames --------------------------------------------------------------------------------------------------------- */

#define VFP_MAGIC 0x56465001u
/* What the frame of a handler without siginfo has in uc_flags, so that unwinders can tell the two. */
#define PLAIN_FRAME 0x5ac3c35au

struct vfp_record {
    uint32_t magic, size;
    uint64_t d[32];
    uint32_t fpscr, pad;
    uint32_t fpexc, fpinst, fpinst2, pad2;
};
_Static_assert(sizeof(struct vfp_record) == 0x120, "VFP_STORAGE_SIZE");

struct context {
    uint32_t uc_flags, uc_link, uc_stack[3];   /* sp, flags, size */
    uint32_t trap_no, error_code, oldmask, r[16], cpsr, fault_address;
    uint32_t uc_sigmask[2];
    uint8_t unused[128 - 8];
    struct vfp_record vfp;
    uint32_t end;
    uint8_t room[512 - sizeof(struct vfp_record) - 4];
};
_Static_assert(offsetof(struct context, vfp) == 232, "uc_regspace");

struct frame {
    uint8_t siginfo[128];                      /* only with SA_SIGINFO: the plain frame begins behind it */
    struct context uc;
    uint32_t retcode[4];
};

static uint32_t fpscr(const struct arm_env *env) { return arm_fpsr(env) | env->fpcr; }

static void fill_context(struct context *u, const struct arm_env *env, const struct user_sigframe *s)
{
    u->uc_flags = s->siginfo_wanted ? 0 : PLAIN_FRAME;
    for (unsigned i = 0; i < 3; i++)
        u->uc_stack[i] = s->siginfo_wanted ? (uint32_t)s->altstack[i] : 0;
    u->trap_no = 14;
    u->error_code = env->esr;
    u->oldmask = u->uc_sigmask[0] = (uint32_t)s->oldmask;
    u->uc_sigmask[1] = (uint32_t)(s->oldmask >> 32);
    for (unsigned i = 0; i < 15; i++)
        u->r[i] = reg(env, i);
    u->r[15] = (uint32_t)env->c.pc & ~1u;
    u->cpsr = arm_cpsr(env);
    u->fault_address = (uint32_t)env->far;
    u->vfp = (struct vfp_record){ .magic = VFP_MAGIC, .size = sizeof u->vfp, .fpscr = fpscr(env), .fpexc = 1u << 30 };
    memcpy(u->vfp.d, env->v, sizeof u->vfp.d);
}

static int push_sigframe(struct cpu_env *c, const struct user_sigframe *s)
{
    struct arm_env *env = arm_env(c);
    size_t skip = s->siginfo_wanted ? 0 : offsetof(struct frame, uc);
    uint64_t sp = (s->sp - (sizeof(struct frame) - skip)) & ~UINT64_C(7);
    struct frame f;

    memset(&f, 0, sizeof f);
    memcpy(f.siginfo, s->siginfo, MIN(s->siginfo_bytes, sizeof f.siginfo));
    fill_context(&f.uc, env, s);
    memcpy(f.retcode, user_proc.abi->sigreturn_code, sizeof f.retcode);
    if (user_write(sp, (const uint8_t *)&f + skip, sizeof f - skip) < 0)
        return -EFAULT;
    env->x[0] = (uint32_t)s->signo;
    if (s->siginfo_wanted) {
        env->x[1] = sp;
        env->x[2] = sp + offsetof(struct frame, uc);
    }
    env->x[SP] = sp;
    /* the vDSO has the code of rt_sigreturn first, then that of sigreturn */
    env->x[LR] = (uint32_t)(s->restorer + (s->own_restorer || s->siginfo_wanted ? 0 : 8));
    c->pc = s->handler;                        /* bit 0: Thumb */
    arm_set_cpsr(env, 0, CPSR_IT | PSTATE_E);
    return 0;
}

/* Which of the two frames it is shows in the word that is uc_flags in one and the signal's number in the other. */
static int pop_sigframe(struct cpu_env *c, struct user_sigframe *s)
{
    struct arm_env *env = arm_env(c);
    uint64_t sp = get_sp(c);
    struct context u;
    uint32_t first;

    if (sp & 7 || user_read(&first, sp, 4) < 0 ||
        user_read(&u, first == PLAIN_FRAME ? sp : sp + offsetof(struct frame, uc), offsetof(struct context, room)) < 0)
        return -EFAULT;
    for (unsigned i = 0; i < 15; i++)
        env->x[i] = u.r[i];
    c->pc = u.r[15];
    arm_set_cpsr(env, u.cpsr, CPSR_USER | CPSR_IT | CPSR_T);
    if (u.vfp.magic == VFP_MAGIC && u.vfp.size == sizeof u.vfp) {
        memcpy(env->v, u.vfp.d, sizeof u.vfp.d);
        arm_set_fpcr(env, u.vfp.fpscr);
        arm_set_fpsr(env, u.vfp.fpscr);
    }
    env->excl_addr = ~UINT64_C(0);
    s->oldmask = u.uc_sigmask[0] | (uint64_t)u.uc_sigmask[1] << 32;
    for (unsigned i = 0; i < 3; i++)
        s->altstack[i] = first == PLAIN_FRAME ? (i == 1 ? SS_DISABLE : 0) : u.uc_stack[i];
    return 0;
}

/* --- the kernel's helpers: code at the end of the page at 0xffff0000 ----------------------------------------------------------- */

static const uint32_t helpers[0xa0 / 4] = {
    /* 0xffff0f60: cmpxchg64(r0: expected, r1: new, r2: where) */
    [0x00 / 4] = 0xe92d00f0, /* push {r4, r5, r6, r7} */
    [0x04 / 4] = 0xe1c040d0, /* ldrd r4, [r0] */
    [0x08 / 4] = 0xe1c160d0, /* ldrd r6, [r1] */
    [0x0c / 4] = 0xf57ff05b, /* dmb ish */
    [0x10 / 4] = 0xe1b20f9f, /* ldrexd r0, [r2] */
    [0x14 / 4] = 0xe0303004, /* eors r3, r0, r4 */
    [0x18 / 4] = 0x00313005, /* eorseq r3, r1, r5 */
    [0x1c / 4] = 0x01a23f96, /* strexdeq r3, r6, [r2] */
    [0x20 / 4] = 0x03330001, /* teqeq r3, #1 */
    [0x24 / 4] = 0x0afffff9, /* beq 10 */
    [0x28 / 4] = 0xf57ff05b, /* dmb ish */
    [0x2c / 4] = 0xe2730000, /* rsbs r0, r3, #0 */
    [0x30 / 4] = 0xe8bd00f0, /* pop {r4, r5, r6, r7} */
    [0x34 / 4] = 0xe12fff1e, /* bx lr */
    /* 0xffff0fa0: memory barrier */
    [0x40 / 4] = 0xf57ff05b, /* dmb ish */
    [0x44 / 4] = 0xe12fff1e, /* bx lr */
    /* 0xffff0fc0: cmpxchg(r0: expected, r1: new, r2: where) */
    [0x60 / 4] = 0xf57ff05b, /* dmb ish */
    [0x64 / 4] = 0xe1923f9f, /* ldrex r3, [r2] */
    [0x68 / 4] = 0xe0533000, /* subs r3, r3, r0 */
    [0x6c / 4] = 0x01823f91, /* strexeq r3, r1, [r2] */
    [0x70 / 4] = 0x03330001, /* teqeq r3, #1 */
    [0x74 / 4] = 0x0afffffa, /* beq 64 */
    [0x78 / 4] = 0xe2730000, /* rsbs r0, r3, #0 */
    [0x7c / 4] = 0xeaffffef, /* b 40 */
    /* 0xffff0fe0: get_tls */
    [0x80 / 4] = 0xee1d0f70, /* mrc 15, 0, r0, cr13, cr0, {3} */
    [0x84 / 4] = 0xe12fff1e, /* bx lr */
    /* 0xffff0ffc: number of helpers */
    [0x9c / 4] = 0x00000005,
};

const struct target_user arm32_user = {
    .address_limit = UINT64_C(1) << 32,
    .pie_base = 0x00400000, .mmap_top = 0xf7fff000, .stack_top = 0xfffe0000,
    .page_size = 4096, .time_hz = ARM_USER_TIME_HZ, .machine = machine, .platform = "v7l",
    .syscalls = syscalls, .nsyscalls = ARRAY_LEN(syscalls),
    .get_syscall = get_syscall, .set_result = set_result, .restart_syscall = restart_syscall,
    .start = start, .copy_regs = arm_user_copy_regs, .set_tls = set_tls, .get_tls = get_tls, .set_sp = set_sp, .get_sp = get_sp,
    .hwcap = hwcap, .elf_ok = elf_ok, .cpuinfo = cpuinfo, .to_signal = to_signal, .fault_access = fault_access,
    .page_fault = arm_user_page_fault,
    .sigreturn_code = { 0xe3a070ad /* mov r7, 173 */, 0xef000000 /* svc 0 */, 0xe3a07077 /* mov r7, 119 */, 0xef000000 },
    .vdso = &arm32_vdso,
    .minsigstksz = 2048, .sa_restorer = true, .arm_open_flags = true, .pairs_aligned = true,
    .fixed_page = 0xffff0000, .fixed_code = helpers, .fixed_bytes = sizeof helpers,
    .push_sigframe = push_sigframe, .pop_sigframe = pop_sigframe,
};
