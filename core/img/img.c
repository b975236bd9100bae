/* core/img/img.c - rhea-img: finds the command, and what all commands need. */
#include "core/img/img.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/block/backend.h"
#include "core/block/objects.h"
#include "core/block/crypt.h"
#include "core/event/iothread.h"
#include "core/personality.h"

static const struct img_command commands[] = {
    { "amend", "[--object objectdef] [--image-opts] [-p] [-q] [-f fmt] [-t cache] [--force] -o options filename", img_amend },
    { "bench", "[-c count] [-d depth] [-f fmt] [--flush-interval=flush_interval] [-i aio] [-n] [--no-drain] [-o offset] [--pattern=pattern] [-q] [-s buffer_size] [-S step_size] [-t cache] [-w] [-U] filename", img_bench },
    { "bitmap", "(--merge SOURCE | --add | --remove | --clear | --enable | --disable)... [-b source_file [-F source_fmt]] [-g granularity] [--object objectdef] [--image-opts | -f fmt] filename bitmap", img_bitmap },
    { "check", "[--object objectdef] [--image-opts] [-q] [-f fmt] [--output=ofmt] [-r [leaks | all]] [-T src_cache] [-U] filename", img_check },
    { "commit", "[--object objectdef] [--image-opts] [-q] [-f fmt] [-t cache] [-b base] [-r rate_limit] [-d] [-p] filename", img_commit },
    { "compare", "[--object objectdef] [--image-opts] [-f fmt] [-F fmt] [-T src_cache] [-p] [-q] [-s] [-U] filename1 filename2", img_compare },
    { "convert", "[--object objectdef] [--image-opts] [--target-image-opts] [--target-is-zero] [--bitmaps] [-U] [-C] [-c] [-p] [-q] [-n] [-f fmt] [-t cache] [-T src_cache] [-O output_fmt] [-B backing_file [-F backing_fmt]] [-o options] [-l snapshot_param] [-S sparse_size] [-r rate_limit] [-m num_coroutines] [-W] [--salvage] filename [filename2 [...]] output_filename", img_convert },
    { "create", "[--object objectdef] [-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]", img_create },
    { "dd", "[--image-opts] [-U] [-f fmt] [-O output_fmt] [bs=block_size] [count=blocks] [skip=blocks] if=input of=output", img_dd },
    { "info", "[--object objectdef] [--image-opts] [-f fmt] [--output=ofmt] [--backing-chain] [-U] filename", img_info },
    { "map", "[--object objectdef] [--image-opts] [-f fmt] [--start-offset=offset] [--max-length=len] [--output=ofmt] [-U] filename", img_map },
    { "measure", "[--output=ofmt] [-O output_fmt] [-o options] [--size N | [--object objectdef] [--image-opts] [-f fmt] [-l snapshot_param] filename]", img_measure },
    { "mount", "[--object objectdef] [-f fmt] [-t cache] [-r] [-F] filename mountpoint", img_mount },
    { "snapshot", "[--object objectdef] [--image-opts] [-U] [-q] [-l | -a snapshot | -c snapshot | -d snapshot] filename", img_snapshot },
    { "rebase", "[--object objectdef] [--image-opts] [-U] [-q] [-f fmt] [-t cache] [-T src_cache] [-p] [-u] -b backing_file [-F backing_fmt] filename", img_rebase },
    { "resize", "[--object objectdef] [--image-opts] [-f fmt] [--preallocation=prealloc] [-q] [--shrink] filename [+ | -]size", img_resize },
};

int img_fail(const struct error *err)
{
    error_report(err);
    return 1;
}

int img_fail_text(const char *fmt, ...)
{
    struct error err = ERROR_INIT;
    va_list      ap;

    va_start(ap, fmt);
    error_vset(&err, EINVAL, fmt, ap);
    va_end(ap);
    return img_fail(&err);
}

int img_object(const char *text, struct error *err)
{
    struct blk_opts *o    = blk_opts_new();
    int              ret  = text[0] == '{' ? blk_opts_json(o, text, err) : blk_opts_parse(o, text, "qom-type", err);

    if (ret == 0)
        ret = blk_object_add(o, err);
    blk_opts_free(o);
    return ret;
}

static int help_for(const char *command)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (str_eq(commands[i].name, command))
            printf("usage: rhea-img %s %s\n", command, commands[i].usage);
    return 0;
}

int img_option(struct img *g, int c, const char *command)
{
    struct error err = ERROR_INIT;

    switch (c) {
    case 'f':
        g->fmt = optarg;
        return 0;
    case 'U':
        g->share = true;
        return 0;
    case 'q':
        g->quiet = true;
        return 0;
    case 'p':
        g->progress = true;
        return 0;
    case 't':
        g->cache = optarg;
        return 0;
    case 'T':
        g->src_cache = optarg;
        return 0;
    case OPT_IMAGE_OPTS:
        g->image_opts = true;
        return 0;
    case OPT_OBJECT:
        return img_object(optarg, &err) < 0 ? img_fail(&err) + 1 : 0;
    case OPT_OUTPUT:
        g->json = str_eq(optarg, "json");
        return g->json || str_eq(optarg, "human") ? 0 : img_fail_text("--output must be used with human or json as argument.") + 1;
    case 'h':
        return help_for(command) + 1;
    default:
        fprintf(stderr, "Try 'rhea-img --help' for more information\n");
        return 2;
    }
}

int img_native(const char *cache)
{
    unsigned flags = 0;

    if (cache != NULL && blk_cache_parse(cache, &flags) == 0 && (flags & BLK_DIRECT))
        return 0;
    img_fail_text("aio=native was specified, but it requires cache.direct=on, which was not specified.");
    return -EINVAL;
}

struct blk_node *img_open(const struct img *g, const char *name, const char *fmt, unsigned flags, const char *cache)
{
    struct error     err = ERROR_INIT;
    struct blk_opts *o   = blk_opts_new();
    struct blk_node *n   = NULL;
    int              ret = 0;

    if (cache != NULL && blk_cache_parse(cache, &flags) < 0) {
        ret = error_set(&err, EINVAL, "Invalid cache option: %s; it is one of none, writeback, writethrough, directsync, unsafe", cache);
    } else {
        if (g->share)
            flags |= BLK_SHARE;
        if (g->image_opts) {
            if (fmt != NULL)
                ret = error_set(&err, EINVAL, "--image-opts and --format are mutually exclusive");
            else
                ret = blk_opts_parse(o, name, NULL, &err);
        }
        if (ret == 0)
            n = blk_open(g->image_opts ? NULL : name, fmt, o, flags, &err);
        if (n != NULL && blk_opts_done(o, n->drv->name, NULL, &err) < 0) {
            blk_unref(n);
            n = NULL;
        }
        if (n == NULL && err.code)
            error_prepend(&err, "Could not open '%s': ", name);
    }
    if (n == NULL)
        img_fail(&err);
    blk_opts_free(o);
    return n;
}

char *img_snapshot_arg(const char *text)
{
    struct blk_opts *o;
    char            *name;

    if (str_after(text, "snapshot.") == NULL)
        return xstrdup(text);
    o = blk_opts_new();
    blk_opts_parse(o, text, NULL, NULL);
    name = blk_opts_take(o, "snapshot.id");
    if (name == NULL)
        name = blk_opts_take(o, "snapshot.name");
    blk_opts_free(o);
    return name != NULL ? name : xstrdup(text);
}

int img_size_arg(const char *what, const char *text, uint64_t *v)
{
    if (str_size(text, 1, v) == 0)
        return 0;
    img_fail_text("Invalid %s specified: '%s'. You may use k, M, G, T, P or E suffixes for kilobytes, megabytes, gigabytes, terabytes, "
                  "petabytes and exabytes.", what, text);
    return -EINVAL;
}

/* ---- running */

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    if (interrupted)
        _exit(128 + sig);
    interrupted = sig;
}

bool img_interrupted(void)
{
    return interrupted != 0;
}

struct call {
    int  (*fn)(int argc, char **argv);
    int    argc, ret;
    char **argv;
};

static void call_main(void *arg)
{
    struct call *c = arg;

    c->ret = c->fn(c->argc, c->argv);
}

int img_run(int (*fn)(int argc, char **argv), int argc, char **argv)
{
    struct error     err  = ERROR_INIT;
    struct io_loop  *loop = io_loop_new(IO_ENGINE_AUTO, &err);
    struct call      c    = { .fn = fn, .argc = argc, .argv = argv };
    struct sigaction a    = { .sa_handler = on_signal };

    if (loop == NULL)
        return img_fail(&err);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
    io_run(loop, call_main, &c);
    io_loop_free(loop);
    return interrupted ? 128 + interrupted : c.ret;
}

static int print_help(void)
{
    version_print("qemu-img");
    printf("usage: rhea-img [standard options] command [command options]\nQEMU disk image utility\n\n"
           "    '-h', '--help'       display this help and exit\n"
           "    '-V', '--version'    output version information and exit\n"
           "    '-T', '--trace'      [[enable=]<pattern>][,events=<file>][,file=<file>]\n"
           "                         specify tracing options\n\nCommand syntax:\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("  %s %s\n", commands[i].name, commands[i].usage);
    printf("\nCommand parameters:\n"
           "  'filename' is a disk image filename\n"
           "  'fmt' is the disk image format. It is guessed automatically in most cases\n"
           "  'cache' is the cache mode used to write the output disk image, the valid\n"
           "    options are: 'none', 'writeback' (default, except for convert), 'writethrough',\n"
           "    'directsync' and 'unsafe' (default for convert)\n"
           "  'size' is the disk image size in bytes. Optional suffixes 'k' or 'K', 'M', 'G', 'T', 'P' and 'E' are supported\n"
           "  'options' is a comma separated list of format specific options in a\n"
           "    name=value format. Use -o help for an overview of the options supported by the used format\n"
           "  '-c' indicates that target image must be compressed (qcow format only)\n"
           "  '-U' or '--force-share' opens an image that another process writes to\n"
           "  '-p' show progress of command (only certain commands)\n"
           "  '-q' use Quiet mode - do not print any output (except errors)\n"
           "  '-n' skips the target volume creation\n"
           "  '--output' takes the format in which the output must be done (human or json)\n\nSupported formats:");
    for (int i = 0; all_blk_drivers[i] != NULL; i++)
        printf(" %s", all_blk_drivers[i]->name);
    printf("\n");
    return 0;
}

static int img_main(int argc, char **argv, const char *arch)
{
    struct nearest near = NEAREST_INIT(NULL);
    char           hint[96];
    int            at = 1;

    (void)arch;
    while (at < argc && argv[at][0] == '-') {
        if (str_eq(argv[at], "-h") || str_eq(argv[at], "--help"))
            return print_help();
        if (str_eq(argv[at], "-V") || str_eq(argv[at], "--version")) {
            version_print("qemu-img");
            return 0;
        }
        at += str_eq(argv[at], "-T") || str_eq(argv[at], "--trace") ? 2 : 1;
    }
    if (at >= argc)
        return img_fail_text("Not enough arguments; rhea-img --help lists the commands");
    near.typed = argv[at];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (str_eq(commands[i].name, argv[at]) && commands[i].run == img_mount)
            return img_mount(argc - at, argv + at);     /* brings a loop of its own */
        if (str_eq(commands[i].name, argv[at]))
            return img_run(commands[i].run, argc - at, argv + at);
        nearest_try(&near, commands[i].name);
    }
    error_say("Command not found: %s%s", argv[at], nearest_hint(&near, hint, sizeof hint));
    fprintf(stderr, "Try 'rhea-img --help' for more information\n");
    return 1;
}

const struct personality img_personality = { .name = "img", .help = "disk images: create, convert, info, check, ...", .main = img_main };
