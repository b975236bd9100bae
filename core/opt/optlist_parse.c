/* Text and JSON to lists, lists to JSON. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/opt/optlist_int.h"

/* JSON comes from clients too: nesting is bounded. */
#define DEPTH_MAX 32

/* A word up to the next single comma, `,,` standing for one; *at moves behind it. */
static char *word(const char **at)
{
    struct str s = STR_INIT;
    const char *p = *at;

    for (; *p; p++) {
        if (*p == ',') {
            if (p[1] != ',')
                break;
            p++;
        }
        str_addc(&s, *p);
    }
    *at = *p == ',' ? p + 1 : p;
    return str_take(&s);
}

/* The `=` that ends a key: before any comma. */
static const char *key_end(const char *p)
{
    p += strcspn(p, "=,");
    return *p == '=' ? p : NULL;
}

static int parse_pair(struct optlist *l, const char **at, const char *implied, struct error *err)
{
    const char *eq = key_end(*at);
    char *key, *value;

    if (eq) {
        key = xstrndup(*at, eq - *at);
        *at = eq + 1;
        value = word(at);
        optlist_push(l, key, value);
        return *key ? 0 : optlist_error(l, err, EINVAL, "'=%s' has no key before its '='", value);
    }
    value = word(at);
    if (implied) {
        optlist_push(l, xstrdup(implied), value)->implied = true;
        return 0;
    }
    if (str_eq(value, "nowait") || str_eq(value, "nodelay")) {
        optlist_add(l, value + 2, "off");
        free(value);
    } else if (*value) {
        optlist_push(l, value, xstrdup("on"));
    } else {
        free(value);
        if (**at)
            return optlist_error(l, err, EINVAL, "a word is missing before a comma");
    }
    return 0;
}

static struct optlist *parse_json(const char *option, const char *text, struct error *err)
{
    json_error_t why;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    struct optlist *l;

    if (!object) {
        error_set(err, EINVAL, "%s %s: not JSON: %s (column %d)", option, text, why.text, why.column);
        return NULL;
    }
    l = optlist_from_json(option, object, err);
    json_decref(object);
    if (l)
        optlist_set_text(l, text);
    return l;
}

struct optlist *optlist_parse(const char *option, const char *text, const char *implied, struct error *err)
{
    struct optlist *l;
    const char *at = text;

    if (text[0] == '{')
        return parse_json(option, text, err);
    l = optlist_new(option);
    optlist_set_text(l, text);
    while (*at) {
        if (parse_pair(l, &at, at == text ? implied : NULL, err) < 0) {
            optlist_free(l);
            return NULL;
        }
    }
    return l;
}

/* JSON ----------------------------------------------------------------------------------------------------------- */

static char *scalar(const json_t *v, enum optkind *kind)
{
    *kind = OPT_TEXT;
    if (json_is_string(v))
        return xstrdup(json_string_value(v));
    *kind = json_is_boolean(v) ? OPT_BOOL : OPT_NUMBER;
    if (json_is_boolean(v))
        return xstrdup(json_is_true(v) ? "on" : "off");
    if (json_is_integer(v))
        return xasprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (json_is_real(v))
        return xasprintf("%.17g", json_real_value(v));
    *kind = OPT_TEXT;
    return xstrdup("");
}

static int flatten(struct optlist *l, const char *prefix, const json_t *v, int depth, struct error *err)
{
    const char *key;
    json_t *child;
    size_t i;
    int ret = 0;

    if (depth > DEPTH_MAX)
        return optlist_error(l, err, EINVAL, "the JSON is nested more than %d deep", DEPTH_MAX);
    if (json_is_object(v)) {
        json_object_foreach((json_t *)v, key, child) {
            char *name = *prefix ? xasprintf("%s.%s", prefix, key) : xstrdup(key);

            ret = flatten(l, name, child, depth + 1, err);
            free(name);
            if (ret < 0)
                return ret;
        }
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, child) {
            char *name = xasprintf("%s.%zu", prefix, i);

            ret = flatten(l, name, child, depth + 1, err);
            free(name);
            if (ret < 0)
                return ret;
        }
    } else {
        enum optkind kind;
        char *value = scalar(v, &kind);

        optlist_push(l, xstrdup(prefix), value)->kind = kind;
    }
    return 0;
}

struct optlist *optlist_from_json(const char *option, const json_t *object, struct error *err)
{
    struct optlist *l = optlist_new(option);
    int ret = 0;

    if (!json_is_object(object))
        ret = optlist_error(l, err, EINVAL, "expected a JSON object");
    else
        ret = flatten(l, "", object, 0, err);
    if (ret < 0) {
        optlist_free(l);
        return NULL;
    }
    l->json = json_deep_copy(object);
    return l;
}

/* Puts a value at a dotted path below an object. Arrays are made as objects with numbers for keys, and turned last. */
static bool put(json_t *object, const char *path, json_t *value)
{
    const char *dot;
    char *part;
    json_t *child;

    while ((dot = strchr(path, '.'))) {
        part = xstrndup(path, dot - path);
        child = json_object_get(object, part);
        if (!child) {
            child = json_object();
            json_object_set_new(object, part, child);
        }
        free(part);
        if (!json_is_object(child)) {
            json_decref(value);
            return false;
        }
        object = child;
        path = dot + 1;
    }
    if (json_is_object(json_object_get(object, path))) {
        json_decref(value);
        return false;
    }
    return json_object_set_new(object, path, value) == 0;
}

/* {"0": a, "1": b} becomes [a, b]; the value's reference is the caller's. */
static json_t *arrays(json_t *v)
{
    json_t *list, *child;
    const char *key;
    void *next;

    if (!json_is_object(v))
        return json_incref(v);
    json_object_foreach_safe(v, next, key, child)
        json_object_set_new(v, key, arrays(child));
    list = json_array();
    for (size_t i = 0; i < json_object_size(v); i++) {
        char name[24];

        snprintf(name, sizeof name, "%zu", i);
        child = json_object_get(v, name);
        if (!child)
            break;
        json_array_append(list, child);
    }
    if (json_array_size(list) && json_array_size(list) == json_object_size(v))
        return list;
    json_decref(list);
    return json_incref(v);
}

json_t *optlist_to_json(struct optlist *l, struct error *err)
{
    json_t *object, *result;

    for (size_t i = 0; i < l->count; i++)
        optlist_use(l, i);
    if (l->json)
        return json_deep_copy(l->json);
    object = json_object();
    for (size_t i = 0; i < l->count; i++)
        if (!put(object, l->pairs[i].key, json_string(l->pairs[i].value))) {
            optlist_error(l, err, EINVAL, "'%s' is used both with and without parts below it", l->pairs[i].key);
            json_decref(object);
            return NULL;
        }
    result = arrays(object);
    json_decref(object);
    return result;
}
