/* core/personality.h - what the one binary can be, picked by the name it was called by.
 *
 * Each part defines a struct personality beside its main function and has a line in core/personalities.def. */
#pragma once

struct personality {
    const char *name;          /* as in the link, without "rhea-" and without the arch: "system-", "img"; "" is user mode */
    const char *const *archs;  /* NULL-terminated, what may follow the name; NULL if the name is complete */
    const char *help;          /* one line */

    /* @argv[0] is "rhea-system-riscv64" for `rhea-system-riscv64`, `qemu-system-riscv64` and `rhea system-riscv64`;
     * @arch is one of @archs, or NULL. Returns the exit status. */
    int (*main)(int argc, char **argv, const char *arch);
};

extern const struct personality *const all_personalities[];

/** personality_start - be what @name ("system-riscv64") says. @argv[0] is replaced. Returns the exit status; 1, with a
 * sentence, if there is no such thing. */
int personality_start(const char *name, int argc, char **argv);

/** version_print - what --version prints; @what is "QEMU emulator", "qemu-riscv64", "qemu-img", ... */
void version_print(const char *what);
