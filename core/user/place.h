/* core/user/place.h - where a program, its heap, its mappings and its stack go: the target's places, lowered to what -R
 * allows, and moved by chance as Linux does it (Linux, mm/util.c, fs/binfmt_elf.c). */
#pragma once

#include <stdint.h>

struct target_user;
struct user_options;

struct user_places {
    uint64_t limit;                            /* one past the highest guest address */
    uint64_t pie, mmap_top, stack_top;         /* as in struct target_user */
    uint64_t heap_gap;                         /* between the program's end and the heap */
    uint32_t stack_gap;                        /* between the strings at the stack's top and what lies below them */
    uint8_t random[16];                        /* AT_RANDOM */
};

/**
 * user_places_pick - decide where everything goes.
 * @p:     filled in
 * @abi:   the target's
 * @bits:  32 or 64
 * @room:  bytes of guest addresses there are, above user_places_least()
 * @o:     -seed makes the choice repeatable; with -g, as below a personality with ADDR_NO_RANDOMIZE (setarch -R), nothing
 *         moves
 */
void user_places_pick(struct user_places *p, const struct target_user *abi, unsigned bits, uint64_t room,
                      const struct user_options *o);

/** user_places_least - the smallest address space a program can be given by -R, in bytes. */
uint64_t user_places_least(unsigned bits);
