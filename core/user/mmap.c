/* The guest's mappings. Every change goes: the table first, so that no new code is translated from what goes away; then
 * the host; then the accelerator forgets what it translated from there. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "accel/accel.h"
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/user/maptable.h"
#include "core/user/mem.h"
#include "core/user/mmap.h"

enum {
    PAGE = 4096, LOWEST = 0x10000, RANGES_MAX = 1 << 20, STACK_COUNTED = 132 << 10, STACK_MAX = 1 << 30,
    /* what mprotect() accepts: also PROT_SEM */
    PROT_KNOWN = PROT_READ | PROT_WRITE | PROT_EXEC | 8 | PROT_GROWSDOWN | PROT_GROWSUP,
};

uint64_t user_base, user_limit;

static struct {
    pthread_mutex_t lock;
    struct user_space space;
    const struct accel_type *accel;
    struct map_table *table;
    uint64_t brk_start, brk;
    uint64_t max_all, max_data;                /* RLIMIT_AS, RLIMIT_DATA */
    bool host_noted;                           /* the emulator's own mappings are in the table */
    struct attached { uint64_t addr, len; } *attached;  /* System V shared memory */
    size_t nattached;
} mm = { .lock = PTHREAD_MUTEX_INITIALIZER, .max_all = UINT64_MAX, .max_data = UINT64_MAX };

static uint64_t page_up(uint64_t v)
{
    return (v + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

volatile bool user_guarded;

int user_page_rights;

/* What is kept of the guest's prot. */
static int kept_prot(int prot)
{
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC | user_page_rights;
    if (prot & USER_PROT_GUARDED)
        user_guarded = true;
    return prot;
}

static int host_prot(int prot)
{
    return (prot & (PROT_READ | PROT_WRITE)) | (prot & (PROT_EXEC | PROT_WRITE) ? PROT_READ : 0);
}

int user_space_init(const struct user_space *space, const struct accel_type *accel, struct error *err)
{
    /* A guard behind the window: a system call that is given a length beyond it meets nothing of ours. */
    const uint64_t guard = UINT64_C(1) << 31;

    mm.space = *space;
    mm.accel = accel;
    mm.table = map_table_new(RANGES_MAX);
    if (!mm.table)
        return error_set(err, ENOMEM, "no memory for the table of the guest's mappings");
    user_base = space->base;
    user_limit = space->limit;
    if (!space->window)
        return 0;
    if (user_base) {
        void *got = mmap((void *)(uintptr_t)user_base, space->limit + guard, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

        return got != MAP_FAILED ? 0 : error_errno(err, "cannot reserve the guest's address space at 0x%llx; try another -B",
                                                   (unsigned long long)user_base);
    } else {
        void *got = mmap(NULL, space->limit + guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (got == MAP_FAILED)
            return error_errno(err, "cannot reserve %llu MiB for the guest's address space",
                               (unsigned long long)(space->limit + guard) >> 20);
        user_base = mm.space.base = (uintptr_t)got;
    }
    return 0;
}

/* What goes away or loses its rights in [start, end): forget translations of code there. */
static bool had_code(uint64_t start, uint64_t end)
{
    for (size_t i = map_table_find(mm.table, start); i < map_table_count(mm.table); i++) {
        const struct map_range *r = map_table_at(mm.table, i);

        if (r->start >= end)
            break;
        if (r->prot & PROT_EXEC)
            return true;
    }
    return false;
}

void user_code_changed(uint64_t addr, uint64_t len)
{
    if (mm.accel && mm.accel->code_written && len)
        mm.accel->code_written(user_host(addr), len);
}

static void log_map(const char *what, uint64_t start, uint64_t end, int prot)
{
    if (log_on(LOG_PAGE))
        log_printf("%s %012llx-%012llx %c%c%c\n", what, (unsigned long long)start, (unsigned long long)end,
                   prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-', prot & PROT_EXEC ? 'x' : '-');
}

/* --- the emulator's own mappings below the limit ------------------------------------------------------------------- */

/* Rarely there are any: only when something was found in the way. */
static void note_host_mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    unsigned long long a, b;
    char line[512];

    mm.host_noted = true;
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%llx-%llx", &a, &b) != 2 || a < user_base || a - user_base >= user_limit)
            continue;
        a -= user_base;
        b = MIN(b - user_base, user_limit);
        for (uint64_t p = a; p < b; ) {
            size_t i = map_table_find(mm.table, p);
            const struct map_range *r = i < map_table_count(mm.table) ? map_table_at(mm.table, i) : NULL;

            if (r && r->start <= p) {
                p = r->end;
            } else {
                uint64_t end = r ? MIN(b, r->start) : b;

                map_table_set(mm.table, p, end, 0, USER_MAP_HOST);
                p = end;
            }
        }
    }
    if (f)
        fclose(f);
}

static bool host_in_range(uint64_t start, uint64_t end)
{
    for (size_t i = map_table_find(mm.table, start); mm.host_noted && i < map_table_count(mm.table); i++) {
        const struct map_range *r = map_table_at(mm.table, i);

        if (r->start >= end)
            return false;
        if (r->flags & USER_MAP_HOST)
            return true;
    }
    return false;
}

/* --- limits -------------------------------------------------------------------------------------------------------- */

/* What of a range counts for RLIMIT_AS, or with @data for RLIMIT_DATA. A stack is mapped in one piece and counts as the
 * part that Linux begins with. */
static uint64_t counted(const struct map_range *r, uint64_t start, uint64_t end, bool data)
{
    uint64_t len = MIN(r->end, end) - MAX(r->start, start);

    if (r->flags & USER_MAP_HOST || (data && (!(r->prot & PROT_WRITE) || r->flags & (USER_MAP_SHARED | USER_MAP_STACK))))
        return 0;
    return r->flags & USER_MAP_STACK ? MIN(len, (uint64_t)STACK_COUNTED) : len;
}

static uint64_t mapped(uint64_t start, uint64_t end, bool data)
{
    uint64_t sum = 0;

    for (size_t i = map_table_find(mm.table, start); i < map_table_count(mm.table); i++) {
        const struct map_range *r = map_table_at(mm.table, i);

        if (r->start >= end)
            break;
        sum += counted(r, start, end, data);
    }
    return sum;
}

/* May @len bytes more be mapped, in place of what is in [start, end) now? */
static bool may_grow(uint64_t len, bool data, uint64_t start, uint64_t end)
{
    if (mm.max_all != UINT64_MAX && mapped(0, user_limit, false) - mapped(start, end, false) + len > mm.max_all)
        return false;
    return !data || mm.max_data == UINT64_MAX || mapped(0, user_limit, true) - mapped(start, end, true) + len <= mm.max_data;
}

void user_mmap_limit(uint64_t all, uint64_t data)
{
    pthread_mutex_lock(&mm.lock);
    mm.max_all = all;
    mm.max_data = data;
    pthread_mutex_unlock(&mm.lock);
}

/* --- placing ------------------------------------------------------------------------------------------------------- */

static uint64_t find_place(uint64_t hint, uint64_t len)
{
    uint64_t at;

    if (hint >= LOWEST && user_range(hint, len) && map_table_free_range(mm.table, hint, hint + len))
        return hint;
    at = map_table_gap(mm.table, len, LOWEST, mm.space.mmap_top, false);
    return at ? at : map_table_gap(mm.table, len, mm.space.mmap_top, user_limit, true);
}

/* Maps on the host at a place that the table calls free; -EEXIST if the host has something there. */
static int64_t map_new(uint64_t at, uint64_t len, int prot, int flags, int fd, int64_t off)
{
    return user_raw(SYS_mmap, at + user_base, len, host_prot(prot),
                    flags | (mm.space.window ? MAP_FIXED : MAP_FIXED_NOREPLACE), fd, off);
}

/* Maps over whatever the guest has there. Holes are taken first: they might be the emulator's. */
static int64_t map_over(uint64_t at, uint64_t len, int prot, int flags, int fd, int64_t off)
{
    if (!mm.space.window) {
        uint64_t p = at, end = at + len;

        for (size_t i = map_table_find(mm.table, at); p < end; i++) {
            const struct map_range *r = i < map_table_count(mm.table) ? map_table_at(mm.table, i) : NULL;
            uint64_t stop = r ? MIN(r->start, end) : end;

            if (stop > p) {
                int64_t got = user_raw(SYS_mmap, p + user_base, stop - p, PROT_NONE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

                if (got < 0)
                    return got == -EEXIST ? -ENOMEM : got;
            }
            if (!r)
                break;
            p = r->end;
        }
    }
    return user_raw(SYS_mmap, at + user_base, len, host_prot(prot), flags | MAP_FIXED, fd, off);
}

/* Gives [start, end) back to the host. */
static int64_t unmap_host(uint64_t start, uint64_t end)
{
    if (mm.space.window)
        return MIN(0, user_raw(SYS_mmap, start + user_base, end - start, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0));
    return user_raw(SYS_munmap, start + user_base, end - start, 0, 0, 0, 0);
}

static uint32_t kind_of(int flags)
{
    return ((flags & MAP_TYPE) != MAP_PRIVATE ? USER_MAP_SHARED : 0) | (flags & MAP_ANONYMOUS ? 0 : USER_MAP_FILE);
}

static int64_t mmap_locked(uint64_t addr, uint64_t len, int prot, int flags, int fd, int64_t off)
{
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), over = flags & MAP_FIXED && !(flags & MAP_FIXED_NOREPLACE);
    int host_flags = flags & ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN | MAP_32BIT);
    int64_t ret;

    for (;;) {
        uint64_t at = fixed ? addr : find_place(addr, len);
        bool is_free, code = false;

        if (!fixed && !at)
            return -ENOMEM;
        is_free = map_table_free_range(mm.table, at, at + len);
        if (fixed && !is_free && !over)
            return -EEXIST;
        if (host_in_range(at, at + len))
            return -ENOMEM;
        if (is_free) {
            ret = map_new(at, len, prot, host_flags, fd, off);
            if (ret == -EEXIST && !mm.host_noted) {
                note_host_mappings();
                continue;
            }
            if (ret == -EEXIST && fixed && over)
                ret = -ENOMEM;
        } else {
            code = had_code(at, at + len);
            if (code)
                map_table_set(mm.table, at, at + len, PROT_NONE, kind_of(flags));
            ret = map_over(at, len, prot, host_flags, fd, off);
        }
        if (ret >= 0) {
            map_table_set(mm.table, at, at + len, prot, kind_of(flags));
            log_map("mmap", at, at + len, prot);
            ret = (int64_t)at;
        }
        if (code)
            user_code_changed(at, len);
        return ret;
    }
}

int64_t user_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, int64_t off)
{
    int64_t ret;

    len = page_up(len);
    if (!len)
        return -EINVAL;
    if (len > user_limit)
        return -ENOMEM;
    prot = kept_prot(prot);
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        if (addr & (PAGE - 1))
            return -EINVAL;
        if (!user_range(addr, len))
            return -ENOMEM;
        if (addr < PAGE)
            return -EPERM;
    } else {
        addr &= ~(uint64_t)(PAGE - 1);
    }
    pthread_mutex_lock(&mm.lock);
    if (may_grow(len, prot & PROT_WRITE && (flags & MAP_TYPE) == MAP_PRIVATE, addr, addr + (flags & MAP_FIXED ? len : 0)))
        ret = mmap_locked(addr, len, prot, flags, fd, off);
    else
        ret = -ENOMEM;
    pthread_mutex_unlock(&mm.lock);
    return ret;
}

int64_t user_munmap(uint64_t addr, uint64_t len)
{
    int64_t ret = 0;
    bool code;

    len = page_up(len);
    if (addr & (PAGE - 1) || !len || !user_range(addr, len))
        return -EINVAL;
    pthread_mutex_lock(&mm.lock);
    code = had_code(addr, addr + len);
    /* only what is the guest's, range by range: between them may be the emulator's own */
    for (uint64_t p = addr, end = addr + len; p < end && !ret; ) {
        size_t i = map_table_find(mm.table, p);
        uint64_t start, stop;

        if (i == map_table_count(mm.table) || map_table_at(mm.table, i)->start >= end)
            break;
        start = MAX(p, map_table_at(mm.table, i)->start);
        stop = MIN(end, map_table_at(mm.table, i)->end);
        if (!(map_table_at(mm.table, i)->flags & USER_MAP_HOST)) {
            ret = map_table_clear(mm.table, start, stop);
            if (!ret)
                ret = unmap_host(start, stop);
        }
        p = stop;
    }
    log_map("munmap", addr, addr + len, 0);
    if (code)
        user_code_changed(addr, len);
    pthread_mutex_unlock(&mm.lock);
    return ret;
}

int64_t user_mprotect(uint64_t addr, uint64_t len, int prot)
{
    int64_t ret = 0;
    bool code;

    len = page_up(len);
    if (addr & (PAGE - 1) || prot & ~(PROT_KNOWN | user_page_rights))
        return -EINVAL;
    if (!user_range(addr, len))
        return -ENOMEM;
    prot = kept_prot(prot);
    pthread_mutex_lock(&mm.lock);
    if (!map_table_covered(mm.table, addr, addr + len) || host_in_range(addr, addr + len)) {
        pthread_mutex_unlock(&mm.lock);
        return -ENOMEM;
    }
    code = had_code(addr, addr + len);
    if (prot & PROT_WRITE && mm.max_data != UINT64_MAX && !may_grow(len - mapped(addr, addr + len, true), true, 0, 0))
        ret = -ENOMEM;
    else if (len)
        ret = user_raw(SYS_mprotect, addr + user_base, len, host_prot(prot), 0, 0, 0);
    for (uint64_t p = addr, end = addr + len; p < end && !ret; ) {
        struct map_range r = *map_table_at(mm.table, map_table_find(mm.table, p));

        ret = map_table_set(mm.table, p, MIN(r.end, end), prot, r.flags);
        p = r.end;
    }
    log_map("mprotect", addr, addr + len, prot);
    if (code)
        user_code_changed(addr, len);
    pthread_mutex_unlock(&mm.lock);
    return ret;
}

/* --- mremap -------------------------------------------------------------------------------------------------------- */

static int64_t mremap_move(struct map_range *r, uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t to)
{
    bool keep = flags & MREMAP_DONTUNMAP || !old_len;
    int64_t ret;

    if (!map_table_free_range(mm.table, to, to + new_len)) {
        bool code = had_code(to, to + new_len);

        map_table_clear(mm.table, to, to + new_len);
        ret = unmap_host(to, to + new_len);
        if (code)
            user_code_changed(to, new_len);
        if (ret < 0)
            return ret;
    }
    ret = user_raw(SYS_mremap, old + user_base, old_len, new_len, (flags & MREMAP_DONTUNMAP) | MREMAP_MAYMOVE | MREMAP_FIXED,
                   to + user_base, 0);
    if (ret < 0)
        return ret;
    if (!keep) {
        map_table_clear(mm.table, old, old + old_len);
        if (mm.space.window)
            unmap_host(old, old + old_len);
    }
    map_table_set(mm.table, to, to + new_len, r->prot, r->flags & ~USER_MAP_HEAP);
    if (r->prot & PROT_EXEC)
        user_code_changed(old, old_len);
    return (int64_t)to;
}

static int64_t mremap_locked(uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new)
{
    struct map_range r;
    uint64_t to;
    int64_t ret;

    if (!map_table_peek(mm.table, old, &r) || r.flags & USER_MAP_HOST || !map_table_covered(mm.table, old, old + old_len))
        return -EFAULT;
    if (flags & MREMAP_FIXED) {
        if (new & (PAGE - 1) || !user_range(new, new_len) || (new < old + old_len && old < new + new_len))
            return -EINVAL;
        if (!may_grow(new_len, false, old, old + old_len))
            return -ENOMEM;
        return host_in_range(new, new + new_len) ? -EINVAL : mremap_move(&r, old, old_len, new_len, flags, new);
    }
    if (new_len <= old_len && !(flags & MREMAP_DONTUNMAP)) {
        if (new_len < old_len) {
            map_table_clear(mm.table, old + new_len, old + old_len);
            ret = unmap_host(old + new_len, old + old_len);
            if (r.prot & PROT_EXEC)
                user_code_changed(old + new_len, old_len - new_len);
            if (ret < 0)
                return ret;
        }
        return (int64_t)old;
    }
    if (!may_grow(new_len - (flags & MREMAP_DONTUNMAP ? 0 : old_len), r.prot & PROT_WRITE && !(r.flags & USER_MAP_SHARED), 0, 0))
        return -ENOMEM;
    if (old_len && !(flags & MREMAP_DONTUNMAP) && !mm.space.window && user_range(old, new_len) &&
        map_table_free_range(mm.table, old + old_len, old + new_len)) {
        ret = user_raw(SYS_mremap, old + user_base, old_len, new_len, 0, 0, 0);
        if (ret >= 0) {
            map_table_set(mm.table, old + old_len, old + new_len, r.prot, r.flags);
            return (int64_t)old;
        }
        if (ret != -ENOMEM)
            return ret;
    }
    if (!(flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    to = find_place(0, new_len);
    return to ? mremap_move(&r, old, old_len, new_len, flags, to) : -ENOMEM;
}

int64_t user_mremap(uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new)
{
    int64_t ret;

    old_len = page_up(old_len);
    new_len = page_up(new_len);
    if (old & (PAGE - 1) || !new_len || new_len > user_limit || !user_range(old, old_len) ||
        flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) ||
        (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)) ||
        (flags & MREMAP_DONTUNMAP && old_len != new_len))
        return -EINVAL;
    pthread_mutex_lock(&mm.lock);
    ret = mremap_locked(old, old_len, new_len, flags, new);
    pthread_mutex_unlock(&mm.lock);
    return ret;
}

int64_t user_madvise(uint64_t addr, uint64_t len, int advice)
{
    int64_t ret;

    if (addr & (PAGE - 1))
        return -EINVAL;
    len = page_up(len);
    if (!user_range(addr, len))
        return -ENOMEM;
    if (!len)
        return 0;
    pthread_mutex_lock(&mm.lock);
    if (host_in_range(addr, addr + len) || !map_table_covered(mm.table, addr, addr + len))
        ret = -ENOMEM;
    else
        ret = user_raw(SYS_madvise, addr + user_base, len, advice, 0, 0, 0);
    if (had_code(addr, addr + len))
        user_code_changed(addr, len);
    pthread_mutex_unlock(&mm.lock);
    return ret;
}

/* --- System V shared memory ---------------------------------------------------------------------------------------- */

static int64_t shmat_locked(int id, uint64_t addr, int flags, uint64_t len)
{
    int prot = flags & SHM_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
    bool remap = flags & SHM_REMAP;
    int64_t ret;

    if (!addr)
        addr = find_place(0, len);
    if (!addr)
        return -ENOMEM;
    if (!user_range(addr, len) || host_in_range(addr, addr + len) ||
        (!remap && !map_table_free_range(mm.table, addr, addr + len)))
        return -EINVAL;
    if (!may_grow(len, false, 0, 0))
        return -ENOMEM;
    if (flags & SHM_EXEC)
        prot |= PROT_EXEC;
    ret = user_raw(SYS_shmat, id, addr + user_base,
                   (flags & ~(SHM_EXEC | SHM_RND)) | (mm.space.window ? SHM_REMAP : 0), 0, 0, 0);
    if (ret < 0)
        return ret;
    map_table_set(mm.table, addr, addr + len, prot, USER_MAP_SHARED | USER_MAP_FILE);
    mm.attached = xreallocarray(mm.attached, mm.nattached + 1, sizeof *mm.attached);
    mm.attached[mm.nattached++] = (struct attached){ addr, len };
    return (int64_t)addr;
}

int64_t user_shmat(int id, uint64_t addr, int flags)
{
    struct shmid_ds ds;
    int64_t ret;

    if (flags & SHM_RND)
        addr &= ~(uint64_t)(PAGE - 1);
    if (addr & (PAGE - 1) || (flags & SHM_REMAP && !addr))
        return -EINVAL;
    ret = user_raw(SYS_shmctl, id, IPC_STAT, (uintptr_t)&ds, 0, 0, 0);
    if (ret < 0)
        return ret;
    pthread_mutex_lock(&mm.lock);
    ret = shmat_locked(id, addr, flags, page_up(ds.shm_segsz));
    pthread_mutex_unlock(&mm.lock);
    return ret;
}

int64_t user_shmdt(uint64_t addr)
{
    int64_t ret = -EINVAL;

    pthread_mutex_lock(&mm.lock);
    for (size_t i = 0; i < mm.nattached; i++) {
        struct attached a = mm.attached[i];

        if (a.addr != addr)
            continue;
        ret = user_raw(SYS_shmdt, addr + user_base, 0, 0, 0, 0, 0);
        if (ret < 0)
            break;
        mm.attached[i] = mm.attached[--mm.nattached];
        map_table_clear(mm.table, a.addr, a.addr + a.len);
        if (mm.space.window)
            unmap_host(a.addr, a.addr + a.len);
        break;
    }
    pthread_mutex_unlock(&mm.lock);
    return ret;
}

/* --- the heap ------------------------------------------------------------------------------------------------------ */

void user_brk_init(uint64_t start)
{
    mm.brk_start = mm.brk = page_up(start);
}

int64_t user_brk(uint64_t addr)
{
    uint64_t now, want;

    pthread_mutex_lock(&mm.lock);
    now = page_up(mm.brk);
    want = page_up(addr);
    if (addr < mm.brk_start || addr > user_limit) {
        addr = mm.brk;
    } else if (want > now) {
        if (map_table_free_range(mm.table, now, want) && may_grow(want - now, true, 0, 0) &&
            map_new(now, want - now, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) >= 0)
            map_table_set(mm.table, now, want, PROT_READ | PROT_WRITE, USER_MAP_HEAP);
        else
            addr = mm.brk;
    } else if (want < now) {
        map_table_clear(mm.table, want, now);
        unmap_host(want, now);
    }
    mm.brk = addr;
    pthread_mutex_unlock(&mm.lock);
    return (int64_t)addr;
}

/* --- the stack ----------------------------------------------------------------------------------------------------- */

/* The lowest page of [low, top) that was ever used. */
static uint64_t stack_used(uint64_t low, uint64_t top)
{
    unsigned char there[64];

    for (uint64_t p = low; p < top; p += sizeof there * PAGE) {
        uint64_t n = MIN((top - p) / PAGE, sizeof there);

        if (mincore(user_host(p), n * PAGE, there) < 0)
            return low;
        for (uint64_t i = 0; i < n; i++)
            if (there[i] & 1)
                return p + i * PAGE;
    }
    return top;
}

/* Linux lets it grow by faults until it meets the limit or something else; here it has the limit's size all along. */
void user_stack_limit(uint64_t low, uint64_t top, uint64_t bytes)
{
    struct map_range r;
    uint64_t want = (top - MIN(bytes, MIN(top - LOWEST, (uint64_t)STACK_MAX))) & -(uint64_t)PAGE;

    pthread_mutex_lock(&mm.lock);
    if (map_table_peek(mm.table, top - 1, &r) && r.flags & USER_MAP_STACK)
        low = MAX(low, r.start);
    if (want > low) {
        want = MIN(want, stack_used(low, top));
        if (want > low && map_table_covered(mm.table, low, want) && !map_table_clear(mm.table, low, want))
            unmap_host(low, want);
    } else if (want < low && r.flags & USER_MAP_STACK) {
        for (; want < low; want += (low - want) / 2 / PAGE * PAGE + PAGE) {     /* as much as there is room for */
            if (map_table_free_range(mm.table, want, low) && map_new(want, low - want, (int)r.prot,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) >= 0) {
                map_table_set(mm.table, want, low, r.prot, r.flags);
                break;
            }
        }
    }
    pthread_mutex_unlock(&mm.lock);
}

/* --- questions ----------------------------------------------------------------------------------------------------- */

bool user_page_exec(uint64_t va, const uint8_t **host, bool *writable_or_shared)
{
    struct map_range r;

    if (!mm.table || !map_table_peek(mm.table, va, &r) || !(r.prot & PROT_EXEC))
        return false;
    *host = user_host(va);
    *writable_or_shared = r.prot & PROT_WRITE || r.flags & USER_MAP_SHARED;
    return true;
}

unsigned user_map_generation(void) { return map_table_generation(mm.table); }

int user_page_prot(uint64_t va)
{
    struct map_range r;

    return map_table_peek(mm.table, va, &r) && !(r.flags & USER_MAP_HOST) ? (int)r.prot : -1;
}

bool user_map_find(uint64_t va, uint64_t *start, uint64_t *end, int *prot, unsigned *flags)
{
    struct map_range r;

    if (!map_table_peek(mm.table, va, &r))
        return false;
    *start = r.start;
    *end = r.end;
    *prot = (int)r.prot;
    *flags = r.flags;
    return true;
}

void user_map_mark(uint64_t addr, uint64_t len, unsigned flags)
{
    struct map_range r;

    pthread_mutex_lock(&mm.lock);
    if (map_table_peek(mm.table, addr, &r))
        map_table_set(mm.table, addr, addr + len, r.prot, r.flags | flags);
    pthread_mutex_unlock(&mm.lock);
}

void user_mmap_fork(int stage)
{
    if (stage == 0)
        pthread_mutex_lock(&mm.lock);
    else
        pthread_mutex_unlock(&mm.lock);
}

/* One line of the host's /proc/self/maps, cut into the guest's ranges (which know about execution). */
static void maps_line(FILE *to, uint64_t a, uint64_t b, uint64_t off, const char *rest, bool file)
{
    for (size_t i = map_table_find(mm.table, a); i < map_table_count(mm.table); i++) {
        const struct map_range *r = map_table_at(mm.table, i);
        uint64_t start = MAX(a, r->start), end = MIN(b, r->end);
        const char *name = r->flags & USER_MAP_HEAP ? "[heap]" : r->flags & USER_MAP_STACK ? "[stack]"
                         : r->flags & USER_MAP_VDSO ? "[vdso]" : r->flags & USER_MAP_VECTORS ? "[vectors]" : "";
        int n;

        if (r->start >= b)
            break;
        if (r->flags & USER_MAP_HOST)
            continue;
        n = fprintf(to, "%08llx-%08llx %c%c%c%c %08llx ", (unsigned long long)start, (unsigned long long)end,
                    r->prot & PROT_READ ? 'r' : '-', r->prot & PROT_WRITE ? 'w' : '-', r->prot & PROT_EXEC ? 'x' : '-',
                    r->flags & USER_MAP_SHARED ? 's' : 'p', (unsigned long long)(file ? off + (start - a) : 0));
        if (*name)
            fprintf(to, "00:00 0%*s%s\n", MAX(1, 73 - n - 7), "", name);
        else
            fputs(rest, to);
    }
}

void user_maps_text(FILE *to)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t room = 0;

    pthread_mutex_lock(&mm.lock);
    while (f && getline(&line, &room, f) > 0) {
        unsigned long long a, b, off, inode;
        int rest = 0;

        if (sscanf(line, "%llx-%llx %*s %llx %n%*s %llu", &a, &b, &off, &rest, &inode) != 4 || !rest)
            continue;
        if (a >= user_base && a - user_base < user_limit)
            maps_line(to, a - user_base, MIN(b - user_base, user_limit), off, line + rest, inode != 0);
    }
    pthread_mutex_unlock(&mm.lock);
    free(line);
    if (f)
        fclose(f);
}
