/* targets/gen/insn.h - instruction tables as data: what insngen writes for the tests' generator and coverage report.
 *
 * The decoder that insngen also writes does not use these; nothing in the emulator does. */
#ifndef TARGETS_GEN_INSN_H
#define TARGETS_GEN_INSN_H

#include <stdbool.h>
#include <stdint.h>

enum { INSN_FIELDS = 10, INSN_PIECES = 10, INSN_CONDS = 6 };

/* Bits lo .. lo+len-1 of the instruction are bits at .. at+len-1 of the field. */
struct insn_piece { uint8_t lo, len, at; };

struct insn_field {
    const char *name;
    uint8_t bits;                              /* width of the value; bit bits-1 is the sign when is_signed */
    bool is_signed;
    int32_t bias;                              /* added to the value: rd+8:3 */
    uint8_t npieces;
    struct insn_piece piece[INSN_PIECES];
};

/* where="rd!=0 rs1=rd": field (by number) compared with a constant or another field */
struct insn_cond { uint8_t field; bool equal; int8_t other; int64_t value; };

struct insn_desc {
    const char *name, *features, *spec;        /* features: the text of if=, "" none */
    const char *as;                            /* the instruction it stands for, or NULL */
    uint64_t mask, value;                      /* fixed bits */
    uint8_t bits;                              /* length: 16, 32 ... */
    uint8_t nfields, nconds;
    struct insn_field field[INSN_FIELDS];
    struct insn_cond cond[INSN_CONDS];
};

#endif
