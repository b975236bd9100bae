/* core/personality.h - what the one binary can be, picked by the name it was called by. */
#pragma once

/* `rhea-system-riscv64 ARGS` and `rhea system-riscv64 ARGS` both arrive with argv[0] "rhea-system-riscv64" and
 * @arch "riscv64". Each returns the exit status. */
struct personality {
    const char *name;                                     /* as in the link, without "rhea-" and without an arch */
    int (*main)(int argc, char **argv, const char *arch); /* arch is NULL where the name has none */
    const char *help;
};

int system_main(int argc, char **argv, const char *arch);
int user_main(int argc, char **argv, const char *arch);
int img_main(int argc, char **argv, const char *arch);
int io_main(int argc, char **argv, const char *arch);
int nbd_main(int argc, char **argv, const char *arch);
int run_main(int argc, char **argv, const char *arch);

/** version_print - what --version prints; @what is "emulator", "riscv64", "img", ... */
void version_print(const char *what);
