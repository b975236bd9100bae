/* tcg/cache/internal.h - shared by the files of the cache. All under the cache's lock unless said otherwise. */
#ifndef TCG_CACHE_INTERNAL_H
#define TCG_CACHE_INTERNAL_H

#include "tcg/cache/cache.h"

void hash_add(struct tcg_cache *c, struct tcg_region *r);
void hash_remove(struct tcg_cache *c, struct tcg_region *r);
void links_cut(struct tcg_cache *c, struct tcg_region *r);      /* those that come in and those that go out */
bool pages_join(struct tcg_cache *c, struct tcg_region *r);     /* false: no memory for the entries */
void pages_leave(struct tcg_cache *c, struct tcg_region *r);
bool bytes_unchanged(const struct tcg_region *r);
void pages_free(struct tcg_cache *c);

#endif
