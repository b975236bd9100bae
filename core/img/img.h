/* core/img/img.h - what the commands of rhea-img, rhea-io and rhea-nbd share.
 *
 * Each command runs in a coroutine on a loop of its own thread, so it calls the block layer like blocking code. */
#ifndef CORE_IMG_IMG_H
#define CORE_IMG_IMG_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/block/node.h"

/* One command: argv[0] is its name. Returns the exit status. */
struct img_command {
    const char *name, *usage;
    int (*run)(int argc, char **argv);
};

/* What the options common to commands said. */
struct img {
    const char *fmt, *out_fmt, *cache, *src_cache;
    bool        image_opts, share, quiet, progress, json;
};

/* Values of long options without a letter. */
enum { OPT_OBJECT = 256, OPT_IMAGE_OPTS, OPT_OUTPUT, OPT_FORCE_SHARE, OPT_FIRST };
#define IMG_LONG                                                                                                     \
    { "help", no_argument, NULL, 'h' }, { "object", required_argument, NULL, OPT_OBJECT },                           \
    { "image-opts", no_argument, NULL, OPT_IMAGE_OPTS }, { "output", required_argument, NULL, OPT_OUTPUT },          \
    { "force-share", no_argument, NULL, 'U' }

/** img_option - handle an option from IMG_LONG or -f -U -q -p -t -T. Returns 0, or the exit status to end with + 1. */
int img_option(struct img *g, int c, const char *command);

/** img_fail - print "rhea-img: sentence" and return 1. */
int img_fail(const struct error *err);
int img_fail_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** img_native - may aio=native be used with this cache mode (NULL: the default)? It is done by io_uring, and only around
 *  the page cache, as QEMU's tools have it. 0, or -EINVAL after saying so. */
int img_native(const char *cache);

/** img_open - open an image as the options say. Prints the reason when it fails: NULL. @cache: NULL: writeback. */
struct blk_node *img_open(const struct img *g, const char *name, const char *fmt, unsigned flags, const char *cache);

/** img_object - an --object option: secrets and TLS credentials. 0 or -errno. */
int img_object(const char *text, struct error *err);



/** img_snapshot_arg - "NAME", "snapshot.id=..,snapshot.name=..": which one. Returns a string to free(). */
char *img_snapshot_arg(const char *text);

/** img_size_arg - a size option; prints the reason. 0 or -EINVAL. */
int img_size_arg(const char *what, const char *text, uint64_t *v);

/** img_run - run a command's function in a coroutine. */
int img_run(int (*fn)(int argc, char **argv), int argc, char **argv);

/* Has the user pressed Ctrl-C? Commands that write stop at the next step and clean up. */
bool img_interrupted(void);

/* -- progress.c: -p on standard output as scripts know it; a bar on a terminal once a second has passed. */
void progress_begin(const struct img *g, uint64_t total);
void progress_add(uint64_t done);
void progress_end(bool ok);

#define CMD(name) int img_##name(int argc, char **argv)
CMD(create); CMD(info); CMD(check); CMD(convert); CMD(compare); CMD(map); CMD(measure); CMD(resize); CMD(rebase);
CMD(commit); CMD(snapshot); CMD(bench); CMD(dd); CMD(amend); CMD(bitmap); CMD(mount);
#undef CMD

#endif
