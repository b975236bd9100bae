/* core/opt/optlist.h - the key=value list behind one option: `-device tick,id=a,period=3`.
 *
 * Whoever acts on an option asks for the keys it knows; each question marks the key as used and remembers its name.
 * optlist_done() then refuses what nobody asked for, naming the nearest key that somebody did. So nothing is ever
 * accepted and ignored. The same list is made from JSON, where nested objects become dotted keys (file.filename) and
 * array elements numbered ones (host.0). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct error;
struct optlist;

/* A growing array of lists, in the order of the command line. */
struct optlists {
    struct optlist **at;
    size_t count;
};

/**
 * optlist_parse - read QEMU's syntax, or JSON if the text begins with `{`.
 * @option:  the option as typed, such as "-device", for messages; copied
 * @text:    what followed it; `,,` stands for a comma inside a value; copied
 * @implied: key of a first word without `=`, such as "driver"; NULL if there is none. Any other word without `=` means
 *           WORD=on; `nowait` and `nodelay` mean wait=off and delay=off
 * @err:     the sentence for bad JSON or an empty key
 *
 * Returns the list, to optlist_free(); NULL on error.
 */
struct optlist *optlist_parse(const char *option, const char *text, const char *implied, struct error *err);
struct optlist *optlist_new(const char *option);
/** optlist_from_json - the same from a parsed object (QMP arguments); NULL if @object is no object or is too deep. */
struct optlist *optlist_from_json(const char *option, const json_t *object, struct error *err);
void optlist_free(struct optlist *l);

/** optlist_option, optlist_text - "-device" and what followed, as typed. */
const char *optlist_option(const struct optlist *l);
const char *optlist_text(const struct optlist *l);

/** optlist_set_text - what optlist_text() answers, for a list that was made by other means. */
void optlist_set_text(struct optlist *l, const char *text);

/** optlist_set - set a key, in place if it is there, else at the end. optlist_merge - all of @from over @to. */
void optlist_set(struct optlist *l, const char *key, const char *value);
void optlist_merge(struct optlist *to, const struct optlist *from);
/** optlist_add - append a pair even if the key is there already (hostfwd=..,hostfwd=..). */
void optlist_add(struct optlist *l, const char *key, const char *value);

/** optlist_is_help - did the user ask for help: a word `help` or `?`, or the implied key's value is one. */
bool optlist_is_help(const struct optlist *l);

/* Questions. Each marks the key used. A key that is given several times answers with its last value. */

bool optlist_has(struct optlist *l, const char *key);
/** optlist_get - the value, or NULL if the key is absent. Lives as long as the list. */
const char *optlist_get(struct optlist *l, const char *key);
/** optlist_get_nth - the @n-th value of a key that may be repeated, or NULL. */
const char *optlist_get_nth(struct optlist *l, const char *key, size_t n);
/** optlist_need - the value; NULL and a sentence if the key is absent. */
const char *optlist_need(struct optlist *l, const char *key, struct error *err);

/* Typed questions: 1 and *v is set; 0 and *v is left alone if the key is absent; -EINVAL or -ERANGE with a sentence. */
int optlist_u64(struct optlist *l, const char *key, uint64_t min, uint64_t max, uint64_t *v, struct error *err);
int optlist_uint(struct optlist *l, const char *key, unsigned min, unsigned max, unsigned *v, struct error *err);
int optlist_i64(struct optlist *l, const char *key, int64_t min, int64_t max, int64_t *v, struct error *err);
/** optlist_size - bytes, with suffixes; a bare number counts @unit bytes (1, or 1 << 20 for memory). */
int optlist_size(struct optlist *l, const char *key, uint64_t unit, uint64_t *v, struct error *err);
int optlist_bool(struct optlist *l, const char *key, bool *v, struct error *err);
/** optlist_enum - *v becomes the index of the value in @names, which ends with NULL; others get the nearest name. */
int optlist_enum(struct optlist *l, const char *key, const char *const *names, int *v, struct error *err);

/** optlist_sub - the keys below `PREFIX.`, without the prefix; questions to it mark the keys of @l. Freed with @l.
 * Never NULL; may be empty. */
struct optlist *optlist_sub(struct optlist *l, const char *prefix);
/** optlist_to_json - the list as a nested object (dotted keys become objects, numbered ones arrays); every value is a
 * string unless the list came from JSON. To json_decref(). Marks all keys used. NULL if keys contradict each other. */
json_t *optlist_to_json(struct optlist *l, struct error *err);

/* Walking, without marking: 0 <= i < optlist_count(). */
size_t optlist_count(const struct optlist *l);
const char *optlist_key(const struct optlist *l, size_t i);
const char *optlist_value(const struct optlist *l, size_t i);
bool optlist_is_used(const struct optlist *l, size_t i);
void optlist_use(struct optlist *l, size_t i);

/** optlist_known - a key that may be asked for on another path: a candidate for `did you mean`. Does not mark it. */
void optlist_known(struct optlist *l, const char *key);

/** optlist_done - refuse the keys that nobody asked for. Returns 0 or -EINVAL with a sentence. */
int optlist_done(struct optlist *l, struct error *err);

/** optlist_error - error_set() with `OPTION TEXT: ` before the sentence. Returns -code. */
int optlist_error(const struct optlist *l, struct error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void optlists_push(struct optlists *a, struct optlist *l);
void optlists_free(struct optlists *a);
