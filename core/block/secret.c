/* core/block/secret.c - -object secret: passwords by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/crypt.h"
#include "core/block/opts.h"

enum { SECRET_MAX = 1 << 20 };

struct secret {
    struct secret *next;
    char          *id;
    uint8_t       *data;
    size_t         len;
};

static struct secret *secrets;

static int base64(const char *in, uint8_t *out, size_t *len)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t          word = 0;
    unsigned          bits = 0;
    size_t            n = 0;

    for (; *in != '\0' && *in != '='; in++) {
        const char *at = strchr(abc, *in);

        if (*in == '\n' || *in == '\r' || *in == ' ')
            continue;
        if (at == NULL)
            return -EINVAL;
        word = word << 6 | (uint32_t)(at - abc);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(word >> bits);
        }
    }
    *len = n;
    return 0;
}

static int read_file(const char *path, uint8_t **data, size_t *len, struct error *err)
{
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return error_errno(err, "cannot open secret file '%s'", path);
    *data = xcalloc(1, SECRET_MAX + 1);
    *len  = fread(*data, 1, SECRET_MAX, f);
    fclose(f);
    return 0;
}

static int secret_text(struct secret *s, char *data, char *file, const char *format, struct error *err)
{
    int ret = 0;

    if ((data != NULL) == (file != NULL))
        return error_set(err, EINVAL, "Must provide 'file' or 'data' property, and not both");
    if (data != NULL) {
        s->len  = strlen(data);
        s->data = xmemdup(data, s->len + 1);
    } else {
        ret = read_file(file, &s->data, &s->len, err);
    }
    if (ret == 0 && format != NULL && str_eq(format, "base64")) {
        char *text = xstrndup((char *)s->data, s->len);

        ret = base64(text, s->data, &s->len) < 0 ? error_set(err, EINVAL, "the secret is not valid base64") : 0;
        free(text);
    } else if (ret == 0 && format != NULL && !str_eq(format, "raw")) {
        ret = error_set(err, EINVAL, "a secret's format is raw or base64, not '%s'", format);
    }
    return ret;
}

int secret_add(struct blk_opts *o, struct error *err)
{
    struct secret *s      = NEW(struct secret);
    char          *data   = blk_opts_take(o, "data"), *file = blk_opts_take(o, "file"), *format = blk_opts_take(o, "format");
    int            ret;

    s->id = blk_opts_take(o, "id");
    if (s->id == NULL)
        ret = error_set(err, EINVAL, "Parameter 'id' is missing");
    else if (secret_get(s->id, &(size_t){ 0 }, NULL) != NULL)
        ret = error_set(err, EEXIST, "attempt to add duplicate property '%s' to object (type 'container')", s->id);
    else
        ret = secret_text(s, data, file, format, err);
    if (ret == 0)
        ret = blk_opts_done(o, "secret", (const char *const[]){ "id", "data", "file", "format", NULL }, err);
    if (ret == 0) {
        s->next = secrets;
        secrets = s;
    } else {
        free(s->id);
        free(s->data);
        free(s);
    }
    free(data);
    free(file);
    free(format);
    return ret;
}

const uint8_t *secret_get(const char *id, size_t *len, struct error *err)
{
    struct nearest near = NEAREST_INIT(id);
    char           hint[96];

    for (struct secret *s = secrets; s != NULL; s = s->next) {
        if (str_eq(s->id, id)) {
            *len = s->len;
            return s->data;
        }
        nearest_try(&near, s->id);
    }
    error_set(err, ENOENT, "No secret with id '%s'%s", id, nearest_hint(&near, hint, sizeof hint));
    return NULL;
}
