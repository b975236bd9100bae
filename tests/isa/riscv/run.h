/* tests/isa/riscv/run.h - the machine that runs cases: RAM and one hart; traps end a case. */
#ifndef TESTS_ISA_RISCV_RUN_H
#define TESTS_ISA_RISCV_RUN_H

#include <stdbool.h>

#include "tests/isa/riscv/case.h"

struct riscv_model;

/* Where and as what a case runs; what a test of one user-level instruction needs is all zero but for the model. */
struct isa_setup {
    const struct riscv_model *model;
    unsigned priv;                             /* 3 - enum riscv_priv: 0 is machine mode */
    uint64_t returns_to;                       /* mepc and sepc, as an offset from CODE_AT */
    bool rewrites;                             /* may store to its own code; others cannot: no two ways need to see that alike */
    bool interrupted;                          /* another thread interrupts all the time; the handler leaves no trace */
};

struct isa_result {
    struct isa_state s;
    uint64_t tval;
    uint32_t cause, ran;
    uint32_t priv;                             /* in which the trap was taken */
};

/** run_start - make the machine; once a process. @accel: as behind -accel */
void run_start(const struct riscv_model *model, const char *accel);

/** run_case - one case from its initial state to a trap, or to a wfi. */
void run_case(const struct isa_case *c, const struct isa_setup *how, struct isa_result *r);

#endif
