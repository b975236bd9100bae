/* -help, from the table, in the layout that people and tools know: one option a line, its explanation indented. */
#include <stdio.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/str.h"
#include "core/opt/table.h"

enum { INDENT = 16, WIDTH = 80 };

static void wrapped(const char *text)
{
    int column = INDENT;

    printf("%*s", INDENT, "");
    while (*text) {
        int n = strcspn(text, " ");

        if (column > INDENT && column + 1 + n > WIDTH) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            putchar(' ');
            column++;
        }
        printf("%.*s", n, text);
        column += n;
        text += n;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_option(const struct opt_entry *table, const struct opt_entry *e)
{
    int n = printf("-%s", e->name);

    for (const struct opt_entry *a = table; a->name || a->help; a++)
        if (a->kind == OPT_ALIAS && str_eq(a->help, e->name))
            n += printf(" or -%s", a->name);
    if (e->args)
        n += printf(" %s", e->args);
    if (n < INDENT && n + strlen(e->help) < WIDTH - 1) {
        printf("%*s%s\n", INDENT - n, "", e->help);
        return;
    }
    putchar('\n');
    wrapped(e->help);
}

static bool has_options(const struct opt_entry *head)
{
    for (const struct opt_entry *e = head + 1; e->name; e++)
        if (e->kind != OPT_ALIAS && e->kind != OPT_NOT)
            return true;
    return false;
}

void opt_help(const struct opt_entry *table, const char *program, const char *usage)
{
    printf("usage: %s %s\n", program, usage);
    for (const struct opt_entry *e = table; e->name || e->help; e++) {
        if (e->kind == OPT_HEAD && has_options(e))
            printf("\n%s:\n", e->help);
        else if (e->name && e->kind != OPT_ALIAS && e->kind != OPT_NOT)
            print_option(table, e);
    }
}
