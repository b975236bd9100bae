/* core/block/opts.h - options of nodes: keys with dots, values as text.
 *
 * -drive and -o give "a=b,c.d=e", -blockdev also JSON; both become one flat list in which nesting is dots. Drivers
 * take what they know; what is left at the end was a mistake, and the message names the nearest key. */
#ifndef CORE_BLOCK_OPTS_H
#define CORE_BLOCK_OPTS_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct blk_opts;

struct blk_opts *blk_opts_new(void);
void blk_opts_free(struct blk_opts *o);
/** blk_opts_parse - add "key=value,flag,key2=value" (commas doubled inside values). @first: key of a leading value
 *  without '=', or NULL. Returns 0 or -EINVAL. */
int blk_opts_parse(struct blk_opts *o, const char *text, const char *first, struct error *err);
/** blk_opts_json - add a JSON object, nested objects and lists as dotted keys. */
int blk_opts_json(struct blk_opts *o, const char *text, struct error *err);
/** blk_opts_set - set a key, replacing an earlier value. */
void blk_opts_set(struct blk_opts *o, const char *key, const char *value);
/** blk_opts_copy - a copy of all keys. */
struct blk_opts *blk_opts_copy(const struct blk_opts *o);
/** blk_opts_get - look at a value; it stays. NULL if not given. */
const char *blk_opts_get(const struct blk_opts *o, const char *key);
bool blk_opts_any(const struct blk_opts *o);
/** blk_opts_key - the @i-th key, or NULL. */
const char *blk_opts_key(const struct blk_opts *o, int i);

/* Take a value out. The text version returns a string to free(), or NULL if not given. The others leave *v as it
 * was when the key was not given, and return 0, or -EINVAL with a sentence. */
char *blk_opts_take(struct blk_opts *o, const char *key);
int blk_opts_take_bool(struct blk_opts *o, const char *key, bool *v, struct error *err);
int blk_opts_take_u64(struct blk_opts *o, const char *key, uint64_t *v, struct error *err);
int blk_opts_take_size(struct blk_opts *o, const char *key, uint64_t *v, struct error *err);
/** blk_opts_take_enum - one of @names (NULL-terminated); *v is its index. */
int blk_opts_take_enum(struct blk_opts *o, const char *key, const char *const *names, int *v, struct error *err);
/** blk_opts_sub - take "key.*" out as a list of its own, without the prefix. Never NULL. */
struct blk_opts *blk_opts_sub(struct blk_opts *o, const char *key);
/** blk_opts_done - 0 if nothing is left; else -EINVAL and "@what has no option 'x'; did you mean 'y'?", where y is the
 *  nearest key that was asked for before or is in @known (NULL-terminated, or NULL). */
int blk_opts_done(struct blk_opts *o, const char *what, const char *const *known, struct error *err);

#endif
