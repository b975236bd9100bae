/* core/block/crypt.h - encrypting a disk's sectors: LUKS1, and qcow2's old AES.
 *
 * Source: "LUKS On-Disk Format Specification", version 1.2.3. */
#ifndef CORE_BLOCK_CRYPT_H
#define CORE_BLOCK_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blk_opts;
struct blk_node;
struct crypt;
struct error;
struct json_t;

/* What a LUKS header is made from (create options, with a prefix). */
struct crypt_params {
    const char *cipher, *mode, *ivgen, *ivhash, *hash;   /* "aes-256", "xts", "plain64", NULL, "sha256" */
    uint64_t    iter_ms;                                  /* how long unlocking should take; 0: 2000 */
};

/**
 * crypt_open_luks - unlock a LUKS header.
 * @file:   node that holds it
 * @base:   where it begins, bytes; @max: how long it may be
 * @secret: id of the secret object that holds the password; NULL: only look at the header
 *
 * Returns the key schedule and all, or NULL with a sentence (wrong password: -EPERM). Context: coroutine; yields.
 */
struct crypt *crypt_open_luks(struct blk_node *file, uint64_t base, uint64_t max, const char *secret, struct error *err);
/** crypt_open_aes - qcow2's crypt_method 1: AES-128-CBC with plain64, the password is the key. */
struct crypt *crypt_open_aes(const char *secret, struct error *err);
/** crypt_create_luks - write a fresh header at @base. Returns the bytes it takes (payload offset), or -errno. */
int64_t crypt_create_luks(struct blk_node *file, uint64_t base, const struct crypt_params *p, const char *secret, struct error *err);
/** crypt_luks_bytes - the payload offset that crypt_create_luks() would make. */
uint64_t crypt_luks_bytes(const struct crypt_params *p, struct error *err);
void     crypt_free(struct crypt *c);

/** crypt_encrypt, crypt_decrypt - in place; @off and @len are multiples of 512. May run on any thread. 0 or -errno. */
int      crypt_encrypt(struct crypt *c, uint64_t off, uint8_t *buf, size_t len);
int      crypt_decrypt(struct crypt *c, uint64_t off, uint8_t *buf, size_t len);
bool     crypt_uses_host_offset(const struct crypt *c);   /* sectors count in the file, not in the guest's disk */
uint64_t crypt_payload(const struct crypt *c);            /* where data begins, from the header's begin */
/** crypt_info - a JSON object as QMP's QCryptoBlockInfoLUKS. @format: with the member that tells it from other kinds. */
struct json_t *crypt_info(const struct crypt *c, bool format);

/** secret_add - -object secret,id=...,(data|file)=...[,format=raw|base64]. Returns 0 or -errno. */
int         secret_add(struct blk_opts *o, struct error *err);
/** secret_get - the bytes of a secret; NULL and a sentence if there is none. Owned by the list. */
const uint8_t *secret_get(const char *id, size_t *len, struct error *err);

#endif
