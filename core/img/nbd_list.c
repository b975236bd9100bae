/* core/img/nbd_list.c - rhea-nbd -L: asks another server for its exports, by libnbd. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/block/tls_creds.h"
#include "core/img/img.h"
#include "core/img/nbd.h"

#ifdef CONFIG_LIBNBD
#include <libnbd.h>

enum { EXPORTS_MAX = 65536, CONTEXTS_MAX = 1024 };

struct names {
    char **name, **text;
    int    n, most;
};

static int add(struct names *l, const char *name, const char *text)
{
    if (l->n == l->most)
        return 0;
    l->name = xreallocarray(l->name, (size_t)l->n + 1, sizeof *l->name);
    l->text = xreallocarray(l->text, (size_t)l->n + 1, sizeof *l->text);
    l->name[l->n]   = xstrdup(name);
    l->text[l->n++] = xstrdup(text);
    return 0;
}

static void drop(struct names *l)
{
    for (int i = 0; i < l->n; i++) {
        free(l->name[i]);
        free(l->text[i]);
    }
    free(l->name);
    free(l->text);
    *l = (struct names){ .most = l->most };
}

static int on_export(void *arg, const char *name, const char *text)
{
    return add(arg, name, text);
}

static int on_context(void *arg, const char *name)
{
    return add(arg, name, "");
}

static int go(struct nbd_handle *h, const struct nbd_address *a)
{
    const struct blk_tls_creds *c;
    struct error                err = ERROR_INIT;

    if (a->tls != NULL) {
        c = blk_tls_creds_find(a->tls, true, &err);
        if (c == NULL)
            return img_fail(&err);
        char *keys = xasprintf("%s/keys.psk", c->dir);
        bool  ok   = nbd_set_tls(h, LIBNBD_TLS_REQUIRE) == 0 && nbd_set_tls_verify_peer(h, c->verify) == 0 &&
                  (c->psk ? nbd_set_tls_psk_file(h, keys) == 0 && nbd_set_tls_username(h, c->username != NULL ? c->username : "qemu") == 0
                          : nbd_set_tls_certificates(h, c->dir) == 0);

        free(keys);
        if (!ok)
            return img_fail_text("TLS credentials '%s': %s", a->tls, nbd_get_error());
    }
    nbd_set_opt_mode(h, true);
    nbd_set_full_info(h, true);
    if ((a->socket != NULL ? nbd_connect_unix(h, a->socket) : nbd_connect_tcp(h, a->host, a->port)) < 0)
        return img_fail_text("Failed to connect to '%s%s%s': %s", a->socket != NULL ? a->socket : a->host, a->socket != NULL ? "" : ":",
                             a->socket != NULL ? "" : a->port, nbd_get_error());
    return 0;
}

/* Bits of the transmission flags, as the protocol numbers them. */
static void show_flags(struct nbd_handle *h)
{
    struct { const char *name; unsigned bit; int on; } f[] = {
        { "readonly", 1, nbd_is_read_only(h) }, { "flush", 2, nbd_can_flush(h) }, { "fua", 3, nbd_can_fua(h) }, { "rotational", 4, nbd_is_rotational(h) },
        { "trim", 5, nbd_can_trim(h) }, { "zeroes", 6, nbd_can_zero(h) }, { "df", 7, nbd_can_df(h) }, { "multi", 8, nbd_can_multi_conn(h) },
        { "cache", 10, nbd_can_cache(h) }, { "fast-zero", 11, nbd_can_fast_zero(h) },
    };
    unsigned bits = 1;

    for (size_t i = 0; i < ARRAY_LEN(f); i++)
        bits |= f[i].on > 0 ? 1u << f[i].bit : 0;
    printf("  flags: 0x%x (", bits);
    for (size_t i = 0; i < ARRAY_LEN(f); i++)
        if (f[i].on > 0)
            printf(" %s", f[i].name);
    printf(" )\n");
}

static void show(struct nbd_handle *h, const char *name, const char *text)
{
    struct names contexts = { .most = CONTEXTS_MAX };
    int64_t      least;

    printf(" export: '%s'\n", name);
    if (text[0] != '\0')
        printf("  description: %s\n", text);
    if (nbd_set_export_name(h, name) < 0 || nbd_opt_info(h) < 0)
        return;                                  /* the server lists it, but says no more */
    printf("  size:  %lld\n", (long long)nbd_get_size(h));
    show_flags(h);
    least = nbd_get_block_size(h, LIBNBD_SIZE_MINIMUM);
    if (least > 0)
        printf("  min block: %lld\n  opt block: %lld\n  max block: %lld\n", (long long)least, (long long)nbd_get_block_size(h, LIBNBD_SIZE_PREFERRED),
               (long long)nbd_get_block_size(h, LIBNBD_SIZE_MAXIMUM));
    nbd_clear_meta_contexts(h);
    if (nbd_opt_list_meta_context(h, (nbd_context_callback){ .callback = on_context, .user_data = &contexts }) >= 0) {
        printf("  available meta contexts: %d\n", contexts.n);
        for (int i = 0; i < contexts.n; i++)
            printf("   %s\n", contexts.name[i]);
    }
    drop(&contexts);
}

int nbd_list(const struct nbd_address *a)
{
    struct nbd_handle *h = nbd_create();
    struct names       l = { .most = EXPORTS_MAX };
    int                ret = h == NULL ? img_fail_text("libnbd: %s", nbd_get_error()) : go(h, a);

    if (ret == 0 && nbd_opt_list(h, (nbd_list_callback){ .callback = on_export, .user_data = &l }) < 0)
        ret = img_fail_text("the server does not list its exports: %s", nbd_get_error());
    if (ret == 0)
        printf("exports available: %d\n", l.n);
    for (int i = 0; i < l.n && ret == 0; i++)
        show(h, l.name[i], l.text[i]);
    drop(&l);
    if (h != NULL)
        nbd_close(h);
    return ret;
}

#else

int nbd_list(const struct nbd_address *a)
{
    (void)a;
    return img_fail_text("-L: this Rhea is built without libnbd; install libnbd-dev and configure again");
}
#endif
