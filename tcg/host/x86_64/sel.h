/* tcg/host/x86_64/sel.h - the table that sel.def makes. */
#ifndef TCG_HOST_X86_64_SEL_H
#define TCG_HOST_X86_64_SEL_H

#include "tcg/host/x86_64/emit.h"

struct x64_sel {
    void (*need)(const struct x64_need *s);
    void (*emit)(struct x64_emit *e);
};
extern const struct x64_sel x64_sels[IR_NOPS];

#endif
