/* Commands about character devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/char/ring.h"
#include "core/monitor/hmp.h"

enum { READ_MOST = 1 << 16 };

void hmp_info_chardev(struct hmp *h, const char *args)
{
    (void)args;
    chr_info(h->out);
}

/* The ring buffer that the first word names; *rest: what follows. NULL with a sentence. */
static struct chr *ring_named(struct hmp *h, const char *args, const char **rest)
{
    size_t len = strcspn(args, " ");
    char *id = xstrndup(args, len);
    struct chr *c = chr_find(id);

    if (!c || !ring_is(c)) {
        error_set(&h->err, ENODEV, "there is no ringbuf '%s' (info chardev lists what there is)", id);
        c = NULL;
    }
    *rest = args + len + strspn(args + len, " ");
    free(id);
    return c;
}

void hmp_ringbuf_read(struct hmp *h, const char *args)
{
    const char *rest;
    struct chr *c = ring_named(h, args, &rest);
    uint8_t bytes[512];
    uint64_t left;
    size_t n;

    if (!c)
        return;
    if (str_u64(rest, &left) < 0) {
        error_set(&h->err, EINVAL, "ringbuf_read: how many bytes? '%s' is no number", rest);
        return;
    }
    for (left = left < READ_MOST ? left : READ_MOST; left && (n = ring_take(c, bytes, left < sizeof(bytes) ? left : sizeof(bytes)));
         left -= n)
        for (size_t i = 0; i < n; i++)
            if (bytes[i] == '\\' || (bytes[i] < ' ' && bytes[i] != '\n') || bytes[i] >= 0x7f)
                fprintf(h->out, "\\u%04X", bytes[i]);
            else
                fputc(bytes[i], h->out);
    fputc('\n', h->out);
}

void hmp_ringbuf_write(struct hmp *h, const char *args)
{
    const char *rest;
    struct chr *c = ring_named(h, args, &rest);

    if (c)
        ring_put(c, (const uint8_t *)rest, strlen(rest));
}
