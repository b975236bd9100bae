/* Signal frames of 32-bit RISC-V programs. Source: Linux, arch/riscv/include/uapi/asm/{ptrace,ucontext}.h. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/user/syscall.h"
#include "targets/riscv/state.h"
#include "targets/riscv/user.h"

enum { RA = 1, SP = 2, A0 = 10 };

struct frame {
    uint8_t siginfo[128];
    uint32_t uc_flags, uc_link, uc_stack[3];   /* sp, flags, size */
    uint32_t uc_sigmask[2];
    uint8_t unused[128 - 8];
    uint8_t pad[12];                           /* the machine context is aligned to 16 bytes */
    uint32_t pc, x1[31];
    uint64_t f[32];
    uint32_t fcsr, reserved[3];
} __attribute__((aligned(16)));

/* The kernel's union of floating-point states is as large as the quad-precision one. */
enum { FP_UNION_BYTES = 64 * 8 + 16, FRAME_BYTES = offsetof(struct frame, f) + FP_UNION_BYTES };
_Static_assert(offsetof(struct frame, pc) == 128 + 160, "uc_mcontext");
_Static_assert(offsetof(struct frame, f) == 128 + 160 + 128, "sc_fpregs");

int riscv32_push_sigframe(struct cpu_env *c, const struct user_sigframe *s)
{
    struct riscv_env *env = riscv_env(c);
    uint64_t sp = (s->sp - FRAME_BYTES) & ~UINT64_C(15);
    union { struct frame f; uint8_t bytes[FRAME_BYTES]; } u;

    memset(&u, 0, sizeof u);
    memcpy(u.f.siginfo, s->siginfo, MIN(s->siginfo_bytes, sizeof u.f.siginfo));
    for (unsigned i = 0; i < 3; i++)
        u.f.uc_stack[i] = (uint32_t)s->altstack[i];
    u.f.uc_sigmask[0] = (uint32_t)s->oldmask;
    u.f.uc_sigmask[1] = (uint32_t)(s->oldmask >> 32);
    u.f.pc = (uint32_t)c->pc;
    for (unsigned i = 0; i < 31; i++)
        u.f.x1[i] = (uint32_t)env->x1[i];
    memcpy(u.f.f, env->f, sizeof u.f.f);
    u.f.fcsr = env->frm << 5 | riscv_fflags(env);
    if (user_write(sp, &u, FRAME_BYTES) < 0)
        return -EFAULT;
    riscv_set_x(env, RA, s->restorer);
    riscv_set_x(env, SP, sp);
    riscv_set_x(env, A0, (uint64_t)s->signo);
    riscv_set_x(env, A0 + 1, sp);
    riscv_set_x(env, A0 + 2, sp + sizeof u.f.siginfo);
    c->pc = s->handler;
    return 0;
}

int riscv32_pop_sigframe(struct cpu_env *c, struct user_sigframe *s)
{
    struct riscv_env *env = riscv_env(c);
    struct frame f;

    if (riscv_x(env, SP) & 15 || user_read(&f, riscv_x(env, SP), sizeof f) < 0)
        return -EFAULT;
    if (f.reserved[0] | f.reserved[1] | f.reserved[2])
        return -EFAULT;
    c->pc = f.pc & ~1u;
    for (unsigned i = 0; i < 31; i++)
        env->x1[i] = f.x1[i];
    memcpy(env->f, f.f, sizeof env->f);
    riscv_set_fflags(env, f.fcsr & 31);
    riscv_set_frm(env, f.fcsr >> 5 & 7);
    env->res_addr = UINT64_MAX;
    s->oldmask = f.uc_sigmask[0] | (uint64_t)f.uc_sigmask[1] << 32;
    for (unsigned i = 0; i < 3; i++)
        s->altstack[i] = f.uc_stack[i];
    return 0;
}
