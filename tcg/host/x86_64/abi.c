/* tcg/host/x86_64/abi.c - the trampolines: into generated code, out of it, and to the slow paths.
 *
 * enter builds struct rt_frame on the host stack and leaves everything it needs to come back in it; env->frame says
 * where it is, so that unwind can end generated code from any depth of C. */
#include <asm/prctl.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "tcg/host/x86_64/emit.h"
#include "tcg/host/x86_64/soft.h"

struct x64_trampolines x64_trampolines;
static uint64_t guest_base;
static __thread uint64_t gs_base;

static const uint8_t saved[] = { RBP, RBX, R12, R13, R14, R15 };

static const uint8_t *rx_of(const struct x64_buf *b, const uint8_t *rx)
{
    return rx + x64_here(b);
}

static void write_enter(struct x64_buf *b, const struct host_mode *mode)
{
    for (unsigned k = 0; k < sizeof saved; k++)
        x64_push(b, saved[k]);
    x64_mov(b, true, RAX, RSP);
    x64_alui(b, ALU_SUB, true, x64_r(RSP), sizeof(struct rt_frame));
    x64_alui(b, ALU_AND, true, x64_r(RSP), -64);
    x64_g(b, X_mov_store, true, RAX, x64_frame(X64_RES_RSP));
    x64_stmxcsr(b, x64_frame(X64_RES_MXCSR));
    x64_g(b, X_lea, true, RBP, x64_m(RDI, RT_ENV_BIAS));
    x64_ldmxcsr(b, x64_env(offsetof(struct cpu_env, mxcsr)));
    x64_g(b, X_mov_store, true, RSP, x64_env(offsetof(struct cpu_env, frame)));
    if (mode->system)
        x64_g(b, X_mov_load, true, R14, x64_env(offsetof(struct cpu_env, view)));
    x64_jmp_rm(b, x64_r(RSI));
}

/* rax: the link. Falls into leave. */
static void write_leave_link(struct x64_buf *b, bool system)
{
    x64_g(b, X_mov_load, !system, RCX, x64_m(RAX, offsetof(struct tcg_link, pc)));
    if (system) {                                          /* pc_page is the page that the link goes to already */
        x64_alui(b, ALU_AND, false, x64_r(RCX), (1 << RT_PAGE_BITS) - 1);
        x64_alu(b, ALU_ADD, true, RCX, x64_env(offsetof(struct cpu_env, pc_page)));
    }
    x64_g(b, X_mov_store, true, RCX, x64_env(offsetof(struct cpu_env, pc)));
}

static void write_leave(struct x64_buf *b)
{
    if (b->avx)
        x64_vzeroupper(b);
    x64_stmxcsr(b, x64_env(offsetof(struct cpu_env, mxcsr)));
    x64_ldmxcsr(b, x64_frame(X64_RES_MXCSR));
    x64_g(b, X_mov_load, true, RSP, x64_frame(X64_RES_RSP));
    for (unsigned k = sizeof saved; k-- > 0;)
        x64_pop(b, saved[k]);
    x64_u8(b, 0xc3);
}

/* rdi: CPU state, rsi: reason. */
static void write_unwind(struct x64_buf *b)
{
    x64_g(b, X_lea, true, RBP, x64_m(RDI, RT_ENV_BIAS));
    x64_g(b, X_mov_load, true, RSP, x64_env(offsetof(struct cpu_env, frame)));
    x64_mov(b, true, RAX, RSI);
}

static void write_check_page(struct x64_buf *b)
{
    enum { ENTRY_SHIFT = RT_PAGE_BITS - 4, INDEX = ((1 << RT_ITLB_BITS) - 1) * sizeof(struct rt_itlb_entry) };
    struct x64_rm tag = x64_m(R14, offsetof(struct rt_view, itlb) + offsetof(struct rt_itlb_entry, tag));
    struct x64_rm host = x64_m(R14, offsetof(struct rt_view, itlb) + offsetof(struct rt_itlb_entry, host));
    uint32_t differs;

    _Static_assert(sizeof(struct rt_itlb_entry) == 16, "the page number is scaled by a shift");
    tag.index = host.index = RAX;
    x64_mov(b, false, RAX, RCX);
    x64_shift(b, SH_SHR, false, RAX, ENTRY_SHIFT);
    x64_alui(b, ALU_AND, false, x64_r(RAX), INDEX);
    x64_alu(b, ALU_CMP, true, RCX, tag);
    differs = x64_jcc8(b, CC_NE);
    x64_alu(b, ALU_CMP, true, RTMP, host);
    x64_bind8(b, differs);
    x64_u8(b, 0xc3);
}

/* Arguments that the stub pushed, last first, behind the return address. r11 is the guest address. */
static const struct slow_shape {
    uint8_t pushed;                            /* words */
    bool vec;                                  /* the second C argument after the address is the vector buffer */
} shapes[SLOW_NKINDS] = {
    [SLOW_LOAD] = { 1, false }, [SLOW_STORE] = { 2, false }, [SLOW_LOADV] = { 1, true }, [SLOW_STOREV] = { 1, true },
    [SLOW_AMO] = { 3, false }, [SLOW_CAS] = { 3, false },
    [SLOW_NAN] = { 1, true }, [SLOW_VEC] = { 2, true },
};

static void move_vectors(struct x64_buf *b, enum x64_save save, int64_t frame, bool store)
{
    for (unsigned k = 0; save != SAVE_GPR && k < 15; k++) {
        struct x64_rm m = x64_m(RSP, (int32_t)(frame + (int64_t)offsetof(struct rt_frame, vec) + 32 * k));

        x64_vv(b, store ? X_movups_m : X_movups, save == SAVE_YMM && b->avx, k, m);
    }
}

static void move_gprs(struct x64_buf *b, int64_t frame, bool store)
{
    for (unsigned k = 0; k < 16; k++)
        if (k != RSP && k != RTMP && (store || (k != RBP && k != RBX && (k < R12))))
            x64_g(b, store ? X_mov_store : X_mov_load, true, k,
                  x64_m(RSP, (int32_t)(frame + (int64_t)offsetof(struct rt_frame, gpr) + 8 * k)));
}

/* The C arguments: rdi the CPU state, rsi the address, then by kind what the stub pushed, then host_pc. */
static void load_arguments(struct x64_buf *b, enum x64_slow kind, int64_t ret)
{
    struct x64_rm pc = x64_m(RSP, (int32_t)ret), p1 = x64_m(RSP, (int32_t)ret + 8), p2 = x64_m(RSP, (int32_t)ret + 16),
                  p3 = x64_m(RSP, (int32_t)ret + 24);

    x64_g(b, X_lea, true, RDI, x64_m(RBP, -RT_ENV_BIAS));
    x64_mov(b, true, RSI, RTMP);
    switch (kind) {
    case SLOW_LOAD:                                        /* memop, host_pc */
        x64_g(b, X_mov_load, false, RDX, p1);
        x64_g(b, X_mov_load, true, RCX, pc);
        break;
    case SLOW_STORE:                                       /* val, memop, host_pc */
        x64_g(b, X_mov_load, true, RDX, p2);
        x64_g(b, X_mov_load, false, RCX, p1);
        x64_g(b, X_mov_load, true, R8, pc);
        break;
    case SLOW_LOADV: case SLOW_STOREV: case SLOW_NAN:                   /* buffer, memop, host_pc */
        x64_g(b, X_lea, true, RDX, x64_m(RSP, (int32_t)ret + 8 + 8 * shapes[kind].pushed + X64_VEC_BUF));
        x64_g(b, X_mov_load, false, RCX, p1);
        x64_g(b, X_mov_load, true, R8, pc);
        break;
    case SLOW_VEC:                                         /* buffer, what, registers */
        x64_g(b, X_lea, true, RDX, x64_m(RSP, (int32_t)ret + 8 + 8 * shapes[kind].pushed + X64_VEC_BUF));
        x64_g(b, X_mov_load, false, RCX, p1);
        x64_g(b, X_mov_load, false, R8, p2);
        break;
    case SLOW_AMO:                                         /* val, memop, kind, host_pc */
        x64_g(b, X_mov_load, true, RDX, p3);
        x64_g(b, X_mov_load, false, RCX, p1);
        x64_g(b, X_mov_load, false, R8, p2);
        x64_g(b, X_mov_load, true, R9, pc);
        break;
    default:                                               /* expect, desired, memop, host_pc */
        x64_g(b, X_mov_load, true, RDX, p2);
        x64_g(b, X_mov_load, true, RCX, p3);
        x64_g(b, X_mov_load, false, R8, p1);
        x64_g(b, X_mov_load, true, R9, pc);
        break;
    }
}

/* Saves every register where a state map looks for it, calls C on an aligned stack, and puts back what C may have
 * changed. The result goes to the stub in r11. */
static void write_slow(struct x64_buf *b, enum x64_slow kind, enum x64_save save, const void *fn)
{
    unsigned pushed = shapes[kind].pushed;
    int32_t pad = (pushed + 1) % 2 ? 8 : 0;
    int64_t frame = 8 + 8 * (int64_t)pushed + pad;

    if (pad)
        x64_alui(b, ALU_SUB, true, x64_r(RSP), pad);
    move_gprs(b, frame, true);
    move_vectors(b, save, frame, true);
    load_arguments(b, kind, pad);
    if (b->avx)
        x64_vzeroupper(b);
    x64_movi_keep(b, RAX, (uintptr_t)fn);
    x64_call_r(b, RAX);
    x64_mov(b, true, RTMP, RAX);
    move_vectors(b, save, frame, false);
    move_gprs(b, frame, false);
    if (pad)
        x64_alui(b, ALU_ADD, true, x64_r(RSP), pad);
    x64_u8(b, 0xc2);                                       /* ret, dropping what the stub pushed */
    x64_u8(b, (uint8_t)(8 * pushed));
    x64_u8(b, 0);
}

static void write_all_slow(struct x64_buf *b, const uint8_t *rx, const struct tcg_runtime_calls *calls)
{
    const void *fn[SLOW_NKINDS] = {
        [SLOW_LOAD] = calls->load, [SLOW_STORE] = calls->store, [SLOW_LOADV] = calls->load_vec,
        [SLOW_STOREV] = calls->store_vec, [SLOW_AMO] = calls->amo, [SLOW_CAS] = calls->cas,
        [SLOW_NAN] = (const void *)soft_nan, [SLOW_VEC] = (const void *)soft_vec,
    };

    for (unsigned kind = 0; kind < SLOW_NKINDS; kind++)
        for (unsigned save = 0; save < SAVE_NKINDS; save++) {
            x64_align(b, 16, 0);
            x64_trampolines.slow[kind][save] = rx_of(b, rx);
            write_slow(b, kind, save, fn[kind]);
        }
}

int host_init(const struct host_mode *mode, const struct tcg_runtime_calls *calls, uint8_t *rw, const uint8_t *rx,
              size_t room)
{
    struct x64_buf b;
    uint32_t unwind;

    x64_cpu_detect(NULL);
    guest_base = mode->system ? 0 : mode->guest_base;
    x64_buf_init(&b, rw, room, x64_cpu.avx);
    x64_trampolines.enter = (uint64_t (*)(struct cpu_env *, const void *))(uintptr_t)rx;
    write_enter(&b, mode);
    x64_align(&b, 16, 0);
    x64_trampolines.unwind = rx_of(&b, rx);
    write_unwind(&b);
    unwind = x64_jmp(&b);
    x64_align(&b, 16, 0);
    x64_trampolines.leave_link = rx_of(&b, rx);
    write_leave_link(&b, mode->system);
    x64_trampolines.leave = rx_of(&b, rx);
    x64_bind(&b, unwind, x64_here(&b));
    write_leave(&b);
    if (mode->system) {
        x64_align(&b, 16, 0);
        x64_trampolines.check_page = rx_of(&b, rx);
        write_check_page(&b);
    }
    write_all_slow(&b, rx, calls);
    x64_align(&b, 64, 0);
    return b.full ? -ENOSPC : (int)x64_here(&b);
}

uint64_t host_enter(struct cpu_env *env, const void *code)
{
    if (gs_base != guest_base) {                           /* once per thread */
        syscall(SYS_arch_prctl, ARCH_SET_GS, guest_base);
        gs_base = guest_base;
    }
    return x64_trampolines.enter(env, code);
}

const void *host_leave_address(void)
{
    return x64_trampolines.leave;
}

struct rt_frame *host_frame(const struct cpu_env *env)
{
    return env->frame;
}

void host_unwind(struct cpu_env *env, uint64_t reason)
{
    ((void (*)(struct cpu_env *, uint64_t))(uintptr_t)x64_trampolines.unwind)(env, reason);
    __builtin_unreachable();
}

/* --- patching ---------------------------------------------------------------------------------------------------------- */

void host_jump(uint8_t *rw_field, const uint8_t *rx_field, const uint8_t *target)
{
    int32_t rel = (int32_t)(target - (rx_field + 4));

    __atomic_store_n((int32_t *)(void *)rw_field, rel, __ATOMIC_RELEASE);
}

void host_link(struct tcg_link *l, uint8_t *rw_field, const uint8_t *target) { host_jump(rw_field, l->field, target); }

void host_redirect(uint8_t *rw_entry, const uint8_t *rx_entry, const uint8_t *target)
{
    int32_t rel = (int32_t)(target - (rx_entry + 5));
    uint8_t bytes[8];
    uint64_t word;

    memcpy(bytes, rw_entry, 8);
    bytes[0] = 0xe9;
    memcpy(bytes + 1, &rel, 4);
    memcpy(&word, bytes, 8);
    __atomic_store_n((uint64_t *)(void *)rw_entry, word, __ATOMIC_RELEASE);
}

/* --- signals ------------------------------------------------------------------------------------------------------------ */

/* Behind the legacy area: magic and feature mask at byte 464, XSAVE header at 512, upper halves of ymm at 576.
 * Source: Linux, asm/sigcontext.h; Intel SDM vol. 1, 13.4. */
static void upper_halves(struct rt_frame *f, const void *fpregs)
{
    const uint8_t *p = fpregs;
    uint64_t present;

    if (load_le32(p + 464) != 0x46505853)
        return;
    present = load_le64(p + 512);
    for (unsigned k = 0; k < 16; k++)
        if (present & 4)
            memcpy(f->vec[k] + 16, p + 576 + 16 * k, 16);
        else
            memset(f->vec[k] + 16, 0, 16);
}

struct rt_frame *host_frame_from_signal(void *ucontext, uintptr_t *host_pc)
{
    static const uint8_t greg[16] = {
        REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11,
        REG_R12, REG_R13, REG_R14, REG_R15,
    };
    ucontext_t *uc = ucontext;
    struct rt_frame *f = (struct rt_frame *)(uintptr_t)uc->uc_mcontext.gregs[REG_RSP];

    *host_pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
    for (unsigned k = 0; k < 16; k++)
        f->gpr[k] = (uint64_t)uc->uc_mcontext.gregs[greg[k]];
    for (unsigned k = 0; k < 16; k++)
        memcpy(f->vec[k], &uc->uc_mcontext.fpregs->_xmm[k], 16);
    upper_halves(f, uc->uc_mcontext.fpregs);
    return f;
}
