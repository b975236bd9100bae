/* tcg/ir/text.h - the vocabulary of the text form, shared by print.c and parse.c. */
#ifndef TCG_IR_TEXT_H
#define TCG_IR_TEXT_H

#include "tcg/ir/ir.h"

/* How the attributes of an operation are written. */
enum ir_syntax {
    SYN_PLAIN,
    SYN_IMM,                                   /* imm behind the operands */
    SYN_VCONST,                                /* the pattern */
    SYN_PHI,                                   /* bN:vN for each predecessor, (slot) */
    SYN_SLOT,                                  /* name of the slot first */
    SYN_MEM,                                   /* u8..s64 and flags first, displacement last */
    SYN_AMO,                                   /* kind and access first */
    SYN_COND, SYN_FCOND,                       /* condition first */
    SYN_FP,                                    /* rounding and flags first */
    SYN_FP_IMM,                                /* likewise, a number last */
    SYN_FIELD,                                 /* position, length last */
    SYN_AUX,                                   /* number first */
    SYN_AUX_IMM,                               /* number first, another last */
    SYN_CALL,                                  /* helper's name first */
    SYN_INSN,                                  /* address, length */
    SYN_BR,                                    /* condition first, blocks last */
    SYN_JUMP_IF,                               /* condition first, two addresses last */
    SYN_JUMP,                                  /* kind first, address, return */
};
extern const enum ir_syntax ir_syntax_of[IR_NOPS];

enum { IR_NFCONDS = IR_FEQS + 1, IR_NAMOS = IR_AMO_ANDN + 1 };
extern const char *const ir_fcond_names[IR_NFCONDS];
extern const char *const ir_amo_names[IR_NAMOS];
extern const char *const ir_jump_names[IR_NJUMPS];
extern const char *const ir_round_names[6];
extern const char *const ir_how_names[4];                 /* with a blank behind */

struct ir_flag_name { const char *name; unsigned mask, value; };
extern const struct ir_flag_name ir_mem_flags[], ir_fp_flags[];

#endif
