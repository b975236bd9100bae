/* core/vm/objects.h - -object: what devices and drives name by an id. Disks' objects are the block layer's; random sources are here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct error;
struct sys_options;

/** objects_add - make every -object, before drives and devices. 0, or -errno with a sentence. */
int objects_add(const struct sys_options *o, struct error *err);
void objects_end(void);
/** objects_help - `-object help`: the types, one a line. */
void objects_help(FILE *to);

/** A source of random bytes: rng-random (a file) or rng-builtin (the host's kernel by system call). */
struct rng_source;

/** rng_find - by id; NULL and a sentence if there is none. */
struct rng_source *rng_find(const char *id, struct error *err);
/** rng_read - up to @n bytes; @r NULL: rng-builtin. Returns how many, 0 if there are none now. Context: any thread. */
size_t rng_read(struct rng_source *r, void *to, size_t n);
