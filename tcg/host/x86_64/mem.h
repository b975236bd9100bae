/* tcg/host/x86_64/mem.h - how loads, stores and atomics reach guest memory (mem.c). */
#ifndef TCG_HOST_X86_64_MEM_H
#define TCG_HOST_X86_64_MEM_H

#include "tcg/host/x86_64/emit.h"

struct x64_access {
    struct x64_rm m;                           /* host operand, when not only_slow */
    struct x64_stub *slow;                     /* NULL: cannot miss */
    bool only_slow;
};

/* What an access wants for its address: arguments or the leaves of a folded sum, and the group's probe. */
void x64_want_address(const struct x64_need *s);
/* What comes before an access: afterwards .m is where the bytes are. @slow writes the path out of line. */
struct x64_access x64_access_begin(struct x64_emit *e, x64_stub_fn *slow, bool write);
void x64_access_end(struct x64_emit *e, struct x64_access *acc);             /* where the slow path comes back */

/* Little-endian, size and sign as aux says; d or s in the class of `type`. */
void x64_load(struct x64_emit *e, unsigned d, struct x64_rm m, unsigned aux, enum ir_type type);
void x64_store(struct x64_emit *e, unsigned s, struct x64_rm m, unsigned aux, enum ir_type type);
enum ir_type x64_value_type(const struct x64_emit *e, unsigned k);           /* of argument k */
bool x64_is_vector(unsigned aux);                                            /* 16 bytes or more */

/* The guest address as an operand (what doesn't fit one is computed into r11 first), and into a register. */
struct x64_rm x64_guest_ea(struct x64_emit *e);
void x64_address_to(struct x64_emit *e, unsigned r, struct x64_rm ea);

/* Slow paths: push arguments, the address in r11, call; the result comes in r11. */
void x64_push_value(struct x64_emit *e, unsigned k);
void x64_call_slow(struct x64_emit *e, struct x64_stub *s, enum x64_slow kind);
void x64_extend(struct x64_emit *e, unsigned d, unsigned from, unsigned aux, enum ir_type type);

/* A probe over the range of a group (probes.c): d = addend, or the stub makes it 0. */
void x64_probe_range(struct x64_emit *e, unsigned d, unsigned base, const struct ir_insn *p, struct x64_stub *miss);
void x64_probe_again(struct x64_emit *e, uint32_t back);
void x64_no_addend(struct x64_emit *e, struct x64_stub *s);

#endif
