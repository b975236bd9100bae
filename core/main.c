/* The name that Rhea was called by picks what it is: rhea-system-riscv64, rhea-riscv64, rhea-img, ...; the qemu-* names
 * mean the same. `rhea NAME ARGS` is the way without links. */
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/personality.h"

static int usage(FILE *to)
{
    fprintf(to, "Usage: rhea NAME ARGUMENTS, or call it by a link: rhea-NAME ARGUMENTS\n\n");
    for (size_t i = 0; all_personalities[i]; i++) {
        const struct personality *p = all_personalities[i];

        fprintf(to, "  %s%s\n      %s", p->name, p->archs ? "ARCH" : "", p->help);
        for (size_t j = 0; p->archs && p->archs[j]; j++)
            fprintf(to, "%s%s", j ? " " : "; ARCH is ", p->archs[j]);
        fputc('\n', to);
    }
    fprintf(to, "\n`rhea NAME -help` lists the options of each.\n");
    return to == stdout ? 0 : 1;
}

static bool is_any(const char *s, const char *a, const char *b, const char *c)
{
    return str_eq(s, a) || str_eq(s, b) || str_eq(s, c);
}

int main(int argc, char **argv)
{
    const char *base = argc > 0 && argv[0] ? argv[0] : "rhea", *slash = strrchr(base, '/'), *name;

    base = slash ? slash + 1 : base;
    name = str_after(base, "rhea-");
    if (!name)
        name = str_after(base, "qemu-");
    if (name)
        return personality_start(name, argc, argv);
    if (argc < 2)
        return usage(stderr);
    if (is_any(argv[1], "--help", "-help", "-h") || str_eq(argv[1], "help"))
        return usage(stdout);
    if (is_any(argv[1], "--version", "-version", "version")) {
        version_print("QEMU emulator");
        return 0;
    }
    return personality_start(argv[1], argc - 1, argv + 1);
}
