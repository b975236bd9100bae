/* core/block/crypt.c - LUKS1 headers, key slots, and the sector ciphers behind them.
 *
 * Unlocking: for each active slot, PBKDF2 of the password opens the slot's key material, which merged gives a master
 * key, which hashed must give the header's digest. Iteration counts and stripes come from the header and are bounded,
 * so a hostile header costs seconds at most.
 *
 * Source: "LUKS On-Disk Format Specification", version 1.2.3. */
#include "core/block/crypt.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "config.h"
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/node.h"
#include "core/event/iothread.h"

#ifdef CONFIG_NETTLE
#include <nettle/aes.h>
#include <nettle/cast128.h>
#include <nettle/cbc.h>
#include <nettle/hmac.h>
#include <nettle/nettle-meta.h>
#include <nettle/pbkdf2.h>
#include <nettle/ripemd160.h>
#include <nettle/serpent.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <nettle/twofish.h>
#include <nettle/xts.h>

enum { SLOTS = 8, SLOT_ACTIVE = 0x00AC71F3, SLOT_DEAD = 0x0000DEAD, STRIPES = 4000, HEADER = 592, KEY_MAX = 64, ITER_MAX = 100000000 };
enum ivgen { IV_PLAIN, IV_PLAIN64, IV_ESSIV };

struct cipher {
    const char *name, *luks;                     /* as in options; as in the header */
    unsigned    key;                             /* bytes */
    size_t      bytes;                           /* of the context */
    nettle_set_key_func *set_enc, *set_dec;
    nettle_cipher_func  *enc, *dec;
};

static void serpent128_key(void *c, const uint8_t *k)
{
    serpent_set_key(c, 16, k);
}

static void serpent256_key(void *c, const uint8_t *k)
{
    serpent_set_key(c, 32, k);
}

static void twofish128_key(void *c, const uint8_t *k)
{
    twofish_set_key(c, 16, k);
}

static void twofish256_key(void *c, const uint8_t *k)
{
    twofish_set_key(c, 32, k);
}

#define F(x) ((nettle_cipher_func *)(x))
#define K(x) ((nettle_set_key_func *)(x))
static const struct cipher ciphers[] = {
    { "aes-128", "aes", 16, sizeof(struct aes128_ctx), K(aes128_set_encrypt_key), K(aes128_set_decrypt_key), F(aes128_encrypt), F(aes128_decrypt) },
    { "aes-192", "aes", 24, sizeof(struct aes192_ctx), K(aes192_set_encrypt_key), K(aes192_set_decrypt_key), F(aes192_encrypt), F(aes192_decrypt) },
    { "aes-256", "aes", 32, sizeof(struct aes256_ctx), K(aes256_set_encrypt_key), K(aes256_set_decrypt_key), F(aes256_encrypt), F(aes256_decrypt) },
    { "serpent-128", "serpent", 16, sizeof(struct serpent_ctx), serpent128_key, serpent128_key, F(serpent_encrypt), F(serpent_decrypt) },
    { "serpent-256", "serpent", 32, sizeof(struct serpent_ctx), serpent256_key, serpent256_key, F(serpent_encrypt), F(serpent_decrypt) },
    { "twofish-128", "twofish", 16, sizeof(struct twofish_ctx), twofish128_key, twofish128_key, F(twofish_encrypt), F(twofish_decrypt) },
    { "twofish-256", "twofish", 32, sizeof(struct twofish_ctx), twofish256_key, twofish256_key, F(twofish_encrypt), F(twofish_decrypt) },
};
#undef F
#undef K

static const struct nettle_hash *const hashes[] = { &nettle_sha1, &nettle_sha224, &nettle_sha256, &nettle_sha384, &nettle_sha512, &nettle_ripemd160, NULL };

struct keys {                                    /* one key of one cipher, ready */
    const struct cipher *c;
    void                *enc, *dec, *tweak, *essiv;
    const struct cipher *essiv_cipher;
    bool                 xts;
    enum ivgen           iv;
};

struct slot {
    uint32_t active, iterations, offset, stripes;
    uint8_t  salt[32];
};

struct crypt {
    struct keys               k;
    const struct nettle_hash *hash;
    const struct nettle_hash *essiv_hash;
    const struct cipher      *cipher;
    char                      mode[33];
    uint32_t                  payload, key_bytes, digest_iter;
    uint8_t                   digest[20], digest_salt[32];
    char                      uuid[41];
    struct slot               slot[SLOTS];
    bool                      unlocked, aes_old;
};

/* ---- hashes and keys */

static const struct nettle_hash *hash_find(const char *name)
{
    for (int i = 0; hashes[i] != NULL; i++)
        if (str_eq(hashes[i]->name, name))
            return hashes[i];
    return NULL;
}

struct any_hmac {
    union { struct sha512_ctx a; struct sha256_ctx b; struct sha1_ctx c; struct ripemd160_ctx d; } outer, inner, state;
    const struct nettle_hash *h;
};

static void any_update(void *ctx, size_t len, const uint8_t *data)
{
    struct any_hmac *a = ctx;

    hmac_update(&a->state, a->h, len, data);
}

static void any_digest(void *ctx, size_t len, uint8_t *out)
{
    struct any_hmac *a = ctx;

    hmac_digest(&a->outer, &a->inner, &a->state, a->h, len, out);
}

struct kdf {
    const struct nettle_hash *h;
    const uint8_t *pass, *salt;
    size_t         pass_len, out_len;
    unsigned       iterations;
    uint8_t       *out;
};

static int kdf_run(void *arg)
{
    struct kdf     *k = arg;
    struct any_hmac a = { .h = k->h };

    hmac_set_key(&a.outer, &a.inner, &a.state, k->h, k->pass_len, k->pass);
    pbkdf2(&a, any_update, any_digest, k->h->digest_size, k->iterations, 32, k->salt, k->out_len, k->out);
    return 0;
}

static void hash_bytes(const struct nettle_hash *h, const void *data, size_t len, uint8_t *out, size_t out_len)
{
    void *ctx = xcalloc(1, h->context_size);

    h->init(ctx);
    h->update(ctx, len, data);
    h->digest(ctx, out_len, out);
    free(ctx);
}

static void keys_free(struct keys *k)
{
    free(k->enc);
    free(k->dec);
    free(k->tweak);
    free(k->essiv);
    *k = (struct keys){ .c = NULL };
}

static const struct cipher *cipher_by_key(const char *luks, size_t key)
{
    for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
        if (str_eq(ciphers[i].luks, luks) && ciphers[i].key == key)
            return &ciphers[i];
    return NULL;
}

/* @key: for xts two keys in a row. */
static int keys_make(struct keys *k, const struct cipher *c, bool xts, enum ivgen iv, const struct nettle_hash *essiv, const uint8_t *key)
{
    *k = (struct keys){ .c = c, .xts = xts, .iv = iv };
    k->enc = xcalloc(1, c->bytes);
    k->dec = xcalloc(1, c->bytes);
    c->set_enc(k->enc, key);
    c->set_dec(k->dec, key);
    if (xts) {
        k->tweak = xcalloc(1, c->bytes);
        c->set_enc(k->tweak, key + c->key);
    }
    if (iv == IV_ESSIV) {
        uint8_t salt[64];

        hash_bytes(essiv, key, xts ? 2 * c->key : c->key, salt, essiv->digest_size);
        k->essiv_cipher = cipher_by_key(c->luks, essiv->digest_size);
        if (k->essiv_cipher == NULL) {
            keys_free(k);
            return -EINVAL;
        }
        k->essiv = xcalloc(1, k->essiv_cipher->bytes);
        k->essiv_cipher->set_enc(k->essiv, salt);
    }
    return 0;
}

static void sector_iv(const struct keys *k, uint64_t sector, uint8_t iv[16])
{
    memset(iv, 0, 16);
    if (k->iv == IV_PLAIN)
        store_le32(iv, (uint32_t)sector);
    else
        store_le64(iv, sector);
    if (k->iv == IV_ESSIV)
        k->essiv_cipher->enc(k->essiv, 16, iv, iv);
}

static void run_sectors(const struct keys *k, bool encrypt, uint64_t sector, uint8_t *buf, size_t len)
{
    for (; len >= 512; len -= 512, buf += 512, sector++) {
        uint8_t iv[16];

        sector_iv(k, sector, iv);
        if (k->xts && encrypt)
            xts_encrypt_message(k->enc, k->tweak, k->c->enc, iv, 512, buf, buf);
        else if (k->xts)
            xts_decrypt_message(k->dec, k->tweak, k->c->dec, k->c->enc, iv, 512, buf, buf);
        else if (encrypt)
            cbc_encrypt(k->enc, k->c->enc, 16, iv, 512, buf, buf);
        else
            cbc_decrypt(k->dec, k->c->dec, 16, iv, 512, buf, buf);
    }
}

struct sectors {
    const struct keys *k;
    bool               encrypt;
    uint64_t           sector;
    uint8_t           *buf;
    size_t             len;
};

static int sectors_run(void *arg)
{
    struct sectors *s = arg;

    run_sectors(s->k, s->encrypt, s->sector, s->buf, s->len);
    return 0;
}

static int crypt_run(struct crypt *c, bool encrypt, uint64_t off, uint8_t *buf, size_t len)
{
    struct sectors s = { .k = &c->k, .encrypt = encrypt, .sector = off / 512, .buf = buf, .len = len };

    if (!c->unlocked || ((off | len) & 511))
        return -EINVAL;
    return len > 16384 && co_self() != NULL ? io_work(sectors_run, &s) : sectors_run(&s);
}

int crypt_encrypt(struct crypt *c, uint64_t off, uint8_t *buf, size_t len)
{
    return crypt_run(c, true, off, buf, len);
}

int crypt_decrypt(struct crypt *c, uint64_t off, uint8_t *buf, size_t len)
{
    return crypt_run(c, false, off, buf, len);
}

bool crypt_uses_host_offset(const struct crypt *c)
{
    return !c->aes_old;
}

uint64_t crypt_payload(const struct crypt *c)
{
    return (uint64_t)c->payload * 512;
}

void crypt_free(struct crypt *c)
{
    if (c == NULL)
        return;
    keys_free(&c->k);
    explicit_bzero(c, sizeof *c);
    free(c);
}

/* ---- anti-forensic split: the key spread over many stripes, all of which are needed */

static void af_diffuse(const struct nettle_hash *h, uint8_t *block, size_t len)
{
    size_t part = h->digest_size;

    for (size_t at = 0, i = 0; at < len; at += part, i++) {
        uint8_t buf[4 + 64], out[64];
        size_t  n = MIN(part, len - at);

        store_be32(buf, (uint32_t)i);
        memcpy(buf + 4, block + at, n);
        hash_bytes(h, buf, 4 + n, out, n);
        memcpy(block + at, out, n);
    }
}

static void xor_into(uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] ^= b[i];
}

static void af_merge(const struct nettle_hash *h, const uint8_t *in, size_t key, uint32_t stripes, uint8_t *out)
{
    memset(out, 0, key);
    for (uint32_t i = 0; i < stripes; i++) {
        xor_into(out, in + (size_t)i * key, key);
        if (i + 1 < stripes)
            af_diffuse(h, out, key);
    }
}

static int random_bytes(void *p, size_t n)
{
    uint8_t *at = p;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            at += got, n -= (size_t)got;
    }
    return 0;
}

static int af_split(const struct nettle_hash *h, const uint8_t *key, size_t len, uint32_t stripes, uint8_t *out)
{
    uint8_t block[KEY_MAX] = { 0 };
    int     ret = random_bytes(out, len * (stripes - 1));

    for (uint32_t i = 0; i + 1 < stripes; i++) {
        xor_into(block, out + (size_t)i * len, len);
        af_diffuse(h, block, len);
    }
    for (size_t i = 0; i < len; i++)
        out[(size_t)(stripes - 1) * len + i] = block[i] ^ key[i];
    explicit_bzero(block, sizeof block);
    return ret;
}

/* ---- the header */

static int field(const uint8_t *h, size_t len, char *out)
{
    memcpy(out, h, len);
    out[len] = '\0';
    return memchr(h, '\0', len) != NULL ? 0 : -EINVAL;
}

/* "xts-plain64", "cbc-essiv:sha256", "cbc-plain" */
static int parse_mode(struct crypt *c, struct error *err)
{
    const char *iv = strchr(c->mode, '-'), *essiv = iv != NULL ? str_after(iv + 1, "essiv:") : NULL;

    c->k.xts = strncmp(c->mode, "xts-", 4) == 0;
    if ((!c->k.xts && strncmp(c->mode, "cbc-", 4) != 0) || iv == NULL)
        return error_set(err, ENOTSUP, "LUKS cipher mode '%s' is not supported; xts and cbc are", c->mode);
    if (str_eq(iv + 1, "plain"))
        c->k.iv = IV_PLAIN;
    else if (str_eq(iv + 1, "plain64"))
        c->k.iv = IV_PLAIN64;
    else if (essiv != NULL && (c->essiv_hash = hash_find(essiv)) != NULL)
        c->k.iv = IV_ESSIV;
    else
        return error_set(err, ENOTSUP, "LUKS IV generator '%s' is not supported; plain, plain64 and essiv:HASH are", iv + 1);
    return 0;
}

static int parse_slots(struct crypt *c, const uint8_t *h, uint64_t max, struct error *err)
{
    for (int i = 0; i < SLOTS; i++) {
        const uint8_t *s = h + 208 + 48 * i;
        struct slot   *t = &c->slot[i];

        t->active     = load_be32(s);
        t->iterations = load_be32(s + 4);
        memcpy(t->salt, s + 8, 32);
        t->offset  = load_be32(s + 40);
        t->stripes = load_be32(s + 44);
        if (t->active != SLOT_ACTIVE && t->active != SLOT_DEAD)
            return error_set(err, EINVAL, "Keyslot %d state is corrupted", i);
        if (t->stripes != STRIPES)
            return error_set(err, EINVAL, "Keyslot %d is corrupted (stripes %u != %d)", i, t->stripes, STRIPES);
        if ((uint64_t)t->offset * 512 < HEADER || (uint64_t)t->offset * 512 + (uint64_t)c->key_bytes * STRIPES > max)
            return error_set(err, EINVAL, "Keyslot %d lies outside the LUKS header", i);
        if (t->active == SLOT_ACTIVE && (t->iterations == 0 || t->iterations > ITER_MAX))
            return error_set(err, EINVAL, "Keyslot %d asks for %u iterations, which is beyond reason", i, t->iterations);
    }
    return 0;
}

static int parse_header(struct crypt *c, const uint8_t *h, uint64_t max, struct error *err)
{
    char name[33], hash[33];
    int  ret;

    if (memcmp(h, "LUKS\xba\xbe", 6) != 0)
        return error_set(err, EINVAL, "Volume is not in LUKS format");
    if (load_be16(h + 6) != 1)
        return error_set(err, ENOTSUP, "LUKS version %u is not supported; version 1 is", load_be16(h + 6));
    if (field(h + 8, 32, name) < 0 || field(h + 40, 32, c->mode) < 0 || field(h + 72, 32, hash) < 0 || field(h + 168, 40, c->uuid) < 0)
        return error_set(err, EINVAL, "LUKS header text is not terminated");
    c->payload   = load_be32(h + 104);
    c->key_bytes = load_be32(h + 108);
    memcpy(c->digest, h + 112, 20);
    memcpy(c->digest_salt, h + 132, 32);
    c->digest_iter = load_be32(h + 164);
    if (c->key_bytes == 0 || c->key_bytes > KEY_MAX)
        return error_set(err, EINVAL, "LUKS key of %u bytes is not supported", c->key_bytes);
    if (c->digest_iter == 0 || c->digest_iter > ITER_MAX)
        return error_set(err, EINVAL, "LUKS header asks for %u iterations, which is beyond reason", c->digest_iter);
    if ((uint64_t)c->payload * 512 < HEADER || (uint64_t)c->payload * 512 > (UINT64_C(1) << 40))
        return error_set(err, EINVAL, "LUKS payload offset %u is invalid", c->payload);
    ret = parse_mode(c, err);
    if (ret < 0)
        return ret;
    c->hash = hash_find(hash);
    if (c->hash == NULL)
        return error_set(err, ENOTSUP, "LUKS hash '%s' is not supported", hash);
    c->cipher = cipher_by_key(name, c->k.xts ? c->key_bytes / 2 : c->key_bytes);
    if (c->cipher == NULL)
        return error_set(err, ENOTSUP, "LUKS cipher '%s' with %u key bytes is not supported", name, c->key_bytes);
    return parse_slots(c, h, MIN(max, (uint64_t)c->payload * 512), err);
}

/* Does this slot open with the password? 1, 0 or -errno; @key: the master key. */
static int try_slot(struct crypt *c, struct blk_node *file, uint64_t base, const struct slot *s, const uint8_t *pass, size_t len, uint8_t *key)
{
    uint8_t     slot_key[KEY_MAX], digest[20];
    size_t      bytes = (size_t)c->key_bytes * s->stripes;
    uint8_t    *split = try_alloc(align_up(bytes, 512), 1, KEY_MAX * STRIPES + 512);
    struct kdf  kdf   = { .h = c->hash, .pass = pass, .pass_len = len, .salt = s->salt, .iterations = s->iterations, .out = slot_key, .out_len = c->key_bytes };
    struct keys k;
    int         ret;

    if (split == NULL)
        return -ENOMEM;
    io_work(kdf_run, &kdf);
    ret = keys_make(&k, c->cipher, c->k.xts, c->k.iv, c->essiv_hash, slot_key);
    if (ret == 0)
        ret = blk_read(file, base + (uint64_t)s->offset * 512, split, bytes);
    if (ret == 0) {
        run_sectors(&k, false, 0, split, align_up(bytes, 512));
        af_merge(c->hash, split, c->key_bytes, s->stripes, key);
        kdf = (struct kdf){ .h = c->hash, .pass = key, .pass_len = c->key_bytes, .salt = c->digest_salt, .iterations = c->digest_iter,
                            .out = digest, .out_len = 20 };
        io_work(kdf_run, &kdf);
        ret = memcmp(digest, c->digest, 20) == 0;
        keys_free(&k);
    }
    explicit_bzero(slot_key, sizeof slot_key);
    explicit_bzero(split, bytes);
    free(split);
    return ret;
}

static int unlock(struct crypt *c, struct blk_node *file, uint64_t base, const uint8_t *pass, size_t len, struct error *err)
{
    uint8_t key[KEY_MAX];
    int     ret = 0;

    for (int i = 0; i < SLOTS && ret == 0; i++)
        if (c->slot[i].active == SLOT_ACTIVE)
            ret = try_slot(c, file, base, &c->slot[i], pass, len, key);
    if (ret == 0)
        return error_set(err, EPERM, "Invalid password, cannot unlock any keyslot");
    if (ret < 0)
        return error_set(err, ret, "cannot read the LUKS key slots: %s", strerror(-ret));
    ret = keys_make(&c->k, c->cipher, c->k.xts, c->k.iv, c->essiv_hash, key);
    c->unlocked = ret == 0;
    explicit_bzero(key, sizeof key);
    return ret;
}

struct crypt *crypt_open_luks(struct blk_node *file, uint64_t base, uint64_t max, const char *secret, struct error *err)
{
    struct crypt  *c = NEW(struct crypt);
    uint8_t        h[HEADER];
    const uint8_t *pass = NULL;
    size_t         len;
    int            ret = 0;

    if (secret != NULL) {
        pass = secret_get(secret, &len, err);
        ret  = pass == NULL ? -ENOENT : 0;
    }
    if (ret == 0 && (max < HEADER || base + HEADER > file->bytes))
        ret = error_set(err, EINVAL, "LUKS header is cut short");
    if (ret == 0) {
        ret = blk_read(file, base, h, HEADER);
        if (ret < 0)
            error_set(err, ret, "Unable to read LUKS header: %s", strerror(-ret));
    }
    if (ret == 0)
        ret = parse_header(c, h, max, err);
    if (ret == 0 && pass != NULL)
        ret = unlock(c, file, base, pass, len, err);
    if (ret < 0) {
        crypt_free(c);
        return NULL;
    }
    return c;
}

struct crypt *crypt_open_aes(const char *secret, struct error *err)
{
    size_t         len;
    const uint8_t *pass = secret_get(secret, &len, err);
    struct crypt  *c;
    uint8_t        key[16] = { 0 };

    if (pass == NULL)
        return NULL;
    c = NEW(struct crypt);
    memcpy(key, pass, MIN(len, sizeof key));
    c->aes_old  = true;
    c->cipher   = &ciphers[0];
    c->unlocked = keys_make(&c->k, c->cipher, false, IV_PLAIN64, NULL, key) == 0;
    return c;
}

/* ---- a fresh header */

static int fill_params(struct crypt *c, const struct crypt_params *p, struct error *err)
{
    const char *name = p->cipher ? p->cipher : "aes-256", *mode = p->mode ? p->mode : "xts";
    const char *iv = p->ivgen ? p->ivgen : "plain64", *hash = p->hash ? p->hash : "sha256";
    const char *ivhash = p->ivhash ? p->ivhash : "sha256";

    for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
        if (str_eq(ciphers[i].name, name))
            c->cipher = &ciphers[i];
    if (c->cipher == NULL)
        return error_set(err, EINVAL, "cipher '%s' is not known; aes-128, aes-192, aes-256, serpent-128, serpent-256, twofish-128, twofish-256 are", name);
    c->hash = hash_find(hash);
    if (c->hash == NULL)
        return error_set(err, EINVAL, "hash '%s' is not known; sha1, sha224, sha256, sha384, sha512, ripemd160 are", hash);
    if (str_eq(iv, "essiv"))
        snprintf(c->mode, sizeof c->mode, "%.8s-essiv:%.12s", mode, ivhash);
    else
        snprintf(c->mode, sizeof c->mode, "%.8s-%.16s", mode, iv);
    c->key_bytes = c->cipher->key * (str_eq(mode, "xts") ? 2 : 1);
    return parse_mode(c, err);
}

static uint32_t slot_sectors(const struct crypt *c)
{
    return (uint32_t)(align_up((uint64_t)c->key_bytes * STRIPES, 4096) / 512);
}

uint64_t crypt_luks_bytes(const struct crypt_params *p, struct error *err)
{
    struct crypt c = { .payload = 0 };

    return fill_params(&c, p, err) < 0 ? 0 : (8 + (uint64_t)SLOTS * slot_sectors(&c)) * 512;
}

/* How many iterations take @ms on this machine. */
static uint32_t iterations_for(const struct crypt *c, uint64_t ms)
{
    uint8_t         salt[32] = { 1 }, out[KEY_MAX];
    struct timespec a, b;
    unsigned        n = 1 << 15;

    for (;; n *= 2) {
        struct kdf k = { .h = c->hash, .pass = salt, .pass_len = 32, .salt = salt, .iterations = n, .out = out, .out_len = c->key_bytes };

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        kdf_run(&k);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        double used = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;

        if (used >= 20 || n >= ITER_MAX / 4) {
            double want = n * ((double)ms / MAX(used, 0.01));

            return want < 1000 ? 1000 : want > ITER_MAX / 2 ? ITER_MAX / 2 : (uint32_t)want;
        }
    }
}

static void new_uuid(char out[41])
{
    uint8_t u[16];

    if (random_bytes(u, 16) < 0)
        memset(u, 0x5a, 16);
    u[6] = (u[6] & 0x0f) | 0x40;
    u[8] = (u[8] & 0x3f) | 0x80;
    snprintf(out, 41, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
             u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static void encode(const struct crypt *c, uint8_t *h)
{
    memset(h, 0, HEADER);
    memcpy(h, "LUKS\xba\xbe\0\1", 8);
    memcpy(h + 8, c->cipher->luks, strlen(c->cipher->luks));
    memcpy(h + 40, c->mode, strlen(c->mode));
    memcpy(h + 72, c->hash->name, strlen(c->hash->name));
    store_be32(h + 104, c->payload);
    store_be32(h + 108, c->key_bytes);
    memcpy(h + 112, c->digest, 20);
    memcpy(h + 132, c->digest_salt, 32);
    store_be32(h + 164, c->digest_iter);
    memcpy(h + 168, c->uuid, strlen(c->uuid));
    for (int i = 0; i < SLOTS; i++) {
        uint8_t *s = h + 208 + 48 * i;

        store_be32(s, c->slot[i].active);
        store_be32(s + 4, c->slot[i].iterations);
        memcpy(s + 8, c->slot[i].salt, 32);
        store_be32(s + 40, c->slot[i].offset);
        store_be32(s + 44, c->slot[i].stripes);
    }
}

static int write_slot0(struct crypt *c, struct blk_node *file, uint64_t base, const uint8_t *key, const uint8_t *pass, size_t len)
{
    size_t      bytes = (size_t)align_up((uint64_t)c->key_bytes * STRIPES, 512);
    uint8_t    *split = xcalloc(1, bytes), slot_key[KEY_MAX];
    struct kdf  kdf   = { .h = c->hash, .pass = pass, .pass_len = len, .salt = c->slot[0].salt, .iterations = c->slot[0].iterations,
                          .out = slot_key, .out_len = c->key_bytes };
    struct keys k;
    int         ret = af_split(c->hash, key, c->key_bytes, STRIPES, split);

    if (ret == 0) {
        io_work(kdf_run, &kdf);
        ret = keys_make(&k, c->cipher, c->k.xts, c->k.iv, c->essiv_hash, slot_key);
    }
    if (ret == 0) {
        run_sectors(&k, true, 0, split, bytes);
        keys_free(&k);
        ret = blk_write(file, base + (uint64_t)c->slot[0].offset * 512, split, bytes);
    }
    explicit_bzero(slot_key, sizeof slot_key);
    free(split);
    return ret;
}

int64_t crypt_create_luks(struct blk_node *file, uint64_t base, const struct crypt_params *p, const char *secret, struct error *err)
{
    struct crypt   c = { .payload = 0 };
    uint8_t        key[KEY_MAX], h[HEADER];
    size_t         len;
    const uint8_t *pass = secret_get(secret, &len, err);
    uint64_t       ms   = p->iter_ms ? p->iter_ms : 2000;
    int            ret  = pass == NULL ? -ENOENT : fill_params(&c, p, err);

    if (ret < 0)
        return ret;
    c.payload = 8 + SLOTS * slot_sectors(&c);
    ret = random_bytes(key, c.key_bytes);
    if (ret == 0)
        ret = random_bytes(c.digest_salt, 32);
    for (uint32_t i = 0; i < SLOTS && ret == 0; i++) {
        c.slot[i] = (struct slot){ .active = SLOT_DEAD, .stripes = STRIPES, .offset = 8 + i * slot_sectors(&c) };
        ret = i == 0 ? random_bytes(c.slot[i].salt, 32) : 0;
    }
    if (ret < 0)
        return error_set(err, ret, "no random numbers: %s", strerror(-ret));
    c.digest_iter = iterations_for(&c, MAX(ms / 8, UINT64_C(1)));
    c.slot[0].active     = SLOT_ACTIVE;
    c.slot[0].iterations = iterations_for(&c, ms);
    struct kdf kdf = { .h = c.hash, .pass = key, .pass_len = c.key_bytes, .salt = c.digest_salt, .iterations = c.digest_iter, .out = c.digest, .out_len = 20 };

    io_work(kdf_run, &kdf);
    new_uuid(c.uuid);
    ret = blk_zero(file, base, (uint64_t)c.payload * 512, 0);
    if (ret == 0)
        ret = write_slot0(&c, file, base, key, pass, len);
    if (ret == 0) {
        encode(&c, h);
        ret = blk_write(file, base, h, HEADER);
    }
    explicit_bzero(key, sizeof key);
    return ret < 0 ? error_set(err, ret, "cannot write the LUKS header: %s", strerror(-ret)) : (int64_t)c.payload * 512;
}

struct json_t *crypt_info(const struct crypt *c, bool format)
{
    json_t     *j     = json_object(), *slots = json_array();
    const char *iv    = strchr(c->mode, '-');
    char        mode[5] = "";

    memcpy(mode, c->mode, 3);
    json_object_set_new(j, "ivgen-alg", json_string(c->k.iv == IV_ESSIV ? "essiv" : iv != NULL ? iv + 1 : ""));
    json_object_set_new(j, "hash-alg", json_string(c->hash != NULL ? c->hash->name : ""));
    json_object_set_new(j, "cipher-alg", json_string(c->cipher->name));
    json_object_set_new(j, "uuid", json_string(c->uuid));
    if (format)
        json_object_set_new(j, "format", json_string("luks"));
    json_object_set_new(j, "cipher-mode", json_string(mode));
    for (int i = 0; i < SLOTS; i++) {
        json_t *s = json_object();

        json_object_set_new(s, "active", json_boolean(c->slot[i].active == SLOT_ACTIVE));
        if (c->slot[i].active == SLOT_ACTIVE)
            json_object_set_new(s, "iters", json_integer(c->slot[i].iterations));
        json_object_set_new(s, "key-offset", json_integer((json_int_t)c->slot[i].offset * 512));
        if (c->slot[i].active == SLOT_ACTIVE)
            json_object_set_new(s, "stripes", json_integer(c->slot[i].stripes));
        json_array_append_new(slots, s);
    }
    json_object_set_new(j, "slots", slots);
    json_object_set_new(j, "payload-offset", json_integer((json_int_t)c->payload * 512));
    json_object_set_new(j, "master-key-iters", json_integer(c->digest_iter));
    return j;
}

#else /* without nettle */

static struct crypt *none(struct error *err)
{
    error_set(err, ENOTSUP, "this Rhea is built without nettle and cannot open encrypted images; install nettle-dev and configure again");
    return NULL;
}

struct crypt *crypt_open_luks(struct blk_node *file, uint64_t base, uint64_t max, const char *secret, struct error *err)
{
    (void)file, (void)base, (void)max, (void)secret;
    return none(err);
}

struct crypt *crypt_open_aes(const char *secret, struct error *err)
{
    (void)secret;
    return none(err);
}

int64_t crypt_create_luks(struct blk_node *file, uint64_t base, const struct crypt_params *p, const char *secret, struct error *err)
{
    (void)file, (void)base, (void)p, (void)secret;
    none(err);
    return -ENOTSUP;
}

uint64_t crypt_luks_bytes(const struct crypt_params *p, struct error *err)
{
    (void)p;
    none(err);
    return 0;
}

void crypt_free(struct crypt *c)
{
    (void)c;
}

int crypt_encrypt(struct crypt *c, uint64_t off, uint8_t *buf, size_t len)
{
    (void)c, (void)off, (void)buf, (void)len;
    return -ENOTSUP;
}

int crypt_decrypt(struct crypt *c, uint64_t off, uint8_t *buf, size_t len)
{
    (void)c, (void)off, (void)buf, (void)len;
    return -ENOTSUP;
}

bool crypt_uses_host_offset(const struct crypt *c)
{
    (void)c;
    return false;
}

uint64_t crypt_payload(const struct crypt *c)
{
    (void)c;
    return 0;
}

struct json_t *crypt_info(const struct crypt *c, bool format)
{
    (void)c;
    return json_object();
}
#endif
