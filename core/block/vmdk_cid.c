/* core/block/vmdk_cid.c - content ids: a descriptor's CID changes when its disk is first written to after opening; a
 * child keeps the parent's in parentCID and so notices that what lies below has changed since.
 *
 *   opened ---(first write)---> new CID in the descriptor, synced ---> the write itself
 *
 * Source: VMware, "Virtual Disk Format 1.1", "The Header" of the descriptor. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/vmdk.h"

/* Sets "KEY=xxxxxxxx" in a descriptor of @room bytes; another length of the old value moves what follows it. */
static int set_value(char *desc, size_t room, const char *key, uint32_t value)
{
    size_t len = strlen(desc), klen = strlen(key);
    char  *s = desc, text[9];

    while (s != NULL && (strncmp(s, key, klen) != 0 || s[klen] != '='))
        s = (s = strchr(s, '\n')) != NULL ? s + 1 : NULL;
    if (s == NULL)
        return -ENOENT;
    s += klen + 1;
    size_t old = strcspn(s, "\r\n");

    if (len - old + 8 > room)
        return -ENOSPC;
    memmove(s + 8, s + old, len - (size_t)(s - desc) - old + 1);
    snprintf(text, sizeof text, "%08" PRIx32, value);
    memcpy(s, text, 8);
    if (old > 8)                                 /* what the shorter text leaves behind */
        memset(desc + len - old + 8, 0, old - 8);
    return 0;
}

static int update(struct blk_node *n, const char *key, uint32_t value)
{
    struct vmdk *s    = n->priv;
    size_t       room = (size_t)s->desc_len + 16;
    char        *desc = try_alloc(room, 1, VMDK_DESC_MAX + 16);
    int          ret  = desc != NULL ? blk_read(n->file, s->desc_off, desc, (size_t)s->desc_len) : -ENOMEM;

    if (ret == 0)
        ret = set_value(desc, s->desc_off > 0 ? (size_t)s->desc_len : room - 1, key, value);
    if (ret == 0)
        ret = blk_write(n->file, s->desc_off, desc, s->desc_off > 0 ? (size_t)s->desc_len : strlen(desc));
    free(desc);
    if (ret == -ENOENT)                          /* a descriptor without ids: nobody can go by them */
        return 0;
    return ret < 0 ? ret : blk_flush(n->file);
}

int vmdk_announce(struct blk_node *n)
{
    struct vmdk *s   = n->priv;
    uint32_t     cid = 0;
    int          ret = 0;

    if (s->announced || s->desc_len == 0)
        return 0;
    co_lock(&s->lock);
    if (!s->announced) {
        while (cid == s->cid || cid >= UINT32_MAX - 1)    /* those have meanings of their own */
            if (getrandom(&cid, sizeof cid, 0) != sizeof cid)
                cid = s->cid + 1;
        ret = update(n, "CID", cid);
        s->cid       = ret == 0 ? cid : s->cid;
        s->announced = ret == 0;
    }
    co_unlock(&s->lock);
    return ret;
}

int vmdk_check_backing(struct blk_node *n, bool follow, struct error *err)
{
    struct vmdk *s = n->priv, *parent;
    int          ret;

    if (n->backing == NULL || n->backing->drv != n->drv)
        return 0;
    parent = n->backing->priv;
    if (follow && n->backing->flags & BLK_RDWR) {
        ret = vmdk_announce(n->backing);
        if (ret == 0)
            ret = update(n, "parentCID", parent->cid);
        s->parent_cid = ret == 0 ? parent->cid : s->parent_cid;
        return ret < 0 ? error_set(err, ret, "could not write the content ids of '%s': %s", n->filename, strerror(-ret)) : 0;
    }
    if (parent->cid == s->parent_cid)
        return 0;
    return error_set(err, EINVAL, "'%s' has changed since '%s' was made above it (its CID is %08" PRIx32 ", not %08" PRIx32
                     "): what both show together would be wrong; bring back the parent as it was", n->backing->filename, n->filename, parent->cid,
                     s->parent_cid);
}
