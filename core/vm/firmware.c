#include "core/vm/firmware.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/opt/options.h"

static const struct { const char *name, *package, *paths; } known[] = {
#define FIRMWARE(name, package, paths) { name, package, paths },
#include "roms/firmware.def"
#undef FIRMWARE
};

static const char *const places[] = { CONFIG_PREFIX "/share/rhea", "/usr/share/rhea", "/usr/share/qemu" };

/* What was tried, for the message. */
struct search {
    struct str tried;
    char *found;
};

static bool try_path(struct search *s, const char *path)
{
    struct stat st;

    if (s->found)
        return true;
    if (access(path, R_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        s->found = xstrdup(path);
        return true;
    }
    str_addf(&s->tried, "%s%s", s->tried.len ? ", " : "", path);
    return false;
}

static bool try_in(struct search *s, const char *dir, const char *file)
{
    char *path = xasprintf("%s/%s", dir, file);
    bool found = try_path(s, path);

    free(path);
    return found;
}

/* The folder above the one our binary is in: an unpacked release finds its own files. NULL if unknown. */
static char *own_prefix(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    for (int up = 0; up < 2 && n > 0; up++)
        while (n > 0 && path[--n] != '/')
            ;
    return n > 0 ? xstrndup(path, n) : NULL;
}

static void try_folders(struct search *s, const struct strings *dirs, const char *file)
{
    static const char *const beside[] = { "share/rhea", "share/qemu" };
    char *prefix = own_prefix();

    for (size_t i = 0; dirs && i < dirs->count; i++)
        try_in(s, dirs->at[i], file);
    for (size_t i = 0; prefix && i < ARRAY_LEN(beside); i++) {
        char *dir = xasprintf("%s/%s", prefix, beside[i]);

        if (access(dir, X_OK) == 0)
            try_in(s, dir, file);
        free(dir);
    }
    free(prefix);
}

static char *find_known(size_t which, const struct strings *dirs, struct error *err)
{
    char *list = xstrdup(known[which].paths), *rest = list, *path;
    struct search s = { STR_INIT, NULL };

    while (!s.found && (path = strsep(&rest, ":"))) {
        try_folders(&s, dirs, strrchr(path, '/') + 1);
        try_path(&s, path);
    }
    if (!s.found)
        error_set(err, ENOENT, "firmware %s not found; install it with: apt-get install %s (looked for %s)",
                  known[which].name, known[which].package, s.tried.text);
    free(list);
    str_free(&s.tried);
    return s.found;
}

char *firmware_find(const char *name, const struct strings *dirs, struct error *err)
{
    struct search s = { STR_INIT, NULL };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_eq(known[i].name, name))
            return find_known(i, dirs, err);
    try_path(&s, name);
    if (name[0] != '/') {
        try_folders(&s, dirs, name);
        for (size_t i = 0; i < ARRAY_LEN(places); i++)
            try_in(&s, places[i], name);
    }
    if (!s.found)
        error_set(err, ENOENT, "firmware '%s' not found or not readable (looked for %s)", name, s.tried.text);
    str_free(&s.tried);
    return s.found;
}

void firmware_print_places(FILE *to, const struct strings *dirs)
{
    char *prefix = own_prefix();

    for (size_t i = 0; dirs && i < dirs->count; i++)
        fprintf(to, "%s\n", dirs->at[i]);
    if (prefix)
        fprintf(to, "%s/share/rhea\n%s/share/qemu\n", prefix, prefix);
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        fprintf(to, "%s\n", places[i]);
    free(prefix);
}
