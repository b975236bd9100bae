/* core/block/luks.c - a whole disk behind a LUKS1 header, as cryptsetup makes them. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/block/crypt.h"
#include "core/block/node.h"

struct luks {
    struct crypt *c;
};

static int luks_probe(const uint8_t *h, size_t len, const char *filename)
{
    (void)filename;
    return len >= 8 && memcmp(h, "LUKS\xba\xbe\0\1", 8) == 0 ? 100 : 0;
}

static int luks_open(struct blk_node *n, struct blk_opts *o, struct error *err)
{
    struct luks *s      = n->priv;
    char        *secret = blk_opts_take(o, "key-secret");
    int          ret    = 0;

    if (secret == NULL && !(n->flags & BLK_NO_IO))
        ret = error_set(err, EINVAL, "Parameter 'key-secret' is required for cipher");
    if (ret == 0)
        s->c = crypt_open_luks(n->file, 0, n->file->bytes, n->flags & BLK_NO_IO ? NULL : secret, err);
    if (ret == 0 && s->c == NULL)
        ret = err != NULL && err->code ? err->code : -EIO;
    if (ret == 0 && crypt_payload(s->c) > n->file->bytes)
        ret = error_set(err, EINVAL, "LUKS image is cut short: its data begins behind the end of the file");
    free(secret);
    if (ret < 0) {
        crypt_free(s->c);
        return ret;
    }
    n->bytes = align_down(n->file->bytes - crypt_payload(s->c), 512);
    n->align = MAX(512u, n->file->align);
    return 0;
}

static void luks_close(struct blk_node *n)
{
    crypt_free(((struct luks *)n->priv)->c);
}

static int luks_read(struct blk_node *n, uint64_t off, const struct blk_iov *v)
{
    struct luks *s   = n->priv;
    uint8_t     *buf = blk_bounce(v->len);
    int          ret = buf != NULL ? blk_read(n->file, crypt_payload(s->c) + off, buf, v->len) : -ENOMEM;

    if (ret == 0)
        ret = crypt_decrypt(s->c, off, buf, v->len);
    if (ret == 0)
        iov_put(v, 0, buf, v->len);
    free(buf);
    return ret;
}

static int luks_write(struct blk_node *n, uint64_t off, const struct blk_iov *v, unsigned flags)
{
    struct luks *s   = n->priv;
    uint8_t     *buf = blk_bounce(v->len);
    int          ret = buf != NULL ? 0 : -ENOMEM;

    (void)flags;
    if (ret == 0) {
        iov_get(v, 0, buf, v->len);
        ret = crypt_encrypt(s->c, off, buf, v->len);
    }
    if (ret == 0)
        ret = blk_write(n->file, crypt_payload(s->c) + off, buf, v->len);
    free(buf);
    return ret;
}

static int luks_resize(struct blk_node *n, uint64_t bytes, enum blk_prealloc p, struct error *err)
{
    return blk_resize(n->file, crypt_payload(((struct luks *)n->priv)->c) + bytes, p, err);
}

static int luks_info(struct blk_node *n, struct blk_info *info, struct error *err)
{
    (void)err;
    info->encrypted = true;
    info->specific  = json_pack("{s:s,s:o}", "type", "luks", "data", crypt_info(((struct luks *)n->priv)->c, false));
    return 0;
}

static int luks_create(struct blk_create *c, struct error *err)
{
    char *t[7];
    static const char *const keys[7] = { "key-secret", "cipher-alg", "cipher-mode", "ivgen-alg", "ivgen-hash-alg", "hash-alg", "preallocation" };
    struct crypt_params p = { .iter_ms = 0 };
    int64_t payload = -1;
    int     ret = blk_opts_take_u64(c->opts, "iter-time", &p.iter_ms, err);

    for (int i = 0; i < 7; i++)
        t[i] = blk_opts_take(c->opts, keys[i]);
    p.cipher = t[1], p.mode = t[2], p.ivgen = t[3], p.ivhash = t[4], p.hash = t[5];
    if (ret == 0 && t[0] == NULL)
        ret = error_set(err, EINVAL, "Parameter 'key-secret' is required for cipher");
    if (ret == 0) {
        payload = crypt_create_luks(c->file, 0, &p, t[0], err);
        ret     = payload < 0 ? (int)payload : blk_resize(c->file, (uint64_t)payload + align_up(c->bytes, 512), BLK_PREALLOC_OFF, err);
    }
    for (int i = 0; i < 7; i++)
        free(t[i]);
    return ret;
}

static int luks_measure(struct blk_opts *o, struct blk_node *src, uint64_t bytes, struct blk_measure *m, struct error *err)
{
    char               *cipher = blk_opts_take(o, "cipher-alg"), *mode = blk_opts_take(o, "cipher-mode");
    struct crypt_params p = { .cipher = cipher, .mode = mode };

    free(blk_opts_take(o, "key-secret"));
    m->required = m->fully = crypt_luks_bytes(&p, err) + (src != NULL ? src->bytes : bytes);
    free(cipher);
    free(mode);
    return 0;
}

static const struct blk_option luks_create_opts[] = {
    { "size", BLK_OPT_SIZE, "Virtual disk size", NULL },
    { "key-secret", BLK_OPT_STR, "ID of the secret that provides the keyslot passphrase", NULL },
    { "cipher-alg", BLK_OPT_STR, "Name of encryption cipher algorithm", NULL },
    { "cipher-mode", BLK_OPT_STR, "Name of encryption cipher mode", NULL },
    { "ivgen-alg", BLK_OPT_STR, "Name of IV generator algorithm", NULL },
    { "ivgen-hash-alg", BLK_OPT_STR, "Name of IV generator hash algorithm", NULL },
    { "hash-alg", BLK_OPT_STR, "Name of encryption hash algorithm", NULL },
    { "iter-time", BLK_OPT_NUM, "Time to spend in PBKDF in milliseconds", NULL },
    { NULL, 0, NULL, NULL },
};

const struct blk_driver blk_luks = {
    .name = "luks", .help = "disk encrypted with LUKS1", .flags = BLK_DRV_NOT_ZERO, .bytes = sizeof(struct luks), .probe = luks_probe, .open = luks_open, .close = luks_close,
    .read = luks_read, .write = luks_write, .resize = luks_resize, .info = luks_info, .create = luks_create, .create_opts = luks_create_opts,
    .measure = luks_measure,
};
