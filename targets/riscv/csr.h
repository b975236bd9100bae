/* targets/riscv/csr.h - control and status registers: one table (csr.def), read and written by number. */
#ifndef TARGETS_RISCV_CSR_H
#define TARGETS_RISCV_CSR_H

#include <stdbool.h>
#include <stdint.h>

struct riscv_env;
struct riscv_model;

struct riscv_csr {
    uint16_t number;
    const char *name;
    uint8_t count, base;                       /* of a range: name0 is `base`, suffix behind the number; count 0: one */
    const char *suffix;
    int16_t feature;                           /* exists with this feature; -1 always */
    uint8_t xlen;                              /* 32, 64, or 0 both */
    bool storage;                              /* a word of the state, without side effects on either side */
    bool word;                                 /* reads as a word of the state; a write has effects or fixed bits */
    bool ends;                                 /* a write may change how the next instructions run */
    uint32_t offset;                           /* storage, word: where */
    uint64_t mask;                             /* storage: bits that a write changes */
    uint64_t (*read)(struct riscv_env *env, unsigned number);
    void (*write)(struct riscv_env *env, unsigned number, uint64_t val);   /* NULL: writes are ignored (WARL) */
    bool (*allowed)(struct riscv_env *env, unsigned number, bool write);   /* beyond privilege; NULL always */
};

enum { RV_CSRS = 4096 };

/** riscv_csr_index - fill in m->csr, once its features are known. */
void riscv_csr_index(struct riscv_model *m);

/** riscv_csr_find - the register of that number on this model, or NULL. */
const struct riscv_csr *riscv_csr_find(const struct riscv_model *m, unsigned number);

/** riscv_csr_get, riscv_csr_set - past all permission checks (gdb, monitor). False if there is none. */
bool riscv_csr_get(struct riscv_env *env, unsigned number, uint64_t *val);
bool riscv_csr_set(struct riscv_env *env, unsigned number, uint64_t val);

/** riscv_csr_reset - the values of a reset. */
void riscv_csr_reset(struct riscv_env *env);

#endif
