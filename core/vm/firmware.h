/* core/vm/firmware.h - where the distribution keeps firmware. */
#pragma once

#include <stdio.h>

struct error;
struct strings;

/**
 * firmware_find - the path of a firmware file.
 * @name: a name of roms/firmware.def ("opensbi-riscv64"), or what the user gave for -bios: a path, or a file name that is
 *        looked for in the folders
 * @dirs: the -L folders, looked at first; may be NULL
 * @err:  what was looked for and where, and the package that holds it
 *
 * Returns the path of a readable file, to free(); NULL if there is none.
 */
char *firmware_find(const char *name, const struct strings *dirs, struct error *err);

/** firmware_print_places - the folders that are searched, one per line, as `-L help` prints them. */
void firmware_print_places(FILE *to, const struct strings *dirs);
