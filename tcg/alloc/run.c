/* The allocator's entry points: one run over a unit, and its memory. */
#include "tcg/alloc/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "core/base/alloc.h"

void *ra_grow_array(void *p, uint32_t *cap, uint32_t n, size_t bytes)
{
    uint32_t want = *cap * 2 > n ? *cap * 2 : n;

    *cap = want < 64 ? 64 : want;
    return xreallocarray(p, *cap, bytes);
}

void ra_init(struct ra *ra)
{
    struct ra_scan *s = NEW(struct ra_scan);

    memset(ra, 0, sizeof *ra);
    ra->priv = s;
    s->ra = ra;
}

void ra_free(struct ra *ra)
{
    struct ra_scan *s = ra->priv;
    void *arrays[] = {
        s->need, s->val, s->ops, s->uses, s->clobbers, s->hopes, s->blk, s->rpo, s->loops, s->stack, s->globals, s->dist_in, s->dist_out, s->live_in, s->listed, s->unsafe_in,
        s->unsafe, s->cand, s->slot_reg, s->writes, s->slot_writes, s->slot_owners, s->spilled, s->frame, s->pmoves, s->split,
        ra->insn, ra->pool_loc, ra->moves, ra->snap_loc, ra->order, s,
    };

    for (size_t k = 0; k < sizeof arrays / sizeof arrays[0]; k++)
        free(arrays[k]);
    memset(ra, 0, sizeof *ra);
}

static void note_registers(struct ra_scan *s, const struct ra_host *host)
{
    const uint8_t *order[] = { NULL, host->gpr_order, host->vec_order };

    if (s->noted_gpr == host->gpr_allocatable && s->noted_vec == host->vec_allocatable && s->noted_order[0] == order[1] &&
        s->noted_order[1] == order[2])
        return;                                /* as in the run before */
    s->noted_gpr = host->gpr_allocatable, s->noted_vec = host->vec_allocatable;
    s->noted_order[0] = order[1], s->noted_order[1] = order[2];
    s->cls_regs[RA_CLASS_NONE] = 0;
    s->cls_regs[RA_CLASS_GPR] = ra_mask(host->gpr_allocatable, 0);
    s->cls_regs[RA_CLASS_VEC] = ra_mask(0, host->vec_allocatable);
    for (unsigned cls = RA_CLASS_GPR; cls <= RA_CLASS_VEC; cls++) {
        unsigned n = 0;

        for (const uint8_t *o = order[cls]; *o != RA_NO_REG; o++)
            if (s->cls_regs[cls] >> ra_reg_of(cls, *o) & 1)
                s->order[cls][n++] = (uint8_t)ra_reg_of(cls, *o);
        s->order[cls][n] = RA_NO_REG;
    }
}

static void begin_run(struct ra_scan *s, struct ir *ir, const struct ra_host *host)
{
    struct ra *ra = s->ra;

    s->ir = ir;
    s->host = host;
    s->nsplit = 0;
    note_registers(s, host);
    s->failed = false;
    s->nspilled = s->nframe = 0;
    s->cycle_slot[0] = s->cycle_slot[1] = 0;
    memset(s->regs, 0, sizeof s->regs);
    s->free = s->cls_regs[RA_CLASS_GPR] | s->cls_regs[RA_CLASS_VEC];
    ra->moves = ra_grow(ra->moves, &ra->moves_cap, 1);
    ra->nmoves = 1;                            /* [0] is the end of every chain */
    ra->moves[0] = (struct ra_move){ .next = 0 };
    ra->nsnap_loc = 0;
    ra->spill_bytes = 0;
    ra->vec_used = 0;
}

/* A value in the wrong place would otherwise show as a guest that goes wrong much later. */
static void check(const struct ra_scan *s)
{
#if CONFIG_DEBUG
    const char *why = s->failed ? NULL : ra_verify(s->ra, s->ir, s->host);

    if (!why)
        return;
    fprintf(stderr, "tcg: registers are allocated wrongly: %s\n", why);
    ra_print(s->ra, s->ir, stderr);
    abort();
#else
    (void)s;
#endif
}

int ra_run(struct ra *ra, struct ir *ir, const struct ra_host *host)
{
    struct ra_scan *s = ra->priv;

    begin_run(s, ir, host);
    ra_order(s);
    ra_gather(s);
    if (ra_multi(s)) {
        ra_global_live(s);
        if (ra_loops(s))
            ra_pressure(s);
    }
    for (uint32_t k = 0; k < s->nrpo; k++)
        ra_scan_block(s, s->rpo[k]);
    if (ra_multi(s))
        ra_count_edges(s);
    ra_place_stores(s);
    if (ra_multi(s))
        ra_resolve(s);
    ra_layout(s);
    check(s);
    return s->failed ? -E2BIG : 0;
}
