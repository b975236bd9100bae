/* Every line of the instruction tables, with random operands and in every mode, becomes IR that the verifier accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/bits.h"
#include "core/base/error.h"
#include "targets/gen/insn.h"
#include "targets/riscv/help.h"
#include "targets/riscv/model.h"
#include "targets/riscv/target.h"
#include "targets/riscv/tr.h"

extern const struct insn_desc rv_insns[];
extern const unsigned rv_ninsns;

/* The helpers' needs; nothing is run here. */
void rt_raise(struct cpu_env *env, uint32_t exception) { (void)env; (void)exception; abort(); }
void rt_leave(struct cpu_env *env, enum rt_exit reason) { (void)env; (void)reason; abort(); }
void rt_mode_changed(struct cpu_env *env) { (void)env; }
uint64_t rt_trap(struct cpu_env *env, uint32_t exception) { (void)env; (void)exception; abort(); }
void rt_flush_all(struct cpu_env *env) { (void)env; }
void rt_flush_asid(struct cpu_env *env, uint64_t asid) { (void)env; (void)asid; }
void rt_flush_page(struct cpu_env *env, uint64_t va, bool any, uint64_t asid) { (void)env; (void)va; (void)any; (void)asid; }
void rt_fence_i(struct cpu_env *env) { (void)env; }
void rt_relax(struct cpu_env *env) { (void)env; }
void rt_helper_store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop)
{
    (void)env; (void)addr; (void)val; (void)memop;
}
void *rt_helper_probe(struct cpu_env *env, uint64_t addr, unsigned len, enum rt_access access, unsigned mmu)
{
    (void)env; (void)addr; (void)len; (void)access; (void)mmu;
    return NULL;
}

static uint8_t code[16];

static const uint8_t *fetch(struct tr_ctx *tr, uint64_t va, unsigned *len)
{
    (void)tr;
    return va - 0x1000 < sizeof code - *len ? code + (va - 0x1000) : NULL;
}

static int64_t outside(struct tr_ctx *tr, uint64_t pc)
{
    (void)tr;
    (void)pc;
    return -1;
}

static uint64_t next(uint64_t *s)
{
    *s = *s * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *s >> 20;
}

static void translate(struct ir *ir, const struct target *t, const void *model, uint64_t mode, bool system, const char *name)
{
    struct tr_ctx tr = { .ir = ir, .target = t, .mode = mode, .cpu_model = model, .system = system, .pc = 0x1000,
                         .max_insns = 2, .fetch = fetch, .block_of = outside };
    const char *wrong;

    ir_reset(ir);
    t->translate(&tr);
    assert_true(tr.ninsns >= 1);
    ir_finish(ir);
    wrong = ir->error ? ir->error : ir_verify(ir);
    if (wrong) {
        ir_print(ir, stderr);
        fail_msg("%s in mode %#x: %s", name, (unsigned)mode, wrong);
    }
}

static void every_line(const struct target *t, const char *cpu)
{
    struct error err = ERROR_INIT;
    const void *model = t->parse_cpu(cpu, true, &err);
    uint64_t s = 1;
    struct ir ir;

    assert_non_null(model);
    ir_init(&ir, t->slots, t->nslots, t->helpers, t->nhelpers);
    for (unsigned i = 0; i < rv_ninsns; i++)
        for (unsigned k = 0; k < 24; k++) {
            const struct insn_desc *d = &rv_insns[i];
            uint64_t raw = d->value | (next(&s) & ~d->mask & mask64(d->bits));
            static const uint8_t privs[] = { RV_U, RV_S, RV_M };
            uint64_t mode = privs[k % 3] | (uint64_t)(k / 3 % 3) << RV_MODE_FS_SHIFT | (uint64_t)(k / 9) << RV_MODE_RM_SHIFT;

            memset(code, 0, sizeof code);
            memcpy(code, &raw, d->bits / 8);
            translate(&ir, t, model, mode, true, d->name);
            translate(&ir, t, model, RV_U | RV_FS_DIRTY << RV_MODE_FS_SHIFT, false, d->name);
        }
    ir_free(&ir);
}

static void rv64(void **state)
{
    (void)state;
    every_line(&riscv64_target, "max");
}

static void rv32(void **state)
{
    (void)state;
    every_line(&riscv32_target, "max");
}

static void without_compressed_instructions_targets_are_checked(void **state)
{
    (void)state;
    every_line(&riscv64_target, "max,c=off");
    every_line(&riscv32_target, "max,c=off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rv64),
        cmocka_unit_test(rv32),
        cmocka_unit_test(without_compressed_instructions_targets_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
