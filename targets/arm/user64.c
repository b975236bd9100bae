/* targets/arm/user64.c - what user mode needs to know of AArch64: system call registers, start-up, signal frames, hwcaps.
 *
 * Sources: Linux, arch/arm64/kernel/signal.c, arch/arm64/include/uapi/asm/{sigcontext,ucontext,hwcap}.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/user/mmap.h"
#include "core/user/syscall.h"
#include "targets/arm/bti.h"
#include "targets/arm/model.h"
#include "targets/arm/pauth.h"
#include "targets/arm/state.h"
#include "targets/arm/target.h"
#include "targets/arm/user.h"

enum { SVC_BYTES = 4 };

static const struct user_syscall *const syscalls[] = {
#define NR(number, name) [number] = &user_syscall_##name,
#define NR64(number, name) NR(number, name)
#define NR32(number, name)
#include "core/user/numbers_generic.def"
#undef NR
#undef NR64
#undef NR32
};

static void get_syscall(const struct cpu_env *c, uint64_t *nr, uint64_t arg[6])
{
    const struct arm_env *env = arm_env(c);

    *nr = env->x[8];
    memcpy(arg, env->x, 6 * sizeof *arg);
}

static void set_result(struct cpu_env *c, uint64_t result) { arm_env(c)->x[0] = result; }

static void restart_syscall(struct cpu_env *c, uint64_t nr, uint64_t arg0)
{
    arm_env(c)->x[8] = nr;
    arm_env(c)->x[0] = arg0;
    c->pc -= SVC_BYTES;
}

static void start(struct cpu_env *c, uint64_t entry, uint64_t sp)
{
    arm_env(c)->sp = sp;
    c->pc = entry;
}

static void set_tls(struct cpu_env *c, uint64_t tls) { arm_env(c)->tpidr_el0 = tls; }
static void set_sp(struct cpu_env *c, uint64_t sp) { arm_env(c)->sp = sp; }
static uint64_t get_sp(const struct cpu_env *c) { return arm_env(c)->sp; }

/* --- hwcaps: uapi/asm/hwcap.h ------------------------------------------------------------------------------------------ */

static const struct arm_cap caps[] = {
    { -1, 0, false, "fp" }, { -1, 1, false, "asimd" }, { ARM_F_aes, 3, false, "aes" }, { ARM_F_pmull, 4, false, "pmull" },
    { ARM_F_sha1, 5, false, "sha1" }, { ARM_F_sha2, 6, false, "sha2" }, { ARM_F_crc32, 7, false, "crc32" },
    { ARM_F_lse, 8, false, "atomics" }, { ARM_F_fp16, 9, false, "fphp" }, { ARM_F_fp16, 10, false, "asimdhp" },
    { -1, 11, false, "cpuid" }, { ARM_F_rdm, 12, false, "asimdrdm" }, { ARM_F_jscvt, 13, false, "jscvt" },
    { ARM_F_fcma, 14, false, "fcma" }, { ARM_F_lrcpc, 15, false, "lrcpc" }, { ARM_F_dpb, 16, false, "dcpop" },
    { ARM_F_sha3, 17, false, "sha3" }, { ARM_F_dotprod, 20, false, "asimddp" }, { ARM_F_sha512, 21, false, "sha512" },
    { ARM_F_fhm, 23, false, "asimdfhm" }, { ARM_F_lse2, 25, false, "uscat" }, { ARM_F_lrcpc2, 26, false, "ilrcpc" },
    { ARM_F_flagm, 27, false, "flagm" }, { ARM_F_ssbs, 28, false, "ssbs" }, { ARM_F_sb, 29, false, "sb" },
    { ARM_F_pauth, 30, false, "paca" }, { ARM_F_pauth, 31, false, "pacg" }, { ARM_F_dpb2, 0, true, "dcpodp" },
    { ARM_F_flagm2, 7, true, "flagm2" }, { ARM_F_frintts, 8, true, "frint" }, { ARM_F_i8mm, 13, true, "i8mm" },
    { ARM_F_bf16, 14, true, "bf16" }, { ARM_F_rng, 16, true, "rng" }, { ARM_F_bti, 17, true, "bti" },
};

static uint64_t hwcap(const void *model, uint64_t *hwcap2) { return arm_user_hwcap(caps, ARRAY_LEN(caps), model, hwcap2); }

static void cpuinfo(const void *model, unsigned cpus, void *to)
{
    for (unsigned n = 0; n < cpus; n++) {
        fprintf(to, "processor\t: %u\nBogoMIPS\t: 125.00\n", n);
        arm_user_features(to, caps, ARRAY_LEN(caps), model);
        arm_user_identity(to, model, 8);
    }
}

static int page_rights(const void *model) { return ((const struct arm_model *)model)->has[ARM_F_bti] ? USER_PROT_GUARDED : 0; }

/* --- exceptions ---------------------------------------------------------------------------------------------------------- */

static bool to_signal(struct cpu_env *c, uint32_t exception, int *signo, int *code, uint64_t *addr)
{
    bool is;

    if (exception == ARM_EXC_BTI)
        c->pc = arm_env(c)->far;               /* it is the instruction that was branched to */
    is = arm_user_to_signal(c, exception, c->pc, signo, code, addr);
    if (exception == ARM_EXC_PAUTH_FAIL)
        *code = ILL_ILLOPN;
    return is;
}

static void fault_access(struct cpu_env *c, uint64_t addr, enum rt_access access)
{
    arm_env(c)->far = addr;
    arm_env(c)->esr = (access == RT_EXEC ? 0x82000006u : access == RT_WRITE ? 0x92000046u : 0x92000006u);
}

/* --- signal frames --------------------------------------------------------------------------------------------------------- */

#define FPSIMD_MAGIC 0x46508001u
#define ESR_MAGIC 0x45535201u

struct fpsimd {
    uint32_t magic, size, fpsr, fpcr;
    uint8_t v[32][16];
};

struct frame {
    uint8_t siginfo[128];
    uint64_t uc_flags, uc_link, uc_stack[3];   /* sp, flags, size */
    uint64_t uc_sigmask;
    uint8_t unused[128 - 8];
    uint64_t pad;                              /* struct sigcontext is aligned to 16 bytes */
    uint64_t fault_address, x[31], sp, pc, pstate, pad2;
    struct fpsimd fp;
    struct { uint32_t magic, size; uint64_t esr; } esr;
    struct { uint32_t magic, size; } end;
    uint8_t room[4096 - sizeof(struct fpsimd) - 16 - 8];
    uint64_t fp_record, lr_record;             /* a frame record, for unwinding */
} __attribute__((aligned(16)));
_Static_assert(offsetof(struct frame, fault_address) == 128 + 176, "uc_mcontext");
_Static_assert(offsetof(struct frame, fp) == 128 + 176 + 8 * 36, "reserved area of struct sigcontext");

/* Executes on at pc with PSTATE.BTYPE: is that refused? */
static int goes_on(struct cpu_env *c, uint32_t btype)
{
    struct arm_env *env = arm_env(c);

    return btype && env->model->has[ARM_F_bti] && arm_help_bti(c, c->pc, btype | BTI_RETURNED) != BTI_NONE;
}

static int push_sigframe(struct cpu_env *c, const struct user_sigframe *s)
{
    struct arm_env *env = arm_env(c);
    uint64_t sp = (s->sp - sizeof(struct frame)) & ~UINT64_C(15);
    struct frame f;

    memset(&f, 0, sizeof f);
    memcpy(f.siginfo, s->siginfo, MIN(s->siginfo_bytes, sizeof f.siginfo));
    memcpy(f.uc_stack, s->altstack, sizeof f.uc_stack);
    f.uc_sigmask = s->oldmask;
    f.fault_address = env->far;
    memcpy(f.x, env->x, sizeof f.x);
    f.sp = env->sp;
    f.pc = c->pc;
    f.pstate = arm_flags(env) | arm_take_btype(env);
    f.fp = (struct fpsimd){ .magic = FPSIMD_MAGIC, .size = sizeof f.fp, .fpsr = arm_fpsr(env), .fpcr = env->fpcr };
    memcpy(f.fp.v, env->v, sizeof f.fp.v);
    f.esr.magic = ESR_MAGIC;
    f.esr.size = sizeof f.esr;
    f.esr.esr = env->esr;
    f.fp_record = env->x[29];
    f.lr_record = env->x[30];
    if (user_write(sp, &f, sizeof f) < 0)
        return -EFAULT;
    env->x[0] = (uint64_t)s->signo;
    env->x[1] = sp;
    env->x[2] = sp + sizeof f.siginfo;
    env->x[29] = sp + offsetof(struct frame, fp_record);
    env->x[30] = s->restorer;
    env->sp = sp;
    c->pc = s->handler;
    return goes_on(c, BTI_CALL);
}

/* The records behind sigcontext, in any order; what is unknown is skipped, as nothing else can be in them here. */
static int read_records(struct arm_env *env, uint64_t at, uint64_t end)
{
    struct { uint32_t magic, size; } head;
    struct fpsimd fp;

    while (at + sizeof head <= end) {
        if (user_read(&head, at, sizeof head) < 0)
            return -EFAULT;
        if (!head.magic)
            return head.size ? -EFAULT : 0;
        if (head.size < sizeof head || head.size > end - at || head.size % 16)
            return -EFAULT;
        if (head.magic == FPSIMD_MAGIC) {
            if (head.size != sizeof fp || user_read(&fp, at, sizeof fp) < 0)
                return -EFAULT;
            memcpy(env->v, fp.v, sizeof env->v);
            arm_set_fpcr(env, fp.fpcr);
            arm_set_fpsr(env, fp.fpsr);
        }
        at += head.size;
    }
    return 0;
}

static int pop_sigframe(struct cpu_env *c, struct user_sigframe *s)
{
    struct arm_env *env = arm_env(c);
    uint64_t sp = env->sp;
    struct frame f;

    if (sp & 15 || user_read(&f, sp, offsetof(struct frame, fp)) < 0 ||
        read_records(env, sp + offsetof(struct frame, fp), sp + offsetof(struct frame, fp_record)) < 0)
        return -EFAULT;
    memcpy(env->x, f.x, sizeof env->x);
    env->sp = f.sp;
    c->pc = f.pc;
    env->cc_op = ARM_CC_NZCV;
    env->cc_a = f.pstate & 0xf0000000;
    env->excl_addr = ~UINT64_C(0);
    s->oldmask = f.uc_sigmask;
    memcpy(s->altstack, f.uc_stack, sizeof s->altstack);
    s->altstack[1] = (uint32_t)s->altstack[1];
    return goes_on(c, f.pstate >> PSTATE_BTYPE_SHIFT & 3);
}

const struct target_user arm64_user = {
    .address_limit = UINT64_C(1) << 46,
#if defined(__SANITIZE_ADDRESS__)               /* beside its shadow memory there is less room */
    .pie_base = UINT64_C(0x2aaaa00000), .mmap_top = UINT64_C(0x3f7ff00000), .stack_top = UINT64_C(0x3ffff00000),
#else
    .pie_base = UINT64_C(0x2aaaaaa00000), .mmap_top = UINT64_C(0x3f7ffff00000), .stack_top = UINT64_C(0x3fffffff0000),
#endif
    .page_size = 4096, .time_hz = ARM_USER_TIME_HZ, .uname_machine = "aarch64", .platform = "aarch64",
    .syscalls = syscalls, .nsyscalls = ARRAY_LEN(syscalls),
    .get_syscall = get_syscall, .set_result = set_result, .restart_syscall = restart_syscall,
    .start = start, .copy_regs = arm_user_copy_regs, .set_tls = set_tls, .set_sp = set_sp, .get_sp = get_sp,
    .hwcap = hwcap, .cpuinfo = cpuinfo, .to_signal = to_signal, .fault_access = fault_access, .page_fault = arm_user_page_fault,
    .sigreturn_code = { 0xd2801168 /* mov x8, 139 */, 0xd4000001 /* svc 0 */ },
    .vdso = &arm64_vdso, .minsigstksz = 5120, .sa_restorer = true, .arm_open_flags = true,
    .prctl = pauth_prctl, .page_rights = page_rights, .push_sigframe = push_sigframe, .pop_sigframe = pop_sigframe,
};
