/* core/img/options.h - create and amend options on the command line. */
#ifndef CORE_IMG_OPTIONS_H
#define CORE_IMG_OPTIONS_H

#include <stdbool.h>

struct blk_option;
struct blk_opts;
struct error;

void img_print_options(const char *what, const struct blk_option *list);
/** img_create_help - what `-O fmt -o help` prints. Returns the exit status. */
int  img_create_help(const char *fmt);
bool img_wants_help(const char *options);
int  img_add_options(struct blk_opts *o, const char *text, struct error *err);

#endif
