/* tcg/ir/parse.c - reads the text form that print.c writes. Nothing is folded: what the text says is what there is.
 *
 * Statements end at a line's end or at a semicolon; `#` begins a comment. A text that names no block is block 0. Values
 * may be used before the line that makes them. A value vN that no line makes is a guest register: the Nth of the type
 * that its first user asks for, which makes tests short. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "tcg/ir/internal.h"
#include "tcg/ir/text.h"

enum { MAX_ARGS = 32, NO_VALUE = 0xffffffff };

/* where a value's name was used: filled in when all lines are read */
enum use_kind { USE_ARG, USE_POOL, USE_SNAP, USE_PC };
struct use { enum use_kind kind; uint32_t index; uint8_t k; uint32_t name; ir_ref user; };

struct parser {
    struct ir *ir;
    const char *at;
    unsigned line;
    bool failed;
    ir_ref *value; uint32_t nvalue;            /* by name */
    struct use *use; uint32_t nuse, use_cap;
    struct phi_arg { ir_ref phi; ir_block_ref from; uint32_t name; } *phi; uint32_t nphi, phi_cap;
};

/* --- tokens ----------------------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) bad(struct parser *p, const char *fmt, ...)
{
    char *text;
    va_list ap;
    int n;

    if (p->failed)
        return;
    p->failed = true;
    text = ir_alloc(p->ir, 200);
    n = snprintf(text, 200, "line %u: ", p->line);
    va_start(ap, fmt);
    vsnprintf(text + n, 200 - (size_t)n, fmt, ap);
    va_end(ap);
    p->ir->error = text;
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
    if (*p->at == '#')
        while (*p->at && *p->at != '\n')
            p->at++;
}

static bool ended(struct parser *p)
{
    skip_blanks(p);
    return !*p->at || *p->at == '\n' || *p->at == ';';
}

static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

static bool word_char(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* the next word, if it is this one */
static bool take_word(struct parser *p, const char *w)
{
    size_t n = strlen(w);

    skip_blanks(p);
    if (strncmp(p->at, w, n) || word_char(p->at[n]))
        return false;
    p->at += n;
    return true;
}

static void word(struct parser *p, char *out, size_t room)
{
    size_t n = 0;

    skip_blanks(p);
    while (word_char(*p->at) && n + 1 < room)
        out[n++] = *p->at++;
    out[n] = 0;
    if (!n)
        bad(p, "a name is missing before '%.10s'", p->at);
}

static uint64_t number(struct parser *p)
{
    char *end;
    uint64_t v;

    skip_blanks(p);
    v = *p->at == '-' ? (uint64_t)strtoll(p->at, &end, 0) : strtoull(p->at, &end, 0);
    if (end == p->at)
        bad(p, "a number is missing before '%.10s'", p->at);
    p->at = end;
    return v;
}

/* one of a list of names; -1 if none */
static int one_of(struct parser *p, const char *const *names, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        if (names[k] && take_word(p, names[k]))
            return (int)k;
    return -1;
}

static unsigned need_one_of(struct parser *p, const char *const *names, unsigned n, const char *what)
{
    int k = one_of(p, names, n);

    if (k < 0)
        bad(p, "no such %s: '%.10s'", what, p->at);
    return k < 0 ? 0 : (unsigned)k;
}

static bool name_of(struct parser *p, char letter, uint32_t *out)
{
    skip_blanks(p);
    if (*p->at != letter || !isdigit((unsigned char)p->at[1]))
        return false;
    p->at++;
    *out = (uint32_t)strtoul(p->at, (char **)&p->at, 10);
    return *out < 100000;
}

static uint32_t need_value(struct parser *p)
{
    uint32_t name = 0;

    if (!name_of(p, 'v', &name))
        bad(p, "a value is missing before '%.10s'", p->at);
    return name;
}

static ir_block_ref need_block(struct parser *p)
{
    uint32_t b = 0;

    if (!name_of(p, 'b', &b))
        bad(p, "a block is missing before '%.10s'", p->at);
    if (b > 10000)
        b = 0;
    while (b >= p->ir->nblocks)
        ir_block_new(p->ir, 0);
    return b;
}

/* --- names of values ------------------------------------------------------------------------------------------------------ */

static void note_use(struct parser *p, enum use_kind kind, uint32_t index, unsigned k, uint32_t name, ir_ref user)
{
    if (p->nuse == p->use_cap) {
        p->use_cap = p->use_cap ? p->use_cap * 2 : 64;
        p->use = xreallocarray(p->use, p->use_cap, sizeof(*p->use));
    }
    p->use[p->nuse++] = (struct use){ kind, index, (uint8_t)k, name, user };
}

static ir_ref *value_slot(struct parser *p, uint32_t name)
{
    if (name >= p->nvalue) {
        uint32_t n = name + 64;
        p->value = xreallocarray(p->value, n, sizeof(*p->value));
        memset(p->value + p->nvalue, 0, (n - p->nvalue) * sizeof(*p->value));
        p->nvalue = n;
    }
    return &p->value[name];
}

static unsigned slot_named(struct parser *p)
{
    for (unsigned s = 0; s < p->ir->nslots; s++)
        if (take_word(p, p->ir->slots[s].name))
            return s;
    bad(p, "no such register: '%.10s'", p->at);
    return 0;
}

/* --- attributes ------------------------------------------------------------------------------------------------------------ */

static unsigned flags(struct parser *p, const struct ir_flag_name *f)
{
    unsigned aux = 0;

    for (const struct ir_flag_name *k = f; k->name; k++)
        if (take_word(p, k->name)) {
            aux |= k->value;
            k = f - 1;                         /* they may come in any order */
        }
    return aux;
}

static unsigned access_size(struct parser *p)
{
    static const char *const names[] = { "u8", "u16", "u32", "u64", "u128", "u256", NULL, NULL,
                                         "s8", "s16", "s32", "s64" };
    static const char *const views[] = { NULL, "mmu1", "mmu2", "mmu3", "mmu4", "mmu5", "mmu6", "mmu7", "mmu8", "mmu9",
                                         "mmu10", "mmu11", "mmu12", "mmu13", "mmu14", "mmu15" };
    unsigned aux = need_one_of(p, names, 12, "size of access");
    int view;

    aux |= flags(p, ir_mem_flags);
    view = one_of(p, views, 16);
    return aux | (view > 0 ? (unsigned)view << IR_MMMU_SHIFT : 0);
}

static unsigned helper_named(struct parser *p)
{
    for (unsigned h = 0; h < p->ir->nhelpers; h++)
        if (take_word(p, p->ir->helpers[h]->name))
            return h;
    bad(p, "no such helper: '%.10s'", p->at);
    return 0;
}

static void attributes(struct parser *p, struct ir_insn *i)
{
    int round;

    switch (ir_syntax_of[i->op]) {
    case SYN_SLOT: i->imm = slot_named(p); take(p, ','); break;
    case SYN_MEM: i->aux = (uint16_t)access_size(p); break;
    case SYN_AMO:
        i->imm = need_one_of(p, ir_amo_names, IR_NAMOS, "atomic operation");
        i->aux = (uint16_t)access_size(p);
        break;
    case SYN_COND: case SYN_JUMP_IF: i->aux = (uint16_t)need_one_of(p, ir_cond_names, 16, "condition"); break;
    case SYN_FCOND: i->aux = (uint16_t)need_one_of(p, ir_fcond_names, IR_NFCONDS, "condition"); break;
    case SYN_FP: case SYN_FP_IMM:
        round = one_of(p, ir_round_names, 6);
        i->aux = (uint16_t)((round > 0 ? (unsigned)round : 0) | flags(p, ir_fp_flags));
        break;
    case SYN_AUX: case SYN_AUX_IMM: i->aux = (uint16_t)number(p); break;
    case SYN_BR:
        if (i->op != IR_OP_br)
            i->aux = (uint16_t)need_one_of(p, ir_cond_names, 16, "condition");
        break;
    case SYN_JUMP: i->aux = (uint16_t)need_one_of(p, ir_jump_names, IR_NJUMPS, "kind of jump"); break;
    case SYN_CALL: i->imm = helper_named(p); break;
    default: break;
    }
}

/* --- operands --------------------------------------------------------------------------------------------------------------- */

static void phi_args(struct parser *p, ir_ref r)
{
    if (ended(p))
        return;
    do {
        ir_block_ref from = need_block(p);
        if (!take(p, ':'))
            bad(p, "a phi's argument is written bN:vN");
        if (p->nphi == p->phi_cap) {
            p->phi_cap = p->phi_cap ? p->phi_cap * 2 : 32;
            p->phi = xreallocarray(p->phi, p->phi_cap, sizeof(*p->phi));
        }
        p->phi[p->nphi++] = (struct phi_arg){ r, from, need_value(p) };
    } while (take(p, ',') && !p->failed);
    if (take(p, '(')) {
        p->ir->insns[r].imm = slot_named(p);
        take(p, ')');
    }
}

static void args(struct parser *p, ir_ref r)
{
    unsigned n = ir_ops[p->ir->insns[r].op].nargs, max = n == IR_VAR ? MAX_ARGS : n, k = 0;
    uint32_t first = n == IR_VAR ? ir_pool_alloc(p->ir, MAX_ARGS) : 0;

    while (k < max && !ended(p) && (k == 0 || take(p, ',')) && !p->failed) {
        uint32_t name;
        if (!name_of(p, 'v', &name))
            break;
        note_use(p, n == IR_VAR ? USE_POOL : USE_ARG, n == IR_VAR ? first + k : r, k, name, r);
        k++;
    }
    if (n == IR_VAR) {
        p->ir->insns[r].arg[0] = first;
        p->ir->insns[r].nargs = (uint8_t)k;
    } else if (k != n) {
        bad(p, "%s takes %u arguments", ir_ops[p->ir->insns[r].op].name, n);
    }
}

static void vector_constant(struct parser *p, struct ir_insn *i)
{
    uint8_t pattern[32] = { 0 };
    unsigned n = 0;

    skip_blanks(p);
    if (strncmp(p->at, "0x", 2))
        bad(p, "a vector constant begins with 0x");
    p->at += 2;
    while (isxdigit((unsigned char)p->at[n]))
        n++;
    for (unsigned k = 0; k < n && k < 64; k++) {
        char c = p->at[n - 1 - k];
        unsigned d = isdigit((unsigned char)c) ? (unsigned)(c - '0') : (unsigned)(tolower(c) - 'a') + 10;
        pattern[k / 2] |= (uint8_t)(d << (k % 2 * 4));
    }
    p->at += n;
    i->imm = ir_vconst_index(p->ir, pattern);
}

static void successors(struct parser *p, struct ir_insn *i)
{
    unsigned n = i->op == IR_OP_br ? 1 : 2;
    ir_block_ref to[2] = { 0, 0 };

    for (unsigned k = 0; k < n; k++) {
        take(p, ',');
        to[k] = need_block(p);
    }
    p->ir->blocks[i->block].nsucc = (uint8_t)n;
    for (unsigned k = 0; k < n; k++) {
        p->ir->blocks[i->block].succ[k] = to[k];
        if (!p->failed)
            ir_add_pred(p->ir, to[k], i->block);
    }
    i->imm = take_word(p, "unlikely") ? 1 : take_word(p, "likely") ? 2 : 0;
}

static void trailer(struct parser *p, struct ir_insn *i)
{
    unsigned pos;

    switch (ir_syntax_of[i->op]) {
    case SYN_IMM: i->imm = number(p); break;
    case SYN_VCONST: vector_constant(p, i); break;
    case SYN_MEM:
        if (i->op != IR_OP_cas && (take(p, ',') || i->nargs == 0))
            i->imm = number(p);
        break;
    case SYN_FIELD:
        take(p, ',');
        pos = (unsigned)number(p);
        take(p, ',');
        i->aux = (uint16_t)(pos | (unsigned)number(p) << 8);
        break;
    case SYN_AUX_IMM: case SYN_FP_IMM: take(p, ','); i->imm = number(p); break;
    case SYN_INSN: i->imm = number(p); take(p, ','); i->aux = (uint16_t)number(p); break;
    case SYN_BR: successors(p, i); break;
    case SYN_JUMP_IF:
        take(p, ',');
        i->imm = number(p);
        take(p, ',');
        i->imm2 = number(p);
        break;
    case SYN_JUMP:
        if (i->op == IR_OP_goto_pc)
            i->imm = number(p);
        if (take_word(p, "return"))
            i->imm2 = number(p);
        break;
    default: break;
    }
}

static void snapshot(struct parser *p, ir_ref r)
{
    static const char *const names[4] = { NULL, "sext", "zext", "box" };
    uint32_t s, first, name;
    int how;
    struct ir_snap snap = { .block = p->ir->cur };

    if (!take(p, '@'))
        return;
    s = ir_snap_new(p->ir);
    if (name_of(p, 'v', &name))
        note_use(p, USE_PC, s, 0, name, r);
    else
        snap.pc = number(p);
    if (take(p, '+'))
        snap.extra = (uint32_t)number(p);
    first = snap.first = p->ir->nsnap_pool;
    if (!take(p, '{'))
        bad(p, "the registers of a snapshot stand in braces");
    while (!take(p, '}') && !p->failed) {
        ir_snap_add(p->ir, slot_named(p), IR_NONE);
        if (!take(p, '='))
            bad(p, "a register of a snapshot is written NAME=vN");
        how = one_of(p, names, 4);
        p->ir->snap_pool[p->ir->nsnap_pool - 1].how = (uint16_t)(how > 0 ? how : 0);
        note_use(p, USE_SNAP, p->ir->nsnap_pool - 1, 0, need_value(p), r);
        take(p, ',');
    }
    snap.n = p->ir->nsnap_pool - first;
    p->ir->snaps[s] = snap;
    p->ir->insns[r].snap = s;
}

/* --- statements --------------------------------------------------------------------------------------------------------------- */

static enum ir_op operation(struct parser *p)
{
    char name[20];

    word(p, name, sizeof(name));
    for (unsigned op = 0; op < IR_NOPS; op++)
        if (!strcmp(ir_ops[op].name, name))
            return op;
    bad(p, "no such operation: '%s'", name);
    return IR_OP_nop;
}

static void label(struct parser *p)
{
    ir_block_ref b = need_block(p);

    if (!take(p, ':'))
        bad(p, "a block's label ends with a colon");
    if (!p->failed)
        ir_enter(p->ir, b);
    p->ir->blocks[b].cold = take_word(p, "cold");
}

static void statement(struct parser *p)
{
    uint32_t name = NO_VALUE;
    enum ir_type type = IR_VOID;
    enum ir_op op;
    ir_ref r;

    if (*p->at == 'b' && isdigit((unsigned char)p->at[1])) {
        label(p);
        return;
    }
    if (name_of(p, 'v', &name) && !take(p, '='))
        bad(p, "'=' is missing");
    op = operation(p);
    if (take(p, '.'))
        type = (enum ir_type)need_one_of(p, ir_type_names, IR_NTYPES, "type");
    if (p->failed)
        return;
    r = ir_new(p->ir, op, type);
    if (name != NO_VALUE)
        *value_slot(p, name) = r;
    attributes(p, &p->ir->insns[r]);
    if (op == IR_OP_phi)
        phi_args(p, r);
    else
        args(p, r);
    trailer(p, &p->ir->insns[r]);
    snapshot(p, r);
    if (!ended(p))
        bad(p, "what is '%.10s'?", p->at);
}

/* --- what names stand for ------------------------------------------------------------------------------------------------------ */

/* A value that the text does not make is a register: vN of a type the Nth of that type. Their gets stand first in the
 * entry block, in the order of the registers. */
static ir_ref free_register(struct parser *p, const struct use *u)
{
    const struct ir_insn *i = &p->ir->insns[u->user];
    enum ir_type t = u->kind == USE_ARG ? ir_arg_type(i->op, i->type, u->k) : IR_VOID;
    ir_ref before = p->ir->blocks[0].first, r;
    unsigned n = u->name;

    for (unsigned s = 0; s < p->ir->nslots; s++) {
        if (p->ir->slots[s].type != t || n-- > 0)
            continue;
        while (before && p->ir->insns[before].op == IR_OP_get && p->ir->insns[before].imm < s)
            before = p->ir->insns[before].next;
        r = ir_new_in(p->ir, 0, before, IR_OP_get, t);
        p->ir->insns[r].imm = s;
        return r;
    }
    bad(p, "nothing makes v%u, and its type has no register of that number", u->name);
    return IR_NONE;
}

static void resolve(struct parser *p)
{
    for (uint32_t k = 0; k < p->nuse && !p->failed; k++) {
        const struct use *u = &p->use[k];
        ir_ref r = *value_slot(p, u->name);
        if (!r)
            r = *value_slot(p, u->name) = free_register(p, u);
        switch (u->kind) {
        case USE_ARG: p->ir->insns[u->index].arg[u->k] = r; break;
        case USE_POOL: p->ir->pool[u->index] = r; break;
        case USE_SNAP: p->ir->snap_pool[u->index].val = r; break;
        case USE_PC: p->ir->snaps[u->index].pc_val = r; break;
        }
    }
}

static void resolve_phis(struct parser *p)
{
    for (ir_ref r = 1; r < p->ir->ninsns; r++) {
        struct ir_insn *i = &p->ir->insns[r];
        const struct ir_block *b = &p->ir->blocks[i->block];
        if (i->op != IR_OP_phi)
            continue;
        i->nargs = (uint8_t)b->npred;
        i->arg[0] = ir_pool_alloc(p->ir, b->npred);
        for (uint32_t k = 0; k < b->npred; k++) {
            ir_ref *arg = &p->ir->pool[i->arg[0] + k];
            *arg = IR_NONE;
            for (uint32_t a = 0; a < p->nphi; a++)
                if (p->phi[a].phi == r && p->phi[a].from == b->pred[k])
                    *arg = *value_slot(p, p->phi[a].name);
        }
    }
}

int ir_parse(struct ir *ir, const char *text)
{
    struct parser p = { .ir = ir, .at = text, .line = 1 };

    ir_reset(ir);
    ir_build(ir)->finished = true;             /* what the text says is final */
    ir_build(ir)->unfolded = true;
    while (*p.at && !p.failed && !ir->error) {
        if (ended(&p)) {
            p.line += *p.at == '\n';
            p.at += *p.at != 0;
        } else {
            statement(&p);
        }
    }
    for (ir_block_ref b = 0; b < ir->nblocks; b++)
        ir->blocks[b].sealed = true;
    if (!p.failed)
        resolve(&p);
    if (!p.failed)
        resolve_phis(&p);
    free(p.value);
    free(p.use);
    free(p.phi);
    return ir->error ? -EINVAL : 0;
}
