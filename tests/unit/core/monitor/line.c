/* Keys in, lines and a screen out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/str.h"
#include "core/monitor/line.h"

/* A terminal of one row, which understands backspace and carriage return. */
static struct {
    char row[200], entered[10][200];
    size_t column, lines;
} screen;

static void put(void *opaque, const char *bytes, size_t n)
{
    (void)opaque;
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\b') {
            assert_true(screen.column > 0);
            screen.column--;
        } else if (bytes[i] == '\n') {
            memset(screen.row, 0, sizeof screen.row);
        } else if (bytes[i] == '\r') {
            screen.column = 0;
        } else {
            screen.row[screen.column++] = bytes[i];
        }
    }
}

static void enter(void *opaque, char *text)
{
    (void)opaque;
    strcpy(screen.entered[screen.lines++], text);
}

static void complete(void *opaque, const char *before, void (*add)(void *to, const char *word), void *to)
{
    static const char *const words[] = { "status", "stop", "info" };

    (void)opaque;
    for (int i = 0; i < 3; i++)
        if (str_after(words[i], before))
            add(to, words[i]);
}

static struct line line;

static void type(const char *keys)
{
    line_type(&line, keys, strlen(keys));
}

static int fresh(void **state)
{
    (void)state;
    memset(&screen, 0, sizeof screen);
    memset(&line, 0, sizeof line);
    line.put = put;
    line.enter = enter;
    line.complete = complete;
    line.prompt = "> ";
    line_prompt(&line);
    return 0;
}

static int done(void **state)
{
    (void)state;
    line_free(&line);
    return 0;
}

static void shown(const char *text, size_t column)
{
    size_t n = strlen(screen.row);

    while (n && screen.row[n - 1] == ' ' && n > strlen(text))
        screen.row[--n] = '\0';
    assert_string_equal(screen.row, text);
    assert_int_equal(screen.column, column);
}

static void editing(void **state)
{
    (void)state;
    type("hello\x7f\x7fp");
    shown("> help", 6);
    type("\x01\x1b[C-");                       /* home, right, insert */
    shown("> h-elp", 4);
    type("\x1b[3~");                           /* delete */
    shown("> h-lp", 4);
    type("\x05 me\x17\x17x\r");
    assert_string_equal(screen.entered[0], "x");
    type("\x1b[D\x1b[C\x7f\x04");              /* nothing to move over or to erase */
    type("a b c\x1b[D\x1b[D\x0b\n");
    assert_string_equal(screen.entered[1], "a b");
}

static void history(void **state)
{
    (void)state;
    type("one\rtwo\rtwo\r\r");
    assert_int_equal(screen.lines, 4);
    type("\x1b[A");
    line_prompt(&line);
    type("\x1b[A\x1b[A\x1b[A\r");
    assert_string_equal(screen.entered[4], "one");
    type("\x10\x10\x0e\r");                    /* up, up, down */
    assert_string_equal(screen.entered[5], "one");
    for (int i = 0; i < 200; i++)
        type(i % 2 ? "a\x15" "b\x1b[A" : "\x1b[B");
}

static void completion(void **state)
{
    (void)state;
    type("in\t\r");
    assert_string_equal(screen.entered[0], "info ");
    type("s\tt\r");                            /* both begin with st: nothing more is known */
    assert_string_equal(screen.entered[1], "stt");
    type("sto\t\r");
    assert_string_equal(screen.entered[2], "stop ");
}

static void long_lines_and_line_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++)
        line_type(&line, "\x01", 1);
    type("a\r\nb\r\n");
    assert_int_equal(screen.lines, 2);
    assert_string_equal(screen.entered[1], "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(editing, fresh, done),
        cmocka_unit_test_setup_teardown(history, fresh, done),
        cmocka_unit_test_setup_teardown(completion, fresh, done),
        cmocka_unit_test_setup_teardown(long_lines_and_line_ends, fresh, done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
