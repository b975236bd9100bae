/* targets/jump.h - the ways out of a block that every decoder has: jumps, branches with two sides, returns. They keep
 * to the region under construction where it has the target (struct tr_ctx, block_of and its kin), note the successors
 * for region building, and leave it elsewhere. The decoder ends its block after each of them. */
#ifndef TARGETS_JUMP_H
#define TARGETS_JUMP_H

#include "targets/target.h"

/* To a known address. @ret: the return address if kind is a call. */
void tr_goto(struct tr_ctx *tr, uint64_t pc, enum ir_jump kind, uint64_t ret);

/* To @yes if the condition holds, else to @no. */
void tr_goto_if(struct tr_ctx *tr, enum ir_cond cond, ir_ref a, ir_ref b, uint64_t yes, uint64_t no);

/* The instruction at @pc returns to where the i64 value @to says; straight on behind the call if the region followed that. */
void tr_return(struct tr_ctx *tr, uint64_t pc, ir_ref to);

#endif
