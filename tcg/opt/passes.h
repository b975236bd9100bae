/* tcg/opt/passes.h - the passes, and what they share. A pass takes a finished unit (ir_finish) and leaves one that
 * ir_verify() accepts. */
#ifndef TCG_OPT_PASSES_H
#define TCG_OPT_PASSES_H

#include "tcg/ir/ir.h"

#define PASS(name, tiers, help) void opt_##name(struct ir *ir);
#include "tcg/opt/passes.def"
#undef PASS

#endif
