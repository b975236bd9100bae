/* tcg/host/x86_64/vec.h - what the vector selectors (sel_vec*.c) share. */
#ifndef TCG_HOST_X86_64_VEC_H
#define TCG_HOST_X86_64_VEC_H

#include "tcg/host/x86_64/emit.h"

static inline bool x64_is256(enum ir_type t) { return t == IR_V256; }
static inline unsigned x64_lane_index(unsigned bits) { return bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3; }
bool x64_vec_usable(struct x64_emit *e, enum ir_type t);

void x64_want_vbin(const struct x64_need *s);              /* one host instruction of two operands */
void x64_want_vseq(const struct x64_need *s);              /* several: all in registers, the result in none of them */

struct x64_rm x64_splat(struct x64_emit *e, uint64_t v, unsigned bits, bool l256);     /* literal of equal lanes */
struct x64_rm x64_splat8(struct x64_emit *e, uint8_t byte, bool l256);

void x64_vmul8(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool l);        /* sel_vec_lane.c */
void x64_vmul64(struct x64_emit *e, unsigned d, unsigned a, unsigned b, bool l);

/* The operation by the interpreter's code: for what the processor lacks and for odd operands. Needs x64_want_vseq(). */
void x64_vec_soft(struct x64_emit *e);
void x64_vec_soft_stub(struct x64_emit *e, struct x64_stub *s);

#endif
