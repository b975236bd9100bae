/* tests/fuzz/image.c - libFuzzer harness for image formats: opens, reads, checks and writes what the fuzzer makes up.
 *
 * FORMAT in the environment picks the driver (qcow2 if not set). Built and run by tests/fuzz/run. */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char     *format;
static struct io_loop *loop;

struct input {
    char name[64];
};

static void look(struct blk_node *n)
{
    static char       buf[65536];
    struct blk_info   info = { .dirty = false };
    struct blk_extent e;
    uint64_t          places[] = { 0, n->bytes / 2, n->bytes > sizeof buf ? n->bytes - sizeof buf : 0 };

    for (size_t i = 0; i < 3; i++) {
        blk_read(n, places[i], buf, n->bytes - places[i] < sizeof buf ? (size_t)(n->bytes - places[i]) : sizeof buf);
        blk_map_chain(n, NULL, places[i], sizeof buf, &e);
    }
    if (n->drv->info != NULL && n->drv->info(n, &info, NULL) == 0)
        json_decref(info.specific);

}

static void change(struct blk_node *n)
{
    static char buf[70000];

    memset(buf, 0x5a, sizeof buf);
    if (n->bytes >= 2 * sizeof buf) {
        blk_write(n, 1000, buf, sizeof buf);
        blk_zero(n, 65536, 65536, BLK_MAY_UNMAP);
        blk_discard(n, 0, 65536);
    }
    blk_flush(n);
}

static void one(void *arg)
{
    struct input    *in = arg;
    struct error     err = ERROR_INIT;
    struct blk_check c   = { .say = NULL };
    struct blk_node *n   = blk_open(in->name, format, NULL, BLK_NO_BACKING | BLK_NO_LOCK, &err);

    if (n != NULL) {
        look(n);
        blk_unref(n);
    }
    error_clear(&err);
    n = blk_open(in->name, format, NULL, BLK_NO_BACKING | BLK_NO_LOCK | BLK_RDWR | BLK_UNMAP | BLK_CHECK | BLK_NO_IO, &err);
    if (n == NULL)
        return;
    if (n->drv->check != NULL)
        n->drv->check(n, &c, 0, &err);
    change(n);
    error_clear(&err);
    if (n->drv->check != NULL)
        n->drv->check(n, &c, BLK_FIX_ERRORS | BLK_FIX_LEAKS, &err);
    blk_unref(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct input in;
    int          fd = memfd_create("image", MFD_CLOEXEC);

    if (format == NULL) {
        format = getenv("FORMAT") != NULL ? getenv("FORMAT") : "qcow2";
        loop   = io_loop_new(IO_ENGINE_AUTO, NULL);
        if (freopen("/dev/null", "w", stdout) == NULL)
            abort();
    }
    if (fd < 0 || len > 1 << 20 || write(fd, data, len) != (ssize_t)len)
        abort();
    snprintf(in.name, sizeof in.name, "/proc/self/fd/%d", fd);
    io_run(loop, one, &in);
    close(fd);
    return 0;
}
