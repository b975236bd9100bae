#include "core/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"

static void want(struct str *s, size_t more)
{
    if (s->len + more + 1 <= s->room)
        return;
    s->room = MAX(s->len + more + 1, s->room * 2 + 32);
    s->text = xrealloc(s->text, s->room);
}

void str_addn(struct str *s, const char *text, size_t len)
{
    want(s, len);
    memcpy(s->text + s->len, text, len);
    s->len += len;
    s->text[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
    str_addn(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
    str_addn(s, &c, 1);
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return;
    want(s, n);
    vsnprintf(s->text + s->len, n + 1, fmt, ap);
    s->len += n;
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    str_vaddf(s, fmt, ap);
    va_end(ap);
}

char *str_take(struct str *s)
{
    char *text = s->text ? s->text : xstrdup("");

    *s = (struct str)STR_INIT;
    return text;
}

void str_free(struct str *s)
{
    free(s->text);
    *s = (struct str)STR_INIT;
}

const char *str_after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && str_eq(s + n - m, suffix);
}

/* Edits (insert, delete, replace, swap two neighbours) that make @b of @a. Longer names are not worth guessing at. */
#define NAME_MAX_GUESS 64

static unsigned edits(const char *a, const char *b)
{
    unsigned row[3][NAME_MAX_GUESS + 1];
    size_t n = strlen(a), m = strlen(b);

    if (n > NAME_MAX_GUESS || m > NAME_MAX_GUESS)
        return ~0u;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            unsigned same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);

            now[j] = MIN(MIN(last[j], now[j - 1]) + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = MIN(now[j], before[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

void nearest_try(struct nearest *n, const char *name)
{
    unsigned d = edits(n->typed, name);

    /* "blk" for "virtio-blk": part of a name is nearer than its length says */
    if (strlen(n->typed) >= 3 && strstr(name, n->typed))
        d = MIN(d, 2u);
    if (d < n->distance) {
        n->distance = d;
        n->best = name;
    }
}

const char *nearest_best(const struct nearest *n)
{
    size_t len = strlen(n->typed);

    return n->best && n->distance <= MAX(len / 3, (size_t)1) && n->distance < len ? n->best : NULL;
}

const char *nearest_hint(const struct nearest *n, char *buf, size_t bytes)
{
    const char *best = nearest_best(n);

    if (best)
        snprintf(buf, bytes, "; did you mean '%s'?", best);
    else
        buf[0] = '\0';
    return buf;
}

/* -1 for what is no suffix */
static int suffix_shift(char c)
{
    static const char letters[] = "bkmgtpe";
    const char *at = c ? strchr(letters, tolower((unsigned char)c)) : NULL;

    return at ? (int)(at - letters) * 10 : -1;
}

int str_size(const char *s, uint64_t unit, uint64_t *bytes)
{
    unsigned __int128 v;
    unsigned long long whole;
    long double fraction = 0;
    char *end;

    if (!isdigit((unsigned char)s[0]))
        return -EINVAL;
    errno = 0;
    whole = strtoull(s, &end, s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10);
    if (errno)
        return -ERANGE;
    if (*end == '.') {
        char *digits = end;

        if (!isdigit((unsigned char)end[1]))
            return -EINVAL;
        for (end++; isdigit((unsigned char)*end); end++)
            ;
        fraction = strtold(digits, NULL);
    }
    if (*end) {
        int shift = suffix_shift(*end);

        if (shift < 0)
            return -EINVAL;
        end++;
        if (shift && (*end == 'i' || *end == 'I') && (end[1] == 'b' || end[1] == 'B'))
            end += 2;
        else if (shift && (*end == 'B' || *end == 'b'))
            end++;
        if (*end)
            return -EINVAL;
        unit = UINT64_C(1) << shift;
    }
    v = (unsigned __int128)whole * unit + (uint64_t)(fraction * unit);
    if (v > UINT64_MAX)
        return -ERANGE;
    *bytes = v;
    return 0;
}

int str_uuid(const char *s, uint8_t uuid[16])
{
    for (unsigned i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
            return -EINVAL;
    if (s[36])
        return -EINVAL;
    for (unsigned n = 0; n < 16; n++, s += 2) {
        s += *s == '-';
        uuid[n] = (uint8_t)strtoul((const char[3]){ s[0], s[1], 0 }, NULL, 16);
    }
    return 0;
}

int str_u64(const char *s, uint64_t *v)
{
    char *end;

    if (!isdigit((unsigned char)s[0]))
        return -EINVAL;
    errno = 0;
    *v = strtoull(s, &end, 0);
    if (*end)
        return -EINVAL;
    return errno ? -ERANGE : 0;
}

int str_i64(const char *s, int64_t *v)
{
    char *end;

    if (!isdigit((unsigned char)s[s[0] == '-']))
        return -EINVAL;
    errno = 0;
    *v = strtoll(s, &end, 0);
    if (*end)
        return -EINVAL;
    return errno ? -ERANGE : 0;
}

int str_bool(const char *s, bool *v)
{
    static const char *const words[2][4] = { { "off", "no", "false", "n" }, { "on", "yes", "true", "y" } };

    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 4; j++)
            if (str_eq(s, words[i][j])) {
                *v = i;
                return 0;
            }
    return -EINVAL;
}
