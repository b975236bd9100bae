/* tests/isa/riscv/gen.h - cases made from the instruction tables; the same number gives the same case for ever. */
#ifndef TESTS_ISA_RISCV_GEN_H
#define TESTS_ISA_RISCV_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include "targets/gen/insn.h"
#include "tests/isa/riscv/case.h"

struct riscv_model;

extern const struct insn_desc rv_insns[];
extern const unsigned rv_ninsns;

extern bool gen_rv32;                          /* registers have 32 bits */

/** gen_has - does the model have the features of this line of the table? */
bool gen_has(const struct riscv_model *m, const struct insn_desc *d);

/** gen_recordable - can the instruction run alone in user mode, with one answer on every implementation? */
bool gen_recordable(const struct insn_desc *d);

/** gen_case - case @k of an instruction. @loop: repeat it @loop times (x31 counts); 0: once, and it ends behind. */
void gen_case(const struct insn_desc *d, unsigned k, unsigned loop, struct isa_case *c);

/** gen_csr - a CSR written with a random value, then read. */
void gen_csr(unsigned number, unsigned k, struct isa_case *c);

/** gen_any - any 32 bits at all, but no jump to itself. */
void gen_any(uint64_t seed, struct isa_case *c);

/** gen_stream - @n random instructions of the model in a loop; none whose outcome an interrupt may change if @interrupted. */
void gen_stream(const struct riscv_model *m, uint64_t seed, unsigned n, unsigned loop, bool interrupted, struct isa_case *c);

/** gen_rewrite - a loop that exchanges one of its own instructions each time round, with fence.i. */
void gen_rewrite(const struct riscv_model *m, uint64_t seed, unsigned loop, struct isa_case *c);

#endif
