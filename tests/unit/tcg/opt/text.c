/* tests/unit/tcg/opt/text.c - passes on text: every .ir file below tests/unit/tcg/opt/PASS.
 *
 * A file holds cases separated by empty lines, each `text => text`; the second is what PASS makes of the first once
 * unused values are gone. The last value of either side, when it does not end in a terminator, is what is wanted of it.
 * Registers: a to h i64, m to t i32, fa to fd f64, ga to gd f32, va to vd v128, fl flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcg/ir/internal.h"
#include "tcg/opt/passes.h"

static const struct ir_slot slots[] = {
#define S(n, name, type) { name, 64 + 16 * n, type }
    S(0, "a", IR_I64), S(1, "b", IR_I64), S(2, "c", IR_I64), S(3, "d", IR_I64), S(4, "e", IR_I64), S(5, "f", IR_I64),
    S(6, "g", IR_I64), S(7, "h", IR_I64), S(8, "m", IR_I32), S(9, "n", IR_I32), S(10, "o", IR_I32), S(11, "p", IR_I32),
    S(12, "q", IR_I32), S(13, "r", IR_I32), S(14, "s", IR_I32), S(15, "t", IR_I32), S(16, "fa", IR_F64),
    S(17, "fb", IR_F64), S(18, "fc", IR_F64), S(19, "fd", IR_F64), S(20, "ga", IR_F32), S(21, "gb", IR_F32),
    S(22, "gc", IR_F32), S(23, "gd", IR_F32), S(24, "va", IR_V128), S(25, "vb", IR_V128), S(26, "vc", IR_V128),
    S(27, "vd", IR_V128), S(28, "fl", IR_FLAGS),
};
enum { NSLOTS = sizeof(slots) / sizeof(slots[0]) };

static const struct { const char *name; void (*run)(struct ir *); } passes[] = {
#define PASS(name, tiers, help) { #name, opt_##name },
#include "tcg/opt/passes.def"
#undef PASS
};

/* a result that nothing takes is written to a register of its type */
static void finish(struct ir *ir)
{
    ir_ref last = ir->blocks[ir->cur].last, r;

    if (!last || (ir_ops[ir->insns[last].op].props & IR_TERM))
        return;
    if (ir_ops[ir->insns[last].op].result && ir->insns[last].type != IR_VOID) {
        for (unsigned s = NSLOTS; s-- > 0;)
            if (slots[s].type == ir->insns[last].type) {
                r = ir_new(ir, IR_OP_set, slots[s].type);
                ir->insns[r].arg[0] = last;
                ir->insns[r].imm = s;
                break;
            }
    }
    ir_leave(ir, 0);
}

static char *print(const struct ir *ir)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    ir_print(ir, f);
    fclose(f);
    return text;
}

static void parse(struct ir *ir, const char *text, const char *file)
{
    const char *why;

    if (ir_parse(ir, text) < 0)
        fail_msg("%s: %s in:\n%s", file, ir->error, text);
    finish(ir);
    why = ir_verify(ir);
    if (why)
        fail_msg("%s: %s in:\n%s", file, why, text);
}

/* with values numbered in the order of the text, which the expected text has too once it went the same way */
static char *canonical(struct ir *ir, const char *file)
{
    char *first = print(ir), *second;

    parse(ir, first, file);
    second = print(ir);
    free(first);
    return second;
}

static void check_case(struct ir *ir, char *text, void (*pass)(struct ir *), const char *file)
{
    char *arrow = strstr(text, "=>"), *got, *want;
    const char *why;

    if (!arrow)
        fail_msg("%s: no => in:\n%s", file, text);
    *arrow = 0;
    parse(ir, text, file);
    pass(ir);
    opt_dce(ir);
    why = ir_verify(ir);
    if (why)
        fail_msg("%s: %s after the pass, in:\n%s", file, why, text);
    got = canonical(ir, file);
    parse(ir, arrow + 2, file);
    opt_dce(ir);
    want = canonical(ir, file);
    if (strcmp(got, want))
        fail_msg("%s: the pass made of\n%s\n--- this:\n%s--- not this:\n%s", file, text, got, want);
    free(got);
    free(want);
}

static unsigned check_file(const char *file, void (*pass)(struct ir *))
{
    FILE *f = fopen(file, "r");
    char *text = NULL, *at, *end;
    size_t room = 0;
    unsigned n = 0;
    struct ir ir;

    assert_non_null(f);
    assert_true(getdelim(&text, &room, 0, f) > 0);
    fclose(f);
    ir_init(&ir, slots, NSLOTS, NULL, 0);
    for (at = text; at; at = end) {
        end = strstr(at, "\n\n");
        if (end) {
            *end = 0;
            end += 2;
        }
        while (*at == '#' || *at == '\n')      /* a comment before the case */
            at = strchr(at, '\n') ? strchr(at, '\n') + 1 : at + strlen(at);
        if (*at) {
            check_case(&ir, at, pass, file);
            n++;
        }
    }
    ir_free(&ir);
    free(text);
    return n;
}

static void the_passes_do_as_the_texts_say(void **state)
{
    unsigned n = 0;

    (void)state;
    for (size_t k = 0; k < sizeof(passes) / sizeof(passes[0]); k++) {
        char pattern[100];
        glob_t g;
        snprintf(pattern, sizeof(pattern), "tests/unit/tcg/opt/%s/*.ir", passes[k].name);
        if (glob(pattern, 0, NULL, &g))
            continue;
        for (size_t f = 0; f < g.gl_pathc; f++)
            n += check_file(g.gl_pathv[f], passes[k].run);
        globfree(&g);
    }
    assert_true(n > 10);                       /* run from the top of the source tree */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_passes_do_as_the_texts_say) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
