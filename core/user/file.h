/* core/user/file.h - stat for every layout of its structure. */
#pragma once

#include <stdint.h>

struct user_layout;

/** user_open_flags - the flags of open(), four of which have other bits on ARM, as the host has them. */
uint64_t user_open_flags(uint64_t guest);

/** user_stat, user_fstat - write a file's attributes to the guest.
 * @path:   guest address of the name; 0 for the descriptor itself, as fstatat() has it
 * @to:     guest address
 * @layout: NULL for the structure of 64-bit guests
 * Return 0 or -errno. */
int64_t user_stat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t to, const struct user_layout *layout);
int64_t user_fstat(uint64_t fd, uint64_t to, const struct user_layout *layout);
