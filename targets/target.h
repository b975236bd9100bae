/* targets/target.h - the table of functions that makes a guest. One const struct target per guest, listed in
 * targets.def; the accelerators, user mode and the machines know a guest only through it. */
#ifndef TARGETS_TARGET_H
#define TARGETS_TARGET_H

#include "tcg/ir/ir.h"
#include "tcg/runtime.h"

struct error;
struct optlist;
struct vcpu;

/* --- translation ------------------------------------------------------------------------------------------------ */

/* One decoding session: the target decodes guest code into the IR, a basic block per call. */
struct tr_ctx {
    struct ir *ir;
    const struct target *target;
    uint64_t mode;                             /* target's mode key, see mode_key() */
    const void *cpu_model;                     /* target's decoded -cpu (features); read-only */
    bool system;                               /* else user mode */
    bool single_step, icount;
    bool cold;                                 /* one block alone, not one of a region: all jumps leave */
    bool crowded;                              /* more vCPUs than host CPUs: who spins lets others run, by rt_relax() */
    uint64_t pc;                               /* next instruction */
    unsigned max_insns;                        /* in this block */
    /* Guest code bytes at va: *len in: wanted (<= 16), out: available (>= 1 unless it faults); NULL when fetching
     * faults. The fetched range is noted for invalidation. */
    const uint8_t *(*fetch)(struct tr_ctx *, uint64_t va, unsigned *len);
    void *fetch_opaque;
    /* Where a jump goes inside the region: the IR block of guest address pc, or -1 when it leaves. Cold blocks: always -1. */
    int64_t (*block_of)(struct tr_ctx *, uint64_t pc);
    /* Calls inside the region: the IR block of the callee's copy for this call site, or -1; and, at a return, the block
     * behind the call and the address that the return must go to for that (the target compares). NULL: never. */
    int64_t (*call_block)(struct tr_ctx *, uint64_t pc, uint64_t ret_pc);
    int64_t (*return_block)(struct tr_ctx *, uint64_t *ret_pc);
    uint64_t end_pc;                           /* out: address behind the last instruction */
    unsigned ninsns;                           /* out */
    /* out: static successors for region building; kind as ir_jump */
    struct tr_succ { uint64_t pc; uint8_t kind; } succ[2];
    unsigned nsucc;
    uint64_t call_return;                      /* out: return address when the block ends in a call, else 0 */
    bool falls_through;                        /* the caller's: the block had no terminator */
    bool returns;                              /* out: it ends in a return (goto_ind of kind RET) */
    void *priv;                                /* target's own during a block */
    /* A hot region may be decoded twice: what its blocks added to `seen` the first time, through target.plan, is `plan` the
     * second; else it is 0. */
    uint64_t seen, plan;
};

/* --- address translation ---------------------------------------------------------------------------------------- */

struct target_xlat {
    uint64_t gpa;                              /* guest physical address of va */
    unsigned page_bits;                        /* size of the mapping (large pages) */
    bool read, write, exec;                    /* allowed in this mode: other accesses come back to translate() */
    bool global;                               /* holds in every address space */
    bool device;                               /* memory type says device: no caching hint needed on this host */
};

/* --- the table --------------------------------------------------------------------------------------------------- */

struct target {
    const char *name;                          /* "riscv64": in program names and messages */
    const char *gdb_arch;                      /* gdb's architecture name */
    uint8_t bits;                              /* 32 or 64 */
    uint8_t pc_tag;                            /* low bits of pc that are no part of the address (Thumb's T) */
    uint16_t elf_machine; uint8_t elf_class;   /* EM_*, ELFCLASS* */
    size_t env_size;                           /* bytes of CPU state; begins with struct cpu_env */
    const struct ir_slot *slots; unsigned nslots;
    unsigned pc_page_slot;                     /* the one whose home is cpu_env.pc_page (i64); see tr_pc() */
    const struct ir_helper *const *helpers; unsigned nhelpers;
    bool coherent_icache;                      /* stores to code are seen at once (x86); else at rt_fence_i and its kin */

    /* -cpu: models, features. parse returns the target's own model object, valid for the life of the process */
    const char *const *(*model_names)(void);   /* ended by NULL */
    const char *default_model_user, *default_model_system;
    const void *(*parse_cpu)(const char *spec, bool system, struct error *err);   /* "rv64,zba=off"; NULL + err */
    void (*print_cpu_help)(void *FILE_to, const char *model);   /* marks the features of @model; NULL: of the default */

    bool (*has_feature)(const void *model, const char *name);     /* by its name in -cpu; NULL: none has a name */
    /* What a device tree's cpu node says of a model: put() is called for each property; NULL if there is no device tree. */
    void (*describe_cpu)(const void *model, void (*put)(void *opaque, const char *name, const void *bytes, size_t len),
                         void *opaque);

    void (*init)(struct cpu_env *env, const void *model, bool system);
    void (*reset)(struct cpu_env *env);
    /* After reset: begin at an address with a first argument in the architecture's first argument register (a device
     * tree, PSCI's context). NULL where machines start CPUs by boot code in ROM. */
    void (*boot)(struct cpu_env *env, uint64_t entry, uint64_t arg);

    /* translation */
    uint64_t (*mode_key)(const struct cpu_env *env);          /* all that the decoder's output depends on beside the bytes */
    void (*translate)(struct tr_ctx *tr);                     /* one basic block from tr->pc; ends the IR block */
    uint64_t (*plan)(uint64_t seen);                          /* not 0: once more, with this. NULL: never */
    int (*disas)(const void *model, uint64_t mode, uint64_t pc, const uint8_t *bytes, size_t n, char *out, size_t room);
                                               /* one line; returns instruction length; capstone or own */
    /* system mode */
    uint64_t (*view_key)(const struct cpu_env *env, unsigned mmu);    /* address space + privilege + what changes rights */
    uint64_t (*view_asid)(const struct cpu_env *env);
    /* 0, or the exception to raise (with the target's fault details put into env) */
    uint32_t (*xlate)(struct cpu_env *env, uint64_t va, enum rt_access access, unsigned mmu, struct target_xlat *out);
    /* access to a physical address that nothing answers, or that a device refused */
    uint32_t (*bus_fault)(struct cpu_env *env, uint64_t va, enum rt_access access);
    uint32_t (*align_fault)(struct cpu_env *env, uint64_t va, enum rt_access access);
    bool atomics_read;                         /* what a load would not get either is a load's fault, for an atomic access too */
    /* The guest's own watchpoints; NULL: it has none. watched: does one touch the page? Its accesses are asked about one by
     * one: watch returns the exception, or 0. mmu as in xlate. Whoever changes one calls rt_flush_all(). */
    bool (*watched)(const struct cpu_env *env, uint64_t page);
    uint32_t (*watch)(struct cpu_env *env, uint64_t va, unsigned len, enum rt_access access, unsigned mmu);
    /* env->pc is the faulting or next instruction as the guest says; ends with rt_mode_changed() */
    void (*deliver)(struct cpu_env *env, uint32_t exception);
    uint32_t (*interrupt)(struct cpu_env *env);               /* the interrupt to take now as an exception number, or 0 */
    bool (*has_work)(const struct cpu_env *env);              /* wakes from halt */
    void (*set_irq)(struct cpu_env *env, unsigned line, bool level);  /* any thread; the caller kicks the vCPU */
    uint32_t (*debug_exception)(void);                        /* number that means: stop for the debugger */
    void (*restore_extra)(struct cpu_env *env, uint32_t extra);       /* snapshot's extra word after a fault; may be NULL */

    /* registers for gdb and the monitor: fixed order of the target description */
    unsigned gdb_core_regs;                    /* registers 0 to this - 1 make up the `g` packet */
    const char *(*gdb_xml)(const struct cpu_env *env, const char *annex);
    int (*gdb_read)(struct cpu_env *env, unsigned reg, uint8_t *buf, size_t room);    /* bytes, 0 unknown */
    int (*gdb_write)(struct cpu_env *env, unsigned reg, const uint8_t *buf, size_t n);
    void (*dump)(const struct cpu_env *env, void *FILE_to);   /* `info registers`, -d cpu */
    void (*dump_fp)(const struct cpu_env *env, void *FILE_to);   /* ... -d cpu,fpu; may be NULL */

    /* snapshots: state table */
    const struct state_field *state; unsigned state_version;
    void (*loaded)(struct cpu_env *env);       /* the state was loaded: forget what was derived from the old one, set timers */

    /* user mode */
    const struct target_user *user;
};

struct user_syscall;
struct user_sigframe;

/**
 * tr_pc - a guest address that follows from the pc: a return address, a literal's, the result of auipc or adr.
 * @va: where it is when the code runs where it is being decoded
 * Returns an i64 value. In system mode the translation may run elsewhere later, so this is no constant; every value that
 * the guest can see and that comes from the pc must be made here.
 */
static inline ir_ref tr_pc(const struct tr_ctx *tr, uint64_t va)
{
    if (!tr->ir->origin_val)
        return ir_i64(tr->ir, va);
    return ir_bini(tr->ir, IR_OP_add, tr->ir->origin_val, va - tr->ir->origin);
}

/* Whether an i64 value is one of tr_pc()'s, and which: a jump there is a direct one. */
static inline bool tr_pc_known(const struct tr_ctx *tr, ir_ref v, uint64_t *va)
{
    const struct ir_insn *i = ir_at(tr->ir, v);

    if (i->op == IR_OP_const) {
        *va = i->imm;
        return !tr->ir->origin_val;            /* an absolute address is a constant too: the jump to it is indirect */
    }
    if (!tr->ir->origin_val || (v != tr->ir->origin_val && (i->op != IR_OP_add || i->arg[0] != tr->ir->origin_val ||
                                                            !ir_is_const(tr->ir, i->arg[1]))))
        return false;
    *va = tr->ir->origin + (v == tr->ir->origin_val ? 0 : ir_at(tr->ir, i->arg[1])->imm);
    return true;
}

/* Begins a unit that is entered in the page of pc. */
static inline void tr_begin(struct ir *ir, const struct target *t, bool system, uint64_t pc)
{
    ir_set_pc(ir, pc);
    ir->origin = pc & -(UINT64_C(1) << RT_PAGE_BITS);
    if (system)
        ir->origin_val = ir_read_slot(ir, t->pc_page_slot);
}

enum { USER_NARGS = 7 };                       /* argument registers: 32-bit guests may need two for a value */

/* A shared object that is mapped into every program, as Linux does: roms/vdso. */
struct target_vdso {
    const uint8_t *bytes;
    size_t length;
    uint32_t sigreturn;                        /* where in it a signal handler returns to */
};
extern const struct target_vdso riscv64_vdso, arm64_vdso, arm32_vdso;

/* The clocks that it reads, by Linux' numbers: REALTIME, MONOTONIC, MONOTONIC_RAW, the two COARSE ones, BOOTTIME. */
enum { VDSO_CLOCKS = 0xf3 };

/* What user mode needs of a guest (core/user reaches it through target.user). */
struct target_user {
    /* address space */
    uint64_t address_limit;                    /* one past the highest guest user address */
    uint64_t pie_base, mmap_top, stack_top;    /* where position-independent programs, mappings and the stack go */
    uint32_t page_size;
    uint32_t time_hz;                          /* of the guest's time counter */
    const char *uname_machine;
    const char *(*machine)(const void *model); /* the same where it depends on the CPU; may be NULL */
    const char *platform;                      /* AT_PLATFORM; NULL: none */
    /* system calls: number -> implementation (core/user/syscall.h), NULL where there is none */
    const struct user_syscall *const *syscalls;
    unsigned nsyscalls;
    void (*get_syscall)(const struct cpu_env *env, uint64_t *nr, uint64_t arg[USER_NARGS]);   /* 64-bit guests: 6 */
    void (*set_result)(struct cpu_env *env, uint64_t result);
    void (*restart_syscall)(struct cpu_env *env, uint64_t nr, uint64_t arg0);   /* back to the call instruction */
    /* threads and programs */
    void (*start)(struct cpu_env *env, uint64_t entry, uint64_t sp);
    void (*copy_regs)(struct cpu_env *child, const struct cpu_env *parent);     /* all that clone() copies */
    void (*set_tls)(struct cpu_env *env, uint64_t tls);
    void (*set_sp)(struct cpu_env *env, uint64_t sp);
    uint64_t (*get_sp)(const struct cpu_env *env);
    uint64_t (*hwcap)(const void *model, uint64_t *hwcap2);
    bool (*elf_ok)(uint32_t e_flags, const void *model, struct error *err);     /* may be NULL */
    void (*cpuinfo)(const void *model, unsigned cpus, void *FILE_to);           /* /proc/cpuinfo */
    bool (*probe)(const void *model, int64_t key, uint64_t *value);             /* riscv_hwprobe; may be NULL */
    /* signals. to_signal: an exception's signal, si_code and address; false if nothing is to be delivered */
    bool (*to_signal)(struct cpu_env *env, uint32_t exception, int *signo, int *code, uint64_t *addr);
    void (*fault_access)(struct cpu_env *env, uint64_t addr, enum rt_access access);   /* note a page fault's address ... */
    uint32_t (*page_fault)(enum rt_access access);                              /* ... and raise this exception */
    int64_t (*prctl)(struct cpu_env *env, const uint64_t a[5]);                 /* options of the architecture; -ENOSYS: not one. May be NULL */
    int (*page_rights)(const void *model);     /* bits of mmap()'s prot beside the usual three; NULL: none */
    bool arm_open_flags;                       /* O_DIRECTORY and its neighbours have ARM's bits */
    bool sa_restorer;                          /* struct sigaction has the field */
    uint32_t sigreturn_code[4];                /* put on a page of its own: calls rt_sigreturn */
    const struct target_vdso *vdso;            /* mapped instead of that page; NULL: none */
    bool (*vdso_ok)(const void *model);        /* can this CPU run it? NULL: any can */
    /* 32-bit guests */
    bool pairs_aligned;                        /* a 64-bit argument begins at an even register */
    uint8_t align64;                           /* alignment of 64-bit members of structures if not 8 */
    uint32_t fixed_page;                       /* address of a page of code that programs expect there; 0 none */
    const void *fixed_code; uint32_t fixed_bytes;
    uint64_t (*get_tls)(const struct cpu_env *env);
    uint32_t minsigstksz;                      /* AT_MINSIGSTKSZ */
    int (*push_sigframe)(struct cpu_env *env, const struct user_sigframe *f);   /* 0 or -EFAULT; 1: as 0, but the
                                                * instruction that is to be executed now must not be branched to, which is SIGILL */
    int (*pop_sigframe)(struct cpu_env *env, struct user_sigframe *f);          /* fills oldmask, altstack; returns as push */
};

/* A signal about to be delivered, in the guest's terms. */
struct user_sigframe {
    int signo;
    bool siginfo_wanted;                       /* SA_SIGINFO */
    const void *siginfo;                       /* guest layout */
    uint32_t siginfo_bytes;
    uint64_t sp;                               /* where the frame goes below: the alternate stack's end or the current sp */
    uint64_t handler;
    uint64_t restorer;                         /* where the handler returns to */
    bool own_restorer;                         /* that is the program's own, not the page with sigreturn_code */
    uint64_t oldmask;                          /* signal n is bit n - 1 */
    uint64_t altstack[3];                      /* sp, flags, size: as struct stack_t of a 64-bit guest */
};

#endif
