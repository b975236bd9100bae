/* core/block/opts.c - a small ordered list; drives have dozens of options, not thousands. */
#include "core/block/opts.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"

enum { OPTS_MAX = 4096, DEPTH_MAX = 32 };

struct pair {
    char *key, *value;
};

struct blk_opts {
    struct pair *list;
    int          n, room;
    char       **asked;                /* keys that somebody tried to take: what there could have been */
    int          asked_n, asked_room;
};

struct blk_opts *blk_opts_new(void)
{
    return NEW(struct blk_opts);
}

static void pair_free(struct pair *p)
{
    free(p->key);
    free(p->value);
}

void blk_opts_free(struct blk_opts *o)
{
    if (o == NULL)
        return;
    for (int i = 0; i < o->n; i++)
        pair_free(&o->list[i]);
    for (int i = 0; i < o->asked_n; i++)
        free(o->asked[i]);
    free(o->asked);
    free(o->list);
    free(o);
}

static int find(const struct blk_opts *o, const char *key)
{
    for (int i = 0; o != NULL && i < o->n; i++)
        if (str_eq(o->list[i].key, key))
            return i;
    return -1;
}

void blk_opts_set(struct blk_opts *o, const char *key, const char *value)
{
    int i = find(o, key);

    if (i >= 0) {
        char *copy = xstrdup(value);

        free(o->list[i].value);
        o->list[i].value = copy;
        return;
    }
    if (o->n == o->room) {
        o->room = o->room ? o->room * 2 : 8;
        o->list = xreallocarray(o->list, (size_t)o->room, sizeof *o->list);
    }
    o->list[o->n++] = (struct pair){ .key = xstrdup(key), .value = xstrdup(value) };
}

struct blk_opts *blk_opts_copy(const struct blk_opts *o)
{
    struct blk_opts *c = blk_opts_new();

    for (int i = 0; o != NULL && i < o->n; i++)
        blk_opts_set(c, o->list[i].key, o->list[i].value);
    return c;
}

const char *blk_opts_get(const struct blk_opts *o, const char *key)
{
    int i = find(o, key);

    return i >= 0 ? o->list[i].value : NULL;
}

bool blk_opts_any(const struct blk_opts *o)
{
    return o != NULL && o->n > 0;
}

const char *blk_opts_key(const struct blk_opts *o, int i)
{
    return o != NULL && i < o->n ? o->list[i].key : NULL;
}

/* Copies up to a single comma; doubled commas stand for one. */
static const char *value_end(const char *s, struct str *out)
{
    for (; *s != '\0'; s++) {
        if (*s == ',') {
            if (s[1] != ',')
                break;
            s++;
        }
        str_addc(out, *s);
    }
    return s;
}

int blk_opts_parse(struct blk_opts *o, const char *text, const char *first, struct error *err)
{
    const char *s = text;

    while (*s != '\0') {
        size_t     key_len = strcspn(s, "=,");
        struct str value   = STR_INIT;
        char      *key;

        if (first != NULL && s[key_len] != '=') {
            key = xstrdup(first);
            s   = value_end(s, &value);
        } else if (s[key_len] == '=') {
            key = xstrndup(s, key_len);
            s   = value_end(s + key_len + 1, &value);
        } else if (key_len > 2 && strncmp(s, "no", 2) == 0 && strncmp(s, "node", 4) != 0 && strncmp(s, "nocow", 5) != 0) {
            key = xstrndup(s + 2, key_len - 2);
            str_add(&value, "off");
            s += key_len;
        } else {
            key = xstrndup(s, key_len);
            str_add(&value, "on");
            s += key_len;
        }
        first = NULL;
        if (*s == ',')
            s++;
        char *v = str_take(&value);

        if (key[0] == '\0' || o->n >= OPTS_MAX) {
            int ret = error_set(err, EINVAL, "cannot read options '%s': a key is missing before '='", text);

            free(key);
            free(v);
            return ret;
        }
        blk_opts_set(o, key, v);
        free(key);
        free(v);
    }
    return 0;
}

static int json_add(struct blk_opts *o, const char *prefix, json_t *v, int depth, struct error *err);

static int json_add_under(struct blk_opts *o, const char *prefix, const char *name, json_t *v, int depth, struct error *err)
{
    char *key = prefix[0] ? xasprintf("%s.%s", prefix, name) : xstrdup(name);
    int   ret = json_add(o, key, v, depth + 1, err);

    free(key);
    return ret;
}

static int json_add(struct blk_opts *o, const char *prefix, json_t *v, int depth, struct error *err)
{
    const char *name;
    json_t     *item;
    size_t      i;
    char        num[64];
    int         ret;

    if (depth > DEPTH_MAX || o->n >= OPTS_MAX)
        return error_set(err, EINVAL, "options are nested too deep or too many (%d levels, %d keys at most)", DEPTH_MAX, OPTS_MAX);
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        json_object_foreach(v, name, item) {
            ret = json_add_under(o, prefix, name, item, depth, err);
            if (ret < 0)
                return ret;
        }
        return 0;
    case JSON_ARRAY:
        json_array_foreach(v, i, item) {
            snprintf(num, sizeof num, "%zu", i);
            ret = json_add_under(o, prefix, num, item, depth, err);
            if (ret < 0)
                return ret;
        }
        return 0;
    case JSON_STRING:
        blk_opts_set(o, prefix, json_string_value(v));
        return 0;
    case JSON_INTEGER:
        snprintf(num, sizeof num, "%lld", (long long)json_integer_value(v));
        blk_opts_set(o, prefix, num);
        return 0;
    case JSON_REAL:
        snprintf(num, sizeof num, "%.17g", json_real_value(v));
        blk_opts_set(o, prefix, num);
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        blk_opts_set(o, prefix, json_is_true(v) ? "on" : "off");
        return 0;
    case JSON_NULL:
        blk_opts_set(o, prefix, "");
        return 0;
    }
    return 0;
}

int blk_opts_json(struct blk_opts *o, const char *text, struct error *err)
{
    json_error_t why;
    json_t      *root = json_loads(text, 0, &why);
    int          ret;

    if (!json_is_object(root)) {
        json_decref(root);
        return error_set(err, EINVAL, "cannot read JSON options: %s", root == NULL ? why.text : "not an object");
    }
    ret = json_add(o, "", root, 0, err);
    json_decref(root);
    return ret;
}

/* Remembered only while something is left that may turn out to be a slip. */
static void note_asked(struct blk_opts *o, const char *key)
{
    if (o == NULL || o->n == 0)
        return;
    if (o->asked_n == o->asked_room) {
        o->asked_room = o->asked_room ? o->asked_room * 2 : 16;
        o->asked      = xreallocarray(o->asked, (size_t)o->asked_room, sizeof *o->asked);
    }
    o->asked[o->asked_n++] = xstrdup(key);
}

char *blk_opts_take(struct blk_opts *o, const char *key)
{
    int   i = find(o, key);
    char *value;

    note_asked(o, key);
    if (i < 0)
        return NULL;
    value = o->list[i].value;
    free(o->list[i].key);
    memmove(&o->list[i], &o->list[i + 1], (size_t)(o->n - i - 1) * sizeof *o->list);
    o->n--;
    return value;
}

int blk_opts_take_bool(struct blk_opts *o, const char *key, bool *v, struct error *err)
{
    char *s   = blk_opts_take(o, key);
    int   ret = 0;

    if (s != NULL && str_bool(s, v) < 0)
        ret = error_set(err, EINVAL, "option '%s' is '%s'; it takes on or off", key, s);
    free(s);
    return ret;
}

int blk_opts_take_u64(struct blk_opts *o, const char *key, uint64_t *v, struct error *err)
{
    char *s   = blk_opts_take(o, key);
    int   ret = 0;

    if (s != NULL && str_u64(s, v) < 0)
        ret = error_set(err, EINVAL, "option '%s' is '%s'; it takes a whole number", key, s);
    free(s);
    return ret;
}

int blk_opts_take_size(struct blk_opts *o, const char *key, uint64_t *v, struct error *err)
{
    char *s   = blk_opts_take(o, key);
    int   ret = 0;

    if (s != NULL && str_size(s, 1, v) < 0)
        ret = error_set(err, EINVAL, "option '%s' is '%s'; it takes a size such as 64k, 10M or 2G", key, s);
    free(s);
    return ret;
}

int blk_opts_take_enum(struct blk_opts *o, const char *key, const char *const *names, int *v, struct error *err)
{
    char          *s = blk_opts_take(o, key), hint[96];
    struct nearest n = NEAREST_INIT(s);
    int            ret;

    if (s == NULL)
        return 0;
    for (int i = 0; names[i] != NULL; i++) {
        if (str_eq(names[i], s)) {
            *v = i;
            free(s);
            return 0;
        }
        nearest_try(&n, names[i]);
    }
    ret = error_set(err, EINVAL, "option '%s' does not take '%s'%s", key, s, nearest_hint(&n, hint, sizeof hint));
    free(s);
    return ret;
}

struct blk_opts *blk_opts_sub(struct blk_opts *o, const char *key)
{
    struct blk_opts *sub = blk_opts_new();
    size_t           len = strlen(key);
    int              kept = 0;

    for (int i = 0; o != NULL && i < o->n; i++) {
        struct pair *p = &o->list[i];

        if (strncmp(p->key, key, len) == 0 && p->key[len] == '.') {
            blk_opts_set(sub, p->key + len + 1, p->value);
            pair_free(p);
        } else {
            o->list[kept++] = *p;
        }
    }
    if (o != NULL)
        o->n = kept;
    return sub;
}

int blk_opts_done(struct blk_opts *o, const char *what, const char *const *known, struct error *err)
{
    char hint[96];

    if (o == NULL || o->n == 0)
        return 0;
    struct nearest n = NEAREST_INIT(o->list[0].key);

    for (int i = 0; known != NULL && known[i] != NULL; i++)
        nearest_try(&n, known[i]);
    for (int i = 0; i < o->asked_n; i++)
        nearest_try(&n, o->asked[i]);
    return error_set(err, EINVAL, "%s has no option '%s'%s", what, o->list[0].key, nearest_hint(&n, hint, sizeof hint));
}
