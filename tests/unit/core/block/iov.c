/* Pieces of memory: slicing, copying, finding zeros. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/block/iov.h"

static char          text[] = "0123456789abcdefghij";
static struct iovec  pieces[] = { { text, 3 }, { text + 3, 0 }, { text + 3, 10 }, { text + 13, 7 } };
static struct blk_iov whole = { .v = pieces, .n = 4, .len = 20 };

static void a_slice_shows_its_part(void **state)
{
    struct blk_slice s;
    char             out[21];

    (void)state;
    for (size_t off = 0; off <= 20; off++) {
        for (size_t len = 0; off + len <= 20; len++) {
            const struct blk_iov *v = iov_slice(&s, &whole, off, len);

            assert_int_equal(v->len, len);
            assert_int_equal(iov_sum(v->v, v->n), len);
            iov_get(v, 0, out, len);
            assert_memory_equal(out, text + off, len);
            iov_slice_end(&s);
        }
    }
}

static void bytes_go_in_and_out(void **state)
{
    char         mem[20];
    struct iovec p[2] = { { mem, 5 }, { mem + 5, 15 } };
    struct blk_iov v = { .v = p, .n = 2, .len = 20 };

    (void)state;
    memset(mem, 'x', sizeof mem);
    iov_put(&v, 3, "hello", 5);
    assert_memory_equal(mem, "xxxhelloxx", 10);
    iov_zero(&v, 4, 2);
    assert_memory_equal(mem + 2, "xh\0\0lox", 7);
    assert_false(iov_is_zero(&v));
    iov_zero(&v, 0, 20);
    assert_true(iov_is_zero(&v));
}

static void zeros_are_found_at_any_place(void **state)
{
    static unsigned char buf[1000];

    (void)state;
    for (size_t len = 0; len < 600; len += 7) {
        assert_true(buf_is_zero(buf + 1, len));
        for (size_t at = 0; at < len; at += 13) {
            buf[1 + at] = 1;
            assert_false(buf_is_zero(buf + 1, len));
            buf[1 + at] = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_shows_its_part), cmocka_unit_test(bytes_go_in_and_out), cmocka_unit_test(zeros_are_found_at_any_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
