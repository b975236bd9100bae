/* The codes of pointer authentication against published vectors; what is put into a pointer and found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/base/alloc.h"
#include "targets/arm/pauth.h"

/* R. Avanzi, "The QARMA Block Cipher Family", table 10: 64-bit blocks. */
static void qarma_gives_the_published_results(void **state)
{
    (void)state;
    assert_int_equal(pauth_qarma(0xfb623599da6e8127, 0x477d469dec0b8762, 0x84be85ce9804e94b, 0xec2802d4e0a488e9, 5), 0xc003b93999b33765);
}

static struct arm_env *program(enum arm_pauth kind)
{
    struct arm_env *env = xcalloc(1, sizeof *env);
    struct arm_model *m = xcalloc(1, sizeof *m);

    m->has[ARM_F_pauth] = true;
    m->pauth = kind;
    env->model = m;
    pauth_reset(env);
    return env;
}

static void forget(struct arm_env *env)
{
    free((void *)(uintptr_t)env->model);
    free(env);
}

static void a_signed_pointer_is_found_again(void **state)
{
    static const uint64_t pointers[] = { 0, 0x0000ffffdeadbeec, 0x7f00123456789abc, 0xffff8000deadbee0, 0xffff000000000000 };

    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        struct arm_env *env = program((enum arm_pauth)kind);
        unsigned changed = 0;

        for (unsigned key = 0; key < 4; key++)
            for (unsigned i = 0; i < sizeof pointers / sizeof *pointers; i++)
                for (uint64_t modifier = 0; modifier < 16; modifier++) {
                    uint64_t s = arm_help_pauth_sign(&env->c, pointers[i], modifier, key);

                    changed += s != pointers[i];
                    assert_int_equal((s ^ pointers[i]) & ~(UINT64_C(0x7f) << 48), 0);
                    assert_int_equal(arm_help_pauth_auth(&env->c, s, modifier, key), pointers[i]);
                    assert_int_equal(arm_help_pauth_strip(&env->c, s, key > 1), pointers[i]);
                }
        assert_in_range(changed, 300, 320);    /* one code in 128 is zero */
        forget(env);
    }
}

static void keys_are_switched_off_and_made_anew(void **state)
{
    struct arm_env *env = program(ARM_PAUTH_CHEAP);
    const uint64_t off[5] = { 60, 3, 1 }, get[5] = { 61 }, bad[5] = { 60, 3, 4 }, anew[5] = { 54, 16 }, all[5] = { 54 };
    uint64_t ia = env->keys[0][0], ga = env->keys[4][0];

    (void)state;
    assert_int_equal(pauth_prctl(&env->c, get), 15);
    assert_int_equal(pauth_prctl(&env->c, bad), -22);
    assert_int_equal(pauth_prctl(&env->c, off), 0);
    assert_int_equal(pauth_prctl(&env->c, get), 13);
    assert_int_equal(arm_help_pauth_sign(&env->c, 0x1234, 5, 1), 0x1234);
    assert_int_equal(pauth_prctl(&env->c, anew), 0);
    assert_int_equal(env->keys[0][0], ia);
    assert_int_not_equal(env->keys[4][0], ga);
    assert_int_equal(pauth_prctl(&env->c, all), 0);
    assert_int_not_equal(env->keys[0][0], ia);
    forget(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qarma_gives_the_published_results),
        cmocka_unit_test(a_signed_pointer_is_found_again),
        cmocka_unit_test(keys_are_switched_off_and_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
