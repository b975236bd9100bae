/* targets/riscv/tr_fp.h - what the floating-point translators share. */
#ifndef TARGETS_RISCV_TR_FP_H
#define TARGETS_RISCV_TR_FP_H

#include "targets/riscv/tr.h"

enum fmt { FMT_S, FMT_D };

/** fp_begin - FP on, and marked dirty if the instruction changes its state? False: the instruction has been ended. */
bool fp_begin(struct riscv_tr *t, bool changes_state);

/** fp_rounding - the IR's bits for a rounding mode, with canonical NaNs; false (and illegal) if it is reserved. */
bool fp_rounding(struct riscv_tr *t, int rm, unsigned *aux);

#endif
