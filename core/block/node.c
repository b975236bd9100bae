/* core/block/node.c - the list of nodes, drivers by name and by content, names of files. */
#include "core/block/node.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/node_int.h"

static struct blk_node *nodes;
static pthread_mutex_t  nodes_lock = PTHREAD_MUTEX_INITIALIZER;    /* graphs live on several loops */

struct blk_node *blk_first(void)
{
    return nodes;
}

struct blk_node *blk_find(const char *name)
{
    struct blk_node *n;

    pthread_mutex_lock(&nodes_lock);
    for (n = nodes; n != NULL && !str_eq(n->name, name); n = n->next)
        ;
    pthread_mutex_unlock(&nodes_lock);
    return n;
}

struct blk_node *blk_ref(struct blk_node *n)
{
    n->refs++;
    return n;
}

struct blk_node *blk_node_new(void)
{
    static unsigned  count;
    struct blk_node *n = NEW(struct blk_node);

    n->refs  = 1;
    n->align = 1;
    pthread_mutex_lock(&nodes_lock);
    snprintf(n->name, sizeof n->name, "#block%03u", count++);
    n->next = nodes;
    nodes   = n;
    pthread_mutex_unlock(&nodes_lock);
    return n;
}

void blk_node_free(struct blk_node *n)
{
    struct blk_node **at = &nodes;

    pthread_mutex_lock(&nodes_lock);
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    pthread_mutex_unlock(&nodes_lock);
    free(n->priv);
    free(n);
}

void blk_unref(struct blk_node *n)
{
    struct blk_node *below[3];

    if (n == NULL || --n->refs > 0)
        return;
    n->refs = 1;                        /* close() may flush, which counts requests */
    blk_drain(n);
    if (n->drv != NULL && n->drv->close != NULL)
        n->drv->close(n);
    below[0] = n->backing;
    below[1] = n->data;
    below[2] = n->file;
    blk_node_free(n);
    for (int i = 0; i < 3; i++)
        blk_unref(below[i]);
}

const struct blk_driver *blk_driver_find(const char *name, struct error *err)
{
    struct nearest near = NEAREST_INIT(name);
    char           hint[96];

    for (int i = 0; all_blk_drivers[i] != NULL; i++) {
        if (str_eq(all_blk_drivers[i]->name, name))
            return all_blk_drivers[i];
        nearest_try(&near, all_blk_drivers[i]->name);
    }
    error_set(err, ENOENT, "Unknown driver '%s'%s", name, nearest_hint(&near, hint, sizeof hint));
    return NULL;
}

const struct blk_driver *blk_probe(const uint8_t *head, size_t len, const char *filename, int *score)
{
    const struct blk_driver *best = blk_driver_find("raw", NULL);
    int                      most = 1;

    for (int i = 0; all_blk_drivers[i] != NULL; i++) {
        const struct blk_driver *d = all_blk_drivers[i];
        int                      s = d->probe != NULL ? d->probe(head, len, filename) : 0;

        if (s > most) {
            most = s;
            best = d;
        }
    }
    if (score != NULL)
        *score = most;
    return best;
}

/* "proto:" before the first slash. */
bool blk_has_protocol(const char *name)
{
    size_t len = strcspn(name, ":/");

    return len > 0 && name[len] == ':';
}

int blk_path_combine(const char *base, const char *name, char *out, struct error *err)
{
    const char *slash = strrchr(base, '/');
    const char *bare  = str_after(base, "file:");
    int         len;

    if (bare != NULL)
        base = bare;
    if (name[0] == '/' || name[0] == '\0' || blk_has_protocol(name) || slash == NULL)
        len = snprintf(out, BLK_NAME_MAX, "%s", name);
    else
        len = snprintf(out, BLK_NAME_MAX, "%.*s%s", (int)(slash - base) + 1, base, name);
    if (len >= BLK_NAME_MAX)
        return error_set(err, ENAMETOOLONG, "the name of the file that '%s' refers to is too long", base);
    return 0;
}

int blk_full_backing_name(struct blk_node *n, char *out, struct error *err)
{
    if (n->backing_name[0] == '\0') {
        out[0] = '\0';
        return 0;
    }
    if (str_after(n->backing_name, "json:") != NULL) {
        snprintf(out, BLK_NAME_MAX, "%s", n->backing_name);
        return 0;
    }
    return blk_path_combine(n->filename, n->backing_name, out, err);
}

const char *blk_chain_text(struct blk_node *n, char *buf, size_t bytes)
{
    struct blk_node *chain[BLK_CHAIN_MAX + 1];
    int              count = 0;
    size_t           at    = 0;

    for (; n != NULL && count < BLK_CHAIN_MAX; n = n->overlay)
        chain[count++] = n;
    buf[0] = '\0';
    for (int i = count - 1; i >= 0 && at < bytes; i--) {
        if (count > 6 && i == count - 4) {
            at += (size_t)snprintf(buf + at, bytes - at, " -> ...");
            i = 2;
        }
        at += (size_t)snprintf(buf + at, bytes - at, "%s%s", i < count - 1 ? " -> " : "", chain[i]->filename);
    }
    return buf;
}
