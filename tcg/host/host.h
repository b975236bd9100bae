/* tcg/host/host.h - what a host back end does for the pipeline: constraints for the allocator, and code.
 *
 * The order: host_select() marks folds on the IR (immediates, addresses, compare-and-branch), ra_run() asks host need(),
 * host_emit() writes the code, the links and the state map. Nothing here knows a guest. */
#ifndef TCG_HOST_HOST_H
#define TCG_HOST_HOST_H

#include "tcg/alloc/alloc.h"
#include "tcg/alloc/statemap.h"
#include "tcg/ir/ir.h"
#include "tcg/runtime.h"

/* How generated code reaches guest memory and the view; fixed for the life of a process. */
struct host_mode {
    bool system;                               /* inline TLB probe; r14 holds the view */
    uint64_t guest_base;                       /* user mode: host = guest + base; != 0 goes through gs */
    bool addr32;                               /* user mode: guest addresses are 32 bits (address-size prefix confines) */
    uint32_t view_off;                         /* user mode: the view's offset from the CPU state */
    bool pc32;                                 /* the guest's pc has 32 bits */
};

/* A patchable jump out of a translation: `jmp rel32` whose field is 4-byte aligned, so that one store redirects it.
 * Unpatched it goes to its stub, which sets env->pc and returns the address of the link to the run loop. */
struct tcg_link {
    uint64_t pc;                               /* guest address it goes to, in the terms of `from` */
    struct tcg_region *from, *to;              /* to: NULL while unpatched */
    struct tcg_link *next_in, **prev_in;       /* links into the same translation */
    uint8_t *field;                            /* the rel32 field, executable address */
    const uint8_t *stub;                       /* where it goes unpatched, executable address */
};

/* A page that a system-mode translation was made from: checked at its checked entry. */
struct host_page { uint64_t va; const uint8_t *host; };

struct host_unit {
    /* in */
    const struct host_mode *mode;
    struct ir *ir;
    struct ra *ra;
    uint8_t *rw;                               /* where to write */
    const uint8_t *rx;                         /* the same bytes, executable */
    size_t room;
    uint64_t pc;                               /* guest entry address */
    const struct host_page *pages; unsigned npages;   /* system mode */
    uint64_t salt;                             /* of its mode: entries of jump[] and ret[] are of this mode only */
    bool no_salt;                              /* there are too many modes: no entry of ret[] may be made */
    int32_t *counter;                          /* counts down at entry, leaves with RT_EXIT_HOT below 0; NULL: none */
    struct tcg_link *links; unsigned nlinks;   /* as many as host_links_needed() said */
    /* out */
    struct statemap map;                       /* initialised by the caller, filled and sorted */
    uint32_t length;                           /* bytes of code */
    uint32_t entry, checked_entry;             /* offsets; entry skips the page checks. entry is 8-byte aligned and its
                                                * first instruction is at least 5 bytes long (a long nop when there is
                                                * no counter), so that host_redirect() can replace it while it runs */
    uint32_t restart;                          /* offset of a stub that sets env->pc = pc and leaves with
                                                * RT_EXIT_LOOKUP: where a dropped translation's entry is redirected */
    uint32_t body;                             /* offset behind the replaceable first instruction(s) */
    uint32_t miss_field;                       /* system mode: offset of the rel32 of the jump that a failed page check
                                                * takes, to restart at first; host_jump() redirects it. 0: no check */
};

struct tcg_runtime_calls;                      /* below */

/**
 * host_init - write the trampolines (enter, leave, slow paths) into the code buffer and detect CPU features.
 * @rw, @rx, @room: memory that stays for the life of the process
 * Returns the bytes used, or -errno.
 */
int host_init(const struct host_mode *mode, const struct tcg_runtime_calls *calls, uint8_t *rw, const uint8_t *rx,
              size_t room);

/* Enter generated code at `code` until it leaves; the result is an enum rt_exit or a struct tcg_link address.
 * A signal handler that caught a guest fault sets the context's rip to host_leave_address() with rax = reason. */
uint64_t host_enter(struct cpu_env *env, const void *code);
const void *host_leave_address(void);

/* The frame of the generated code that runs on this CPU state now; valid in slow paths and helpers. */
struct rt_frame *host_frame(const struct cpu_env *env);
/* Ends generated code from inside a slow path or helper, as if it had left with `reason`: callee-saved registers and
 * MXCSR are put right by the leave path (longjmp would not do that). */
void host_unwind(struct cpu_env *env, uint64_t reason) __attribute__((noreturn));

void     host_select(const struct host_mode *mode, struct ir *ir);
void     host_describe(const struct host_mode *mode, struct ra_host *out);
unsigned host_links_needed(const struct ir *ir);

/* Returns 0; -ENOSPC when room is short (nothing is lost: try again elsewhere); -E2BIG when the unit cannot be encoded. */
int  host_emit(struct host_unit *u);

void host_link(struct tcg_link *l, uint8_t *rw_field, const uint8_t *target);    /* atomic; any thread may be running it */
/* the same for any jump's rel32, at executable address rx_field */
void host_jump(uint8_t *rw_field, const uint8_t *rx_field, const uint8_t *target);
/* make the first bytes of a translation jump elsewhere (a better translation of the same code); atomic */
void host_redirect(uint8_t *rw_entry, const uint8_t *rx_entry, const uint8_t *target);
/* host registers of a signal context into a frame, to rebuild state from: rsp in the context is the frame */
struct rt_frame *host_frame_from_signal(void *ucontext, uintptr_t *host_pc);

struct tcg_runtime_calls {
    uint64_t (*load)(struct cpu_env *, uint64_t, unsigned, uintptr_t);
    void     (*store)(struct cpu_env *, uint64_t, uint64_t, unsigned, uintptr_t);
    void     (*load_vec)(struct cpu_env *, uint64_t, void *, unsigned, uintptr_t);
    void     (*store_vec)(struct cpu_env *, uint64_t, const void *, unsigned, uintptr_t);
    uint64_t (*amo)(struct cpu_env *, uint64_t, uint64_t, unsigned, unsigned, uintptr_t);
    uint64_t (*cas)(struct cpu_env *, uint64_t, uint64_t, uint64_t, unsigned, uintptr_t);
};

#endif
