/* core/base/lazyload.h - for the stubs that core/lazylink writes: a library is loaded when one of its functions is called.
 *
 * Nobody calls these by hand: the functions of the library are called by their names. */
#pragma once

#include <stddef.h>

struct lazy_lib {
    const char *soname;
    void *handle;                              /* NULL until loaded */
};

struct lazy_symbol {
    const char *name;
    struct lazy_lib *lib;
};

/** lazy_load - the address of a function. Ends the program with a sentence when the library has gone since we were built.
 * Context: any thread. */
void *lazy_load(const struct lazy_symbol *s);

/** lazy_resolve - written by core/lazylink: lazy_load() of the symbol of this number. */
void *lazy_resolve(unsigned i);
