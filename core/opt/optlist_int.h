/* core/opt/optlist_int.h - what optlist.c (asking) and optlist_parse.c (reading, JSON) share. */
#pragma once

#include "core/opt/optlist.h"

enum optkind { OPT_TEXT, OPT_NUMBER, OPT_BOOL };   /* what the value was in JSON; text on the command line */

struct optpair {
    char *key, *value;
    bool used, implied;
    enum optkind kind;
    size_t origin;        /* in a sub-list: index of the pair above that this one stands for */
};

struct optlist {
    char *option, *text;
    struct optpair *pairs;
    size_t count;
    char **known;         /* every key that was asked for */
    size_t known_count;
    struct optlist *subs, *next_sub;
    size_t prefix_len;    /* of a sub-list, its dot included */
    json_t *json;         /* where the list came from JSON: the object */
};

/* Appends a pair and takes over both strings. */
struct optpair *optlist_push(struct optlist *l, char *key, char *value);
