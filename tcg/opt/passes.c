/* tcg/opt/passes.c - runs the passes that a tier wants. */
#include "tcg/opt/passes.h"

#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "tcg/ir/cfg.h"
#include "tcg/ir/internal.h"
#include "tcg/tcg.h"

enum { COLD = 1 << TCG_COLD, HOT = 1 << TCG_HOT };

static const struct pass { const char *name; unsigned tiers; void (*run)(struct ir *); } passes[] = {
#define PASS(name, tiers, help) { #name, tiers, opt_##name },
#include "tcg/opt/passes.def"
#undef PASS
};

/* A pass that breaks the IR would otherwise show as a guest that goes wrong much later. */
static void check(const struct ir *ir, const char *after)
{
#if CONFIG_DEBUG
    const char *why = ir->error ? NULL : ir_verify(ir);
    if (!why)
        return;
    fprintf(stderr, "tcg: the IR is broken after '%s': %s\n", after, why);
    ir_print(ir, stderr);
    abort();
#else
    (void)ir, (void)after;
#endif
}

/* Where all edges lead forward there is no loop to be found. */
static bool has_loop(const struct ir *ir)
{
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        for (unsigned k = 0; k < ir->blocks[b].nsucc; k++)
            if (ir->blocks[b].succ[k] <= b)
                return true;
    return false;
}

void tcg_optimise(struct ir *ir, enum tcg_tier tier)
{
    ir_finish(ir);
    if (ir->error)
        return;
    check(ir, "the builder");
    ir_build(ir)->counted = false;
    for (unsigned k = 0; k < sizeof(passes) / sizeof(passes[0]); k++)
        if (passes[k].tiers & 1u << tier) {
            passes[k].run(ir);
            check(ir, passes[k].name);
        }
    if (has_loop(ir))
        cfg_note_loops(ir, cfg_build(ir));
}
