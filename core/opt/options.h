/* core/opt/options.h - the command line, read but not yet acted on.
 *
 * options.def lists every option once; parse.c reads it into one of these structs; whoever builds a machine or loads a
 * program takes it from there. An option that this build cannot act on is refused here, with the reason. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/opt/optlist.h"

struct error;

struct strings {
    const char **at;
    size_t count;
};

struct smp_options {
    unsigned cpus, maxcpus;                       /* 1 and cpus unless given; 1 <= cpus <= maxcpus <= 4096 */
    unsigned sockets, dies, clusters, cores, threads;  /* 0 where not given; their product is maxcpus when all are given */
};

/* A whole machine. Strings and lists live as long as the struct. NULL, 0 or false where the option is absent. */
struct sys_options {
    const char *arch;              /* "riscv64", "riscv32", "aarch64", "arm", "x86_64", "i386" */

    /* the machine */
    struct optlist *machine;       /* -M, -machine, all of them merged; key "type" is the name. Never NULL */
    struct optlist *cpu;           /* -cpu; key "model", then features in order: `+f` and `f` are f=on, `-f` is f=off */
    struct optlists accels;        /* -accel in order of preference; key "accel". -enable-kvm and machine's accel= too */
    struct smp_options smp;
    uint64_t ram_bytes;            /* -m; 0 if not given */
    uint64_t maxmem_bytes, ram_slots;
    const char *name;              /* -name, without its debug-threads= */
    const char *uuid;
    bool nodefaults;               /* no default serial, monitor, network, drives */
    struct optlist *rtc;           /* -rtc base=,clock=,driftfix= */
    struct optlist *icount;        /* -icount; key "shift" */
    uint64_t seed;                 /* -seed, with has_seed */
    bool has_seed;

    /* what to boot */
    const char *kernel, *initrd, *append, *dtb, *bios;
    struct optlist *boot;          /* -boot; key "order" */
    struct strings firmware_dirs;  /* -L, in order */
    struct optlists fw_cfg;        /* key "name" */
    struct optlists smbios;        /* keys "type" and that type's fields, or "file" */
    struct optlist *semihosting;   /* -semihosting, -semihosting-config; key "enable" */

    /* parts */
    struct optlists devices;       /* key "driver" */
    struct optlists globals;       /* -global DRIVER.PROP=VALUE: keys "driver", "property", "value" */
    struct optlists objects;       /* key "qom-type" */
    struct optlists drives;        /* -drive; -hda, -cdrom, -pflash, ... and a bare file name became the same; key "file" */
    struct optlists blockdevs;     /* key "driver" */
    bool snapshot;
    const char *loadvm;
    struct optlists netdevs;       /* key "type" */
    struct optlists nics;          /* -nic; key "type" */
    struct optlists nets;          /* -net; key "type": nic, user, none, ... */
    struct optlists chardevs;      /* key "backend" */
    struct strings serials;        /* -serial: `mon:stdio`, `none`, `file:x`, `chardev:ID`, ... in order */
    struct strings parallels;
    struct strings monitors;       /* -monitor: same syntax */
    struct optlists mons;          /* -mon; key "chardev" */
    struct optlist *display;       /* -display; key "type" */
    const char *vga;
    bool nographic;

    /* its life */
    bool stopped;                  /* -S */
    const char *gdb;               /* -gdb DEV; -s is "tcp::1234" */
    bool no_reboot, no_shutdown;   /* -no-reboot, -no-shutdown, -action reboot=shutdown, shutdown=pause */
    bool daemonize;
    const char *pidfile;
    bool one_insn_per_tb;          /* -singlestep: a block holds one instruction */
};

enum { USER_LIMITS = 3 };

/* One program. */
struct user_options {
    const char *arch;
    const char *program;           /* the path as typed */
    int argc;                      /* the program's own arguments, argv[0] included (-0 replaces it) */
    char **argv;
    char **envp;                   /* the program's environment: ours with -E and -U applied; ends with NULL */
    const char *sysroot;           /* -L, QEMU_LD_PREFIX */
    struct optlist *cpu;           /* -cpu, QEMU_CPU; as in sys_options; NULL if not given */
    const char *gdb;               /* -g PORT or socket path, QEMU_GDB */
    bool strace;                   /* -strace, QEMU_STRACE; log category strace is on too */
    uint64_t stack_bytes;          /* -s, QEMU_STACK_SIZE; 0 if not given */
    uint64_t base;                 /* -B, QEMU_GUEST_BASE, with has_base */
    bool has_base;
    uint64_t reserved_bytes;       /* -R, QEMU_RESERVED_VA; 0 if not given */
    uint64_t page_bytes;           /* -p; 0 if not given */
    const char *release;           /* -r, QEMU_UNAME */
    uint64_t seed;                 /* -seed, QEMU_RAND_SEED, with has_seed */
    bool has_seed;
    struct { bool set; uint64_t soft, hard; } limits[USER_LIMITS];   /* -rlimit: as, data, stack; UINT64_MAX: none */
    bool one_insn_per_tb;          /* -singlestep */
    struct optlist *accel;         /* -accel tcg,backend=interp; key "accel"; NULL if not given */
    int exec_fd;                   /* the program, opened by the kernel's binfmt_misc; -1: by path */
};

/**
 * sys_options_parse - read the command line of rhea-system-ARCH.
 * @o:    filled in; zeroed first. Its strings point into @argv, which stays
 * @argc, @argv: as main() got them; argv[0] is skipped
 * @arch: "riscv64", ...; kept
 * @err:  the sentence
 *
 * -d, -D and -dfilter take effect here. Returns 0; 1 if the command line asked for a list that has been printed (-help,
 * -version, -d help) and the program is done; -EINVAL or another error.
 */
int sys_options_parse(struct sys_options *o, int argc, char **argv, const char *arch, struct error *err);
/** sys_options_untaken - after the machine is built: refuse an option that nobody asked about. 0, or -errno with a sentence. */
int sys_options_untaken(const struct sys_options *o, struct error *err);
void sys_options_free(struct sys_options *o);

/** user_options_parse - the same for rhea-ARCH; options end at the program's name; the environment is read first. */
int user_options_parse(struct user_options *o, int argc, char **argv, const char *arch, struct error *err);
/** user_wants_models - was it `-cpu help`? Then there need be no program. */
bool user_wants_models(const struct user_options *o);
void user_options_free(struct user_options *o);

/** cpu_optlist - read a -cpu argument: `MODEL,+feature,-feature,feature=on`. NULL on error. */
struct optlist *cpu_optlist(const char *option, const char *text, struct error *err);
