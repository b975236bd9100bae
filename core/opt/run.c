/* rhea run FILE: looks at the file, picks guest, machine and firmware, says the long command, and does it. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/opt/identify.h"
#include "core/personality.h"
#include "core/vm/firmware.h"

struct run {
    const char *file, *arch, *initrd, *append;
    bool dry;
    char **rest;             /* what follows the file */
    int rest_count;
    const char **argv;       /* the command that is made */
    int argc;
};

static void add(struct run *r, const char *word)
{
    r->argv = xreallocarray(r->argv, r->argc + 2, sizeof *r->argv);
    r->argv[r->argc++] = word;
    r->argv[r->argc] = NULL;
}

static void add2(struct run *r, const char *option, const char *value)
{
    add(r, option);
    add(r, value);
}

static int usage(FILE *to)
{
    fputs("usage: rhea run [--arch ARCH] [--initrd FILE] [--append TEXT] [--dry-run] FILE [arguments...]\n\n"
          "Looks at FILE and runs it: a Linux program (arguments are its own), a kernel, a bare-metal ELF file, a disk or CD\n"
          "image (arguments are more options of rhea-system-ARCH). The long command is printed first.\n\n"
          "  --arch ARCH     what the file cannot tell: riscv64, riscv32, aarch64, arm\n"
          "  --initrd FILE   initial RAM disk of a kernel\n"
          "  --append TEXT   command line of a kernel, after the console that is chosen for it\n"
          "  --dry-run       print the command only\n", to);
    return to == stdout ? 0 : 1;
}

/* A comma in a file name would end it. */
static char *drive_of(const char *file, const char *format)
{
    struct str s = STR_INIT;

    str_addf(&s, "if=none,id=disk0,format=%s,file=", format);
    for (; *file; file++)
        str_add(&s, *file == ',' ? ",," : (char[]){ *file, 0 });
    return str_take(&s);
}

static const char *cpus(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return xasprintf("%d", MIN(n, 4));
}

static const char *console_of(const char *arch)
{
    return str_eq(arch, "aarch64") || str_eq(arch, "arm") ? "ttyAMA0" : "ttyS0";
}

static void machine_words(struct run *r)
{
    add(r, xasprintf("rhea-system-%s", r->arch));
    add2(r, "-M", "virt");
    if (str_eq(r->arch, "aarch64") || str_eq(r->arch, "arm"))
        add2(r, "-cpu", "max");
    add2(r, "-m", "1G");
    add2(r, "-smp", cpus());
    add(r, "-nographic");
}

static void kernel_words(struct run *r)
{
    machine_words(r);
    add2(r, "-kernel", r->file);
    if (r->initrd)
        add2(r, "-initrd", r->initrd);
    add2(r, "-append", xasprintf("console=%s%s%s", console_of(r->arch), r->append ? " " : "", r->append ? r->append : ""));
}

static void bare_words(struct run *r)
{
    machine_words(r);
    if (str_after(r->arch, "riscv"))
        add2(r, "-bios", "none");
    add2(r, "-kernel", r->file);
}

/* A disk boots through firmware: OpenSBI then loads U-Boot as its kernel; ARM's UEFI is the -bios. */
static int disk_words(struct run *r, const struct file_identity *id, struct error *err)
{
    bool riscv = str_after(r->arch, "riscv"), arm = str_eq(r->arch, "aarch64") || str_eq(r->arch, "arm");

    machine_words(r);
    if (riscv || arm) {
        char *name = xasprintf("%s-%s", riscv ? "uboot" : "uefi", r->arch), *path = firmware_find(name, NULL, err);

        free(name);
        if (!path)
            return -ENOENT;
        add2(r, riscv ? "-kernel" : "-bios", path);
    }
    add2(r, "-drive", drive_of(r->file, id->format));
    add2(r, "-device", riscv || arm ? "virtio-blk-device,drive=disk0" : "virtio-blk-pci,drive=disk0");
    return 0;
}

static int choose(struct run *r, const struct file_identity *id, struct error *err)
{
    if (!r->arch)
        r->arch = id->arch;
    else if (id->arch && !str_eq(id->arch, r->arch))
        return error_set(err, EINVAL, "'%s' is for %s, not for %s; leave --arch out", r->file, id->arch, r->arch);
    if (id->kind == FILE_UNKNOWN)
        return error_set(err, ENOEXEC, "'%s' (%s) is no program, kernel or disk image that is known here; run it by its "
                         "long command (rhea-system-ARCH -help)", r->file, id->format);
    if (!r->arch)
        return error_set(err, EINVAL, "'%s' (%s) does not tell which processor it is for; add --arch riscv64, aarch64, ...",
                         r->file, id->format);
    if (r->initrd && id->kind != FILE_KERNEL)
        return error_set(err, EINVAL, "--initrd %s: '%s' is not a Linux kernel", r->initrd, r->file);
    if (r->append && id->kind != FILE_KERNEL)
        return error_set(err, EINVAL, "--append %s: '%s' is not a Linux kernel", r->append, r->file);
    if (str_eq(r->arch, "x86_64") || str_eq(r->arch, "i386"))
        return error_set(err, EINVAL, id->kind == FILE_PROGRAM ? "'%s' is a program for this machine's own processor; run it without Rhea"
                                                               : "'%s' is for x86, which Rhea has no machines for yet", r->file);
    switch (id->kind) {
    case FILE_PROGRAM:
        add(r, xasprintf("rhea-%s", r->arch));
        add(r, r->file);
        break;
    case FILE_KERNEL: kernel_words(r); break;
    case FILE_BARE: bare_words(r); break;
    default:
        if (disk_words(r, id, err) < 0)
            return -ENOENT;
    }
    for (int i = 0; i < r->rest_count; i++)
        add(r, r->rest[i]);
    return 0;
}

/* So that it can be pasted into a shell. */
static void print_command(const struct run *r)
{
    struct str s = STR_INIT;
    char *text;

    for (int i = 0; i < r->argc; i++) {
        const char *word = r->argv[i];
        bool plain = *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,=:+@")];

        str_add(&s, i ? " " : "");
        str_add(&s, plain ? "" : "'");
        for (; *word; word++)
            str_add(&s, *word == '\'' ? "'\\''" : (char[]){ *word, 0 });
        str_add(&s, plain ? "" : "'");
    }
    text = str_take(&s);
    fprintf(r->dry ? stdout : stderr, "%s\n", text);
    free(text);
}

/* Returns the index of the file, or -EINVAL; 0 for --help. */
static int read_options(struct run *r, int argc, char **argv, struct error *err)
{
    const struct { const char *name; const char **to; } texts[] = {
        { "--arch", &r->arch }, { "--initrd", &r->initrd }, { "--append", &r->append },
    };
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        size_t t = 0;

        if (str_eq(argv[i], "--help") || str_eq(argv[i], "-help") || str_eq(argv[i], "-h"))
            return 0;
        if (str_eq(argv[i], "--dry-run")) {
            r->dry = true;
            continue;
        }
        while (t < ARRAY_LEN(texts) && !str_eq(texts[t].name, argv[i]))
            t++;
        if (t == ARRAY_LEN(texts))
            return error_set(err, EINVAL, "%s: no such option; options of the machine come after the file", argv[i]);
        if (++i == argc)
            return error_set(err, EINVAL, "%s: an argument is missing", texts[t].name);
        *texts[t].to = argv[i];
    }
    return i < argc ? i : error_set(err, EINVAL, "no file given: rhea run FILE [arguments...]");
}

static int run_main(int argc, char **argv, const char *arch)
{
    static struct run r;                       /* its words live as long as the process */
    struct error err = ERROR_INIT;
    struct file_identity id;
    int at = read_options(&r, argc, argv, &err);

    (void)arch;
    if (at == 0)
        return usage(stdout);
    if (at > 0) {
        r.file = argv[at];
        r.rest = argv + at + 1;
        r.rest_count = argc - at - 1;
    }
    if (at < 0 || identify_file(r.file, &id, &err) < 0 || choose(&r, &id, &err) < 0) {
        error_report(&err);
        return 1;
    }
    if (r.dry || id.kind != FILE_PROGRAM)
        print_command(&r);
    return r.dry ? 0 : personality_start(str_after(r.argv[0], "rhea-"), r.argc, (char **)r.argv);
}

const struct personality run_personality = {
    .name = "run", .help = "FILE: picks guest, machine and firmware by looking at the file", .main = run_main,
};
