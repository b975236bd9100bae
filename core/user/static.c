/* The statically linked rhea for programs alone (build/static/rhea). binfmt_misc starts it inside foreign root folders,
 * where the host's libraries are not: see binfmt.c. */
#include <stddef.h>

#include "core/personality.h"

extern const struct personality user_personality;
void *__wrap_dlopen(const char *file, int flags);

const struct personality *const all_personalities[] = { &user_personality, NULL };

/* There is nothing to load: the C library's own would look for the very version it was linked with. */
void *__wrap_dlopen(const char *file, int flags)
{
    (void)file, (void)flags;
    return NULL;
}
