/* tcg/runtime.h - what generated code and helpers rely on at run time: the layout they address, and what they call.
 *
 * The layout is read by generated code, so the structs are open. The functions are defined by accel/tcg; tcg and the
 * targets only declare their need for them here.
 *
 * Host registers in generated code (x86-64): rbp = CPU state + RT_ENV_BIAS; r14 = struct rt_view of the current address
 * space (system mode; free for allocation in user mode, where the view is at a fixed offset of the CPU state);
 * rsp = struct rt_frame; r11 and xmm15 are the emitter's scratch. MXCSR holds the guest's rounding mode, all exceptions
 * masked, and collects the guest's sticky flags. Between translations every guest register is in its home. */
#ifndef TCG_RUNTIME_H
#define TCG_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;
struct rt_frame;
struct rt_view;

enum { RT_ENV_BIAS = 200 };                    /* homes at 72..327 of the state are reached with an 8-bit displacement */

/* The head of every target's CPU state.
 *
 * In system mode a translation serves every virtual address at which its physical page is mapped: processes come and go
 * at addresses of their own, and share their code. It knows the guest's pc only relative to pc_page, the virtual address
 * of the page in which it was entered; whoever jumps to a translation has put that right. A jump inside a page leaves it
 * alone. In user mode addresses are constants and pc_page isn't used. */
struct cpu_env {
    int32_t exit_request;                      /* != 0: generated code leaves at the next poll. Any thread may set it */
    int32_t halted;                            /* waits for an interrupt */
    int64_t icount_left;                       /* instructions that may still run (with -icount) */
    uint64_t pc;                               /* guest address of the next instruction, valid outside generated code */
    uint64_t pc_page;                          /* system mode: page that the running translation was entered in, see below */
    struct rt_view *view;                      /* address space in force: TLB, jump cache, return stack */
    uint32_t mxcsr;                            /* host MXCSR to load when generated code is entered */
    uint32_t exception;                        /* target's number of the exception being raised, see rt_raise */
    struct vcpu *vcpu;
    void *rt;                                  /* accel/tcg's own data of this vCPU */
    struct rt_frame *frame;                    /* of the generated code that runs; host_enter() sets it */
};

/* --- the view: all that depends on one address space and privilege ------------------------------------------------ */

enum {
    RT_PAGE_BITS = 12,
    RT_TLB_BITS = 12,                          /* entries of the inline TLB, per view */
    RT_ITLB_BITS = 10,                         /* entries of the code-page table */
    RT_JUMP_BITS = 12,                         /* entries of the indirect-jump cache */
    RT_RET_BITS = 5,                           /* entries of the shadow return stack */
};
enum rt_access { RT_READ, RT_WRITE, RT_EXEC };

/* tag_read, tag_write = page address when host memory can be accessed directly; RT_TLB_SLOW sends
 * the access to the slow path (device, watchpoint, page with code, dirty tracking); ~0 = empty.
 * Host address = guest address + addend. `info` is the slow path's own. Index: (addr >> RT_PAGE_BITS) & mask. */
struct rt_tlb_entry { uint64_t tag_read, tag_write, addend, info; };
enum { RT_TLB_SLOW = 1 << 11 };                /* above the bits of a misaligned address that IR_MALIGN leaves in its tag */

/* Where code pages are: tag = page address (~0 empty), host = host address of the page's first byte. A translation
 * entered from another page checks its page here: the mapping it was made under still holds. */
struct rt_itlb_entry { uint64_t tag; uint64_t host; };

/* A translation is for one mode of the CPU (privilege, floating point on or off, ...), and a view sees several. The pc of
 * an entry is xored with the mode's salt: bits 57 to 62, which in an address that can be executed all equal bit 63. */
struct rt_jump_entry { uint64_t pc; const void *code; };       /* pc ~0 = empty; code: normal entry of a translation */
struct rt_ret_entry { uint64_t pc; const void *code; };        /* code: landing of the call that pushed it */

struct rt_view {
    struct rt_tlb_entry tlb[1 << RT_TLB_BITS];
    struct rt_itlb_entry itlb[1 << RT_ITLB_BITS];
    struct rt_jump_entry jump[1 << RT_JUMP_BITS];              /* index: rt_jump_index() */
    struct rt_ret_entry ret[1 << RT_RET_BITS];
    uint32_t ret_top;                                          /* byte offset of the newest entry in ret[] */
    uint64_t salt;                                             /* of the mode in force when the view was picked */
    uint64_t key;                                              /* target's address-space key (mode, ASID, ...) */
    void *priv;
};

static inline unsigned rt_jump_index(uint64_t pc)
{
    return (unsigned)((pc ^ pc >> RT_JUMP_BITS) >> 1) & ((1u << RT_JUMP_BITS) - 1);
}

/* --- the frame: what a fault finds -------------------------------------------------------------------------------- */

enum { RT_SPILL_BYTES = 4096 - 16 * 8 - 16 * 32 - 64 };
/* At rsp while generated code runs. A slow-path trampoline stores the host registers here before it calls C, so that a
 * fault can be rebuilt from a state map; gpr[] by hardware number, vec[] 32 bytes each. */
struct rt_frame {
    uint8_t spill[RT_SPILL_BYTES];             /* spill slots, 8 bytes each, vectors 32 bytes aligned */
    uint64_t gpr[16];
    uint8_t vec[16][32];
    uint64_t reserved[8];
} __attribute__((aligned(64)));

/* --- leaving generated code --------------------------------------------------------------------------------------- */

/* What tcg_enter() returns: a reason below RT_EXIT_MAX, or the address of the struct tcg_link that left and can be
 * patched to go on to env->pc directly. */
enum rt_exit {
    RT_EXIT_LOOKUP,                            /* find the translation for env->pc (indirect jump that missed) */
    RT_EXIT_POLL,                              /* exit_request was seen */
    RT_EXIT_RAISED,                            /* an exception was raised: env->exception; the target delivers it */
    RT_EXIT_HALT,                              /* wait for interrupt */
    RT_EXIT_ICOUNT,                            /* what is left of the budget is less than the block */
    RT_EXIT_IO,                                /* with -icount: an access to a device wants an execution of its own */
    RT_EXIT_FLUSHED,                           /* instruction that changed mappings, mode or code: look up again */
    RT_EXIT_SYSCALL,                           /* user mode: system call; env->pc is behind the instruction */
    RT_EXIT_DEBUG,                             /* breakpoint or single step */
    RT_EXIT_HOT,                               /* the translation's counter reached its limit */
    RT_EXIT_TARGET,                            /* first of the target's own reasons */
    RT_EXIT_MAX = 4096
};

/* --- called by generated code (through trampolines) --------------------------------------------------------------- */

/* Slow paths of ld, st, amo, cas: page-crossing, TLB miss, devices, pages with code, watchpoints. They return with the
 * access done, or raise and do not return. `host_pc` identifies the instruction (its state map).
 * Values are zero-extended bits; the caller sign-extends. 16 and 32 byte accesses go through memory at `val`. */
uint64_t rt_load(struct cpu_env *env, uint64_t addr, unsigned memop, uintptr_t host_pc);
void     rt_store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, uintptr_t host_pc);
void     rt_load_vec(struct cpu_env *env, uint64_t addr, void *val, unsigned memop, uintptr_t host_pc);
void     rt_store_vec(struct cpu_env *env, uint64_t addr, const void *val, unsigned memop, uintptr_t host_pc);
uint64_t rt_amo(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, unsigned kind, uintptr_t host_pc);
uint64_t rt_cas(struct cpu_env *env, uint64_t addr, uint64_t expect, uint64_t desired, unsigned memop, uintptr_t host_pc);

/* --- called by target helpers ------------------------------------------------------------------------------------- */

/**
 * rt_raise - end the running instruction with an exception. Homes and env->pc are right already (the helper was
 * declared IR_H_FAULT). Does not return: unwinds to the run loop, which calls the target's deliver().
 */
void rt_raise(struct cpu_env *env, uint32_t exception) __attribute__((noreturn));
void rt_leave(struct cpu_env *env, enum rt_exit reason) __attribute__((noreturn));

/* Guest memory from helpers, with the faults of the current mode (homes are right, as above). mmu: 0 or a mode + 1. */
uint64_t rt_helper_load(struct cpu_env *env, uint64_t addr, unsigned memop);
void     rt_helper_store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop);
/* 16-byte compare and swap; addr is aligned; expect[] becomes the old value */
void     rt_helper_cas128(struct cpu_env *env, uint64_t addr, uint64_t expect[2], const uint64_t desired[2]);
/* host address of a page that can be accessed for len bytes (len within the page), NULL for a device; may raise */
void    *rt_helper_probe(struct cpu_env *env, uint64_t addr, unsigned len, enum rt_access access, unsigned mmu);

/* What privileged instructions do to the translator's caches. After any of these the instruction must end its
 * translation, with goto_ind of kind IR_JUMP_MODE or leave RT_EXIT_FLUSHED, when following code may be affected. */
void rt_mode_changed(struct cpu_env *env);                 /* privilege, ASID, SUM/MXR...: pick the view by target key;
                                                            * an interrupt that may be taken now is taken at the next poll */
/* An exception that an instruction takes at its end: env->pc is what deliver() is to see. Returns the vector; the
 * translation goes there by IR_JUMP_MODE. */
uint64_t rt_trap(struct cpu_env *env, uint32_t exception);
void rt_relax(struct cpu_env *env);                        /* the guest spins: another vCPU may have this host CPU */
void rt_flush_all(struct cpu_env *env);                    /* this vCPU: every view */
void rt_flush_asid(struct cpu_env *env, uint64_t asid);    /* views of that ASID; not global pages where known */
void rt_flush_page(struct cpu_env *env, uint64_t va, bool any_asid, uint64_t asid);
void rt_flush_others(struct cpu_env *env);                 /* broadcast forms (ARM TLBI IS): all vCPUs. Done when the
                                                            * translation, which must end here, has been left */
void rt_fence_i(struct cpu_env *env);                      /* code written before this is seen after it */
void rt_code_changed(struct cpu_env *env, uint64_t va, uint64_t len);   /* precise form (IC IVAU, flush_icache) */

#endif
