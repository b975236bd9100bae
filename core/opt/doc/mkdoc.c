/* A build tool: the manual's pages and the shell's completion, from the table that also reads the command line.
 *
 * mkdoc man-system | man-user | man-rhea | bash     writes to stdout. It stands alone: no part of Rhea is linked.
 * mkdoc man-help NAME PURPOSE                      a page around the --help of a program, which comes in by stdin */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/version.h"

struct option {
    bool system, alias, not, head;
    const char *name, *args, *help;   /* of an alias: help is the other name */
};

static const struct option options[] = {
#define HEAD(text) { .system = true, .head = true, .help = text },
#define SYS_FLAG(n, field, h) { .system = true, .name = n, .help = h },
#define SYS_TEXT(n, field, a, h) { .system = true, .name = n, .args = a, .help = h },
#define SYS_TEXTS SYS_TEXT
#define SYS_ONE(n, field, implied, a, h) { .system = true, .name = n, .args = a, .help = h },
#define SYS_LIST SYS_ONE
#define SYS_CALL(n, function, a, h) { .system = true, .name = n, .args = a, .help = h },
#define SYS_ALIAS(n, other) { .system = true, .alias = true, .name = n, .help = other },
#define SYS_NOT(n, a, reason) { .system = true, .not = true, .name = n, .args = a, .help = reason },
#define USR_TEXT(n, field, a, h) { .name = n, .args = a, .help = h },
#define USR_ONE(n, field, implied, a, h) { .name = n, .args = a, .help = h },
#define USR_CALL(n, function, a, h) { .name = n, .args = a, .help = h },
#define USR_ALIAS(n, other) { .alias = true, .name = n, .help = other },
#define USR_NOT(n, a, reason) { .not = true, .name = n, .args = a, .help = reason },
#include "core/opt/options.def"
};
enum { COUNT = sizeof options / sizeof options[0] };

/* roff reads backslashes, hyphens, and dots and quotes at the start of a line. */
static void roff(const char *s)
{
    if (*s == '.' || *s == '\'')
        fputs("\\&", stdout);
    for (; *s; s++) {
        if (*s == '\\')
            fputs("\\e", stdout);
        else if (*s == '-')
            fputs("\\-", stdout);
        else
            putchar(*s);
    }
}

static void page(const char *name, const char *purpose, const char *synopsis)
{
    printf(".TH %s 1 \"\" \"Rhea %s\" \"Rhea\"\n.SH NAME\n", name, RHEA_VERSION);
    roff(name);
    printf(" \\- %s\n.SH SYNOPSIS\n", purpose);
    roff(synopsis);
    printf("\n.SH DESCRIPTION\n");
}

static void option_entry(const struct option *o, bool system)
{
    fputs(".TP\n.B \\-", stdout);
    roff(o->name);
    for (int i = 0; i < COUNT; i++)
        if (options[i].alias && options[i].system == system && strcmp(options[i].help, o->name) == 0) {
            fputs(" \\fRor\\fB \\-", stdout);
            roff(options[i].name);
        }
    if (o->args) {
        fputs(" \\fI", stdout);
        roff(o->args);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    roff(o->help);
    putchar('\n');
}

static void option_entries(bool system)
{
    for (int i = 0; i < COUNT; i++) {
        const struct option *o = &options[i];

        if (o->head && system && i + 1 < COUNT && options[i + 1].system)
            printf(".SS %s\n", o->help);
        else if (!o->head && !o->alias && !o->not && o->system == system)
            option_entry(o, system);
    }
}

static void example(const char *what, const char *line)
{
    printf(".PP\n%s\n.PP\n.nf\n.RS\n", what);
    roff(line);
    printf("\n.RE\n.fi\n");
}

static void man_system(void)
{
    page("rhea-system", "run a whole machine of another architecture",
         "rhea-system-ARCH [options] [disk_image]");
    puts("Runs an operating system on an emulated machine, by translating its instructions. ARCH is riscv64, riscv32, aarch64,\n"
         "or arm. The options are those of QEMU; one or two dashes are the same. An option that cannot be acted\n"
         "on is refused with a sentence that says why.");
    puts(".SH EXAMPLES");
    example("Boot a kernel on the serial console (Ctrl-A X leaves, Ctrl-A H helps):",
            "rhea-system-riscv64 -M virt -m 1G -smp 2 -nographic -kernel Image -initrd initrd.gz -append console=ttyS0");
    example("List what there is:", "rhea-system-riscv64 -M help\nrhea-system-riscv64 -device help\n"
            "rhea-system-riscv64 -device virtio-blk-device,help");
    example("Wait for gdb before the first instruction:", "rhea-system-riscv64 -M virt -nographic -kernel Image -s -S");
    puts(".SH OPTIONS");
    option_entries(true);
    puts(".SH EXIT STATUS\n0 when the guest powers off or asks for it; the guest's own status where its machine has a way to give one;\n"
         "1 for a mistake on the command line or a failure of the host, with one sentence on stderr.");
    puts(".SH SEE ALSO\n.BR rhea (1),\n.BR rhea-user (1)");
}

static void man_user(void)
{
    page("rhea-user", "run a Linux program of another architecture", "rhea-ARCH [options] program [arguments...]");
    puts("Runs one Linux program that was built for another processor, by translating its instructions and its system calls.\n"
         "ARCH is riscv64, riscv32, aarch64 or arm. Options end at the program's name. The variable in brackets stands for\n"
         "the option.");
    puts(".SH EXAMPLES");
    example("A program that needs the libraries of its own system:", "rhea-riscv64 -L /usr/riscv64-linux-gnu ./hello");
    example("Its system calls:", "rhea-riscv64 -strace ./hello");
    puts(".SH OPTIONS");
    option_entries(false);
    puts(".SH EXIT STATUS\nThe program's own; it dies of the signal that the program dies of. 1, with one sentence on stderr, if the program\n"
         "cannot be started.");
    puts(".SH SEE ALSO\n.BR rhea (1),\n.BR rhea-system (1)");
}

static void man_rhea(void)
{
    page("rhea", "run ARM and RISC-V systems and programs", "rhea NAME arguments...");
    puts("One program with many names: \\fBrhea system-riscv64\\fR is \\fBrhea-system-riscv64\\fR. NAME is\n"
         "system-riscv64, system-riscv32, system-aarch64, system-arm (a whole machine);\n"
         "riscv64, riscv32, aarch64, arm (one program); img, io, nbd (disk images).\n"
         "The command lines are those of the qemu-* programs of the same names.");
    puts(".SH SEE ALSO\n.BR rhea-system (1),\n.BR rhea-user (1)");
}

/* The help's own layout is kept. */
static void man_help(const char *name, const char *purpose)
{
    char line[1024], synopsis[64];

    snprintf(synopsis, sizeof synopsis, "%s [options] ...", name);
    page(name, purpose, synopsis);
    puts("The command line is that of the qemu-* program of the same name.\n.SH OPTIONS\n.nf");
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        roff(line);
        putchar('\n');
    }
    puts(".fi\n.SH SEE ALSO\n.BR rhea (1)");
}

static void names(bool system)
{
    for (int i = 0; i < COUNT; i++)
        if (!options[i].head && !options[i].not && options[i].system == system)
            printf(" -%s", options[i].name);
}

static void names_with_args(bool system)
{
    bool first = true;

    for (int i = 0; i < COUNT; i++) {
        if (options[i].head || options[i].alias || !options[i].args || options[i].system != system)
            continue;
        printf("%s%s", first ? "" : "|", options[i].name);
        first = false;
    }
}

static void bash(void)
{
    printf("# bash completion for rhea, made from its table of options\n"
           "_rhea()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} options takes\n"
           "    case ${1##*/} in\n"
           "    *-system-*) options='");
    names(true);
    printf("' takes='^--?(M|");
    names_with_args(true);
    printf(")$' ;;\n    *) options='");
    names(false);
    printf("' takes='^--?(");
    names_with_args(false);
    printf(")$' ;;\n    esac\n"
           "    COMPREPLY=()\n"
           "    case $prev in\n"
           "    -M|-machine|-cpu|-accel|-device|-netdev|-chardev|-object|-d|--machine|--cpu|--accel|--device|--netdev|--chardev|--object)\n"
           "        # the lists that the program itself prints: one name a line, after a heading\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$(\"$1\" \"$prev\" help 2>/dev/null |\n"
           "            sed -n '/:$/d; s/^name \"\\([^\"]*\\)\".*/\\1/p; t; s/^ *\\([A-Za-z0-9_.-]\\{1,\\}\\)\\( .*\\)\\{0,1\\}$/\\1/p')\" -- \"$cur\")\n"
           "        return ;;\n"
           "    -display|--display|-vga|--vga)\n"
           "        mapfile -t COMPREPLY < <(compgen -W 'none std virtio' -- \"$cur\")\n"
           "        return ;;\n"
           "    esac\n"
           "    if [[ $prev =~ $takes || $cur != -* ]]; then\n"
           "        compopt -o filenames 2>/dev/null\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
           "    else\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
           "    fi\n"
           "}\n"
           "_rhea_img()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]}\n"
           "    compopt -o filenames 2>/dev/null\n"
           "    if [ $COMP_CWORD = 1 ]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$(\"$1\" --help 2>/dev/null |\n"
           "            sed -n '/^Command syntax/,/^$/s/^  \\([a-z]\\{1,\\}\\) .*/\\1/p')\" -- \"$cur\")\n"
           "    else\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
           "    fi\n}\n"
           "complete -F _rhea_img rhea-img\n"
           "complete -F _rhea rhea-system-{riscv64,riscv32,aarch64,arm} rhea-{riscv64,riscv32,aarch64,arm}\n");
}

int main(int argc, char **argv)
{
    const char *what = argc >= 2 ? argv[1] : "";

    if (strcmp(what, "man-system") == 0)
        man_system();
    else if (strcmp(what, "man-user") == 0)
        man_user();
    else if (strcmp(what, "man-rhea") == 0)
        man_rhea();
    else if (strcmp(what, "man-help") == 0 && argc == 4)
        man_help(argv[2], argv[3]);
    else if (strcmp(what, "bash") == 0)
        bash();
    else
        return fprintf(stderr, "mkdoc: expected man-system, man-user, man-rhea, man-help NAME PURPOSE or bash\n"), 1;
    return 0;
}
