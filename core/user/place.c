/* Address space layout, by chance and by limits.
 *
 * How far things move: Linux's defaults of arch_mmap_rnd() for programs and mappings, STACK_RND_MASK for the stack,
 * arch_randomize_brk() for the heap. */
#include <fcntl.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/base/bits.h"
#include "core/opt/options.h"
#include "core/user/place.h"
#include "targets/target.h"

enum { PAGE = 4096, STACK_GAP_MAX = 8192 };

/* In pages; the heap's in bytes. A space below 2^39 bytes (Sv39) is moved less. */
struct reach { uint64_t mmap, stack, heap; };
static const struct reach reach32 = { 1 << 11, 1 << 11, 32 << 20 };
static const struct reach reach39 = { 1 << 18, 1 << 18, 1 << 30 };
static const struct reach reach64 = { 1 << 28, 1 << 18, 1 << 30 };

/* splitmix64 */
struct chance { bool seeded; uint64_t state; };

static uint64_t next_seeded(struct chance *c)
{
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* All that a start needs, by one call. */
static void draw(struct chance *c, uint64_t *to, unsigned n)
{
    if (!c->seeded && getrandom(to, n * sizeof *to, GRND_NONBLOCK) == (ssize_t)(n * sizeof *to))
        return;
    if (!c->seeded)                            /* before the host has gathered any: better than always the same */
        c->state = (uint64_t)getpid() << 32 ^ (uintptr_t)to;
    for (unsigned i = 0; i < n; i++)
        to[i] = next_seeded(c);
}

/* /proc/sys/kernel/randomize_va_space: 0 nothing moves, 1 all but the heap, 2 all. */
static int host_level(void)
{
    int fd = open("/proc/sys/kernel/randomize_va_space", O_RDONLY | O_CLOEXEC);
    char c = '2';

    if (fd >= 0) {
        if (read(fd, &c, 1) != 1)
            c = '2';
        close(fd);
    }
    return c - '0';
}

uint64_t user_places_least(unsigned bits)
{
    return bits == 32 ? UINT64_C(256) << 20 : UINT64_C(1) << 32;
}

/* Less room than the target's places take: the stack at its end, mappings below, programs at two thirds of it. */
static void squeeze(struct user_places *p, unsigned bits, uint64_t room)
{
    if (p->stack_top <= room)
        return;
    p->stack_top = room & ~UINT64_C(0xffff);
    p->mmap_top = (room - room / 4) & ~UINT64_C(0xffff);
    if (bits == 64)
        p->pie = MIN(p->pie, room / 3 & ~UINT64_C(0xffff));
}

void user_places_pick(struct user_places *p, const struct target_user *abi, unsigned bits, uint64_t room,
                      const struct user_options *o)
{
    const struct reach *r = bits == 32 ? &reach32 : abi->mmap_top >> 39 ? &reach64 : &reach39;
    struct chance c = { o->has_seed, o->seed };
    uint64_t v[7];
    bool still = o->gdb || personality(0xffffffff) & ADDR_NO_RANDOMIZE;
    int level = still ? 0 : host_level();

    *p = (struct user_places){ .limit = room, .pie = abi->pie_base, .mmap_top = abi->mmap_top, .stack_top = abi->stack_top };
    squeeze(p, bits, room);
    draw(&c, v, ARRAY_LEN(v));
    memcpy(p->random, v, sizeof p->random);
    if (level == 0 || p->stack_top != abi->stack_top)
        return;
    p->pie += v[2] % r->mmap * PAGE;
    p->mmap_top -= v[3] % r->mmap * PAGE;
    p->stack_top -= v[4] % r->stack * PAGE;
    p->stack_gap = (uint32_t)(v[5] % STACK_GAP_MAX) & ~15u;
    if (level > 1)
        p->heap_gap = v[6] % (r->heap / PAGE) * PAGE;
}
