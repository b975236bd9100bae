/* core/char/legacy.c - what -serial and -monitor take: a word and its address, instead of key=value. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/char/chr.h"
#include "core/opt/optlist.h"

/* The same in the words of -chardev; NULL with a sentence if it isn't any of them. */
static char *modern(const char *text, struct error *err)
{
    const char *rest, *comma, *colon;

    if (str_eq(text, "stdio") || str_eq(text, "null") || str_eq(text, "pty") || str_eq(text, "ringbuf"))
        return xasprintf("%s", text);
    if ((rest = str_after(text, "file:")))
        return xasprintf("file,path=%s", rest);
    if ((rest = str_after(text, "pipe:")))
        return xasprintf("pipe,path=%s", rest);
    if ((rest = str_after(text, "unix:path=")) || (rest = str_after(text, "unix:")))
        return xasprintf("socket,path=%s", rest);
    if (text[0] == '/')
        return xasprintf("file,path=%s", text);
    if ((rest = str_after(text, "tcp:")) || (rest = str_after(text, "telnet:"))) {
        comma = strchrnul(rest, ',');
        colon = memrchr(rest, ':', (size_t)(comma - rest));
        if (colon)
            return xasprintf("socket,host=%.*s,port=%.*s%s%s", (int)(colon - rest), rest, (int)(comma - colon - 1),
                             colon + 1, str_after(text, "telnet:") ? ",telnet=on" : "", comma);
    }
    error_set(err, EINVAL, "'%s' is no character device; it can be stdio, mon:stdio, null, none, pty, file:PATH, "
              "unix:PATH, tcp:HOST:PORT, telnet:HOST:PORT, ringbuf or chardev:ID", text);
    return NULL;
}

static struct chr *open_modern(const char *option, const char *id, const char *words, bool mux, struct error *err)
{
    struct optlist *opts = optlist_parse(option, words, "backend", err);
    const char *name = opts ? optlist_get(opts, "backend") : NULL;
    struct chr *c = NULL;

    if (name && str_eq(name, "stdio") && mux)
        optlist_set(opts, "signal", "off"); /* Ctrl-C belongs to the guest */
    for (const struct chr_backend *const *b = all_chr_backends; name && *b; b++)
        if (str_eq((*b)->name, name))
            c = chr_make(*b, id, mux, opts, err);
    if (c && optlist_done(opts, err) < 0)
        c = NULL;
    optlist_free(opts);
    return c;
}

struct chr *chr_from_legacy(const char *option, const char *id, const char *text, struct error *err)
{
    const char *rest = str_after(text, "mon:");
    bool mux = rest;
    struct chr *c;
    char *words;

    if (str_eq(text, "none"))
        return NULL;
    if ((rest = str_after(text, "chardev:"))) {
        c = chr_find(rest);
        if (!c)
            error_set(err, ENODEV, "%s %s: there is no -chardev with id '%s'", option, text, rest);
        return c;
    }
    words = modern(mux ? text + strlen("mon:") : text, err);
    c = words ? open_modern(option, id, words, mux, err) : NULL;
    free(words);
    if (!c)
        error_prepend(err, "%s %s: ", option, text);
    return c;
}
