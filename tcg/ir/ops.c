/* tcg/ir/ops.c - the table of operations, and the names of conditions and types. */
#include "tcg/ir/internal.h"

enum { N = false, T = true, VAR = IR_VAR };
#define PURE  IR_PURE
#define COMM  IR_COMM
#define READ  IR_READ
#define WRITE IR_WRITE
#define ENV   IR_ENV
#define SNAP  IR_SNAP
#define TERM  IR_TERM
#define FP    IR_FP

const struct ir_op_info ir_ops[IR_NOPS] = {
#define OP(name, nargs, result, props, help) [IR_OP_##name] = { #name, nargs, result, props, help },
#include "tcg/ir/ops.def"
#undef OP
};

const char *const ir_type_names[IR_NTYPES] = { "void", "i32", "i64", "f32", "f64", "v128", "v256", "flags" };

const char *const ir_cond_names[16] = {
    "eq", "lt", "le", "ltu", "leu", "tstz", "mi", "vs", "ne", "ge", "gt", "geu", "gtu", "tstnz", "pl", "vc",
};
