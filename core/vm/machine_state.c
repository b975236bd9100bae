/* core/vm/machine_state.c - the stream drawn in machine_state.h. Numbers are little-endian, texts have a length before them. */
#include "core/vm/machine_state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "accel/accel.h"
#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/str.h"
#include "core/block/iov.h"
#include "core/dev/state.h"
#include "core/mem/ram.h"
#include "core/vm/machine.h"
#include "targets/target.h"

enum { TEXT_MAX = 4096, DEVICES_MAX = 1 << 30, CPU_MAX = 1 << 20, RUN_PAGES = 256 };
#define RUNS_END UINT64_MAX

static const char magic[8] = { 'R', 'H', 'E', 'A', 'V', 'M', 1, 0 };

static const char *cpu_text(const struct machine *m)
{
    return m->opts->cpu ? optlist_text(m->opts->cpu) : m->target->default_model_system;
}

static unsigned block_count(struct machine *m)
{
    unsigned n = 0;

    for (struct ram_block *r = ram_first(m->board->mem); r; r = r->next)
        n++;
    return n;
}

/* --- out --------------------------------------------------------------------------------------------------------- */

struct out {
    const struct state_pipe *to;
    int ret; /* the first error stays */
};

static void put(struct out *o, const void *bytes, size_t len)
{
    if (o->ret == 0)
        o->ret = o->to->put(o->to->opaque, bytes, len);
}

static void put_u64(struct out *o, uint64_t v)
{
    uint8_t b[8];

    store_le64(b, v);
    put(o, b, 8);
}

static void put_text(struct out *o, const char *s)
{
    put_u64(o, strlen(s));
    put(o, s, strlen(s));
}

static void put_str(struct out *o, struct str *s)
{
    put_u64(o, s->len);
    put(o, s->text, s->len);
    str_free(s);
}

static void save_head(struct machine *m, struct out *o)
{
    put(o, magic, sizeof(magic));
    put_text(o, m->type->name);
    put_text(o, m->target->name);
    put_text(o, cpu_text(m));
    put_u64(o, m->cpus);
    put_u64(o, m->ram_bytes);
    put_u64(o, block_count(m));
    put_u64(o, (uint64_t)clock_virtual_ns(m->board->clocks));
}

static void save_block(const struct ram_block *r, struct out *o)
{
    uint64_t pages = r->size >> RAM_PAGE_BITS, at = 0;
    const char *host = r->host;

    put_text(o, r->name);
    put_u64(o, r->size);
    while (at < pages && o->ret == 0) {
        uint64_t n = 0;

        if (buf_is_zero(host + (at << RAM_PAGE_BITS), RAM_PAGE_SIZE)) {
            at++;
            continue;
        }
        while (at + n < pages && n < RUN_PAGES && !buf_is_zero(host + ((at + n) << RAM_PAGE_BITS), RAM_PAGE_SIZE))
            n++;
        put_u64(o, at);
        put_u64(o, n);
        put(o, host + (at << RAM_PAGE_BITS), n << RAM_PAGE_BITS);
        at += n;
    }
    put_u64(o, RUNS_END);
}

static void save_cpu(struct vcpu *v, struct out *o)
{
    struct str s = STR_INIT;

    put_u64(o, atomic_load(&v->off));
    put_u64(o, v->target->state_version);
    state_save(v->target->state, v->env, &s);
    put_str(o, &s);
}

int machine_state_save(struct machine *m, const struct state_pipe *to, struct error *err)
{
    struct out o = { to, 0 };
    struct str devices = STR_INIT;

    save_head(m, &o);
    board_save(m->board, &devices); /* first: devices may finish what they have under way, in memory too */
    for (struct ram_block *r = ram_first(m->board->mem); r; r = r->next)
        save_block(r, &o);
    put_str(&o, &devices);
    for (unsigned i = 0; i < vcpu_count(); i++)
        save_cpu(vcpu_get(i), &o);
    return o.ret < 0 ? error_set(err, o.ret, "the machine's state cannot be written: %s", strerror(-o.ret)) : 0;
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

struct in {
    const struct state_pipe *from;
    struct error *err;
    int ret;
};

static bool get(struct in *i, void *bytes, size_t len)
{
    if (i->ret == 0) {
        i->ret = i->from->get(i->from->opaque, bytes, len);
        if (i->ret < 0)
            error_set(i->err, i->ret, "the saved state cannot be read: %s", i->ret == -ENODATA ? "it ends early" : strerror(-i->ret));
    }
    if (i->ret < 0)
        memset(bytes, 0, len);
    return i->ret == 0;
}

static uint64_t get_u64(struct in *i)
{
    uint8_t b[8];

    get(i, b, 8);
    return load_le64(b);
}

static void refuse(struct in *i, const char *what, const char *saved, const char *ours)
{
    if (i->ret == 0)
        i->ret = error_set(i->err, EINVAL, "the saved state is of a machine with %s '%s', this one has '%s'; start it the same way", what, saved, ours);
}

static void match_text(struct in *i, const char *what, const char *ours)
{
    char b[TEXT_MAX + 1];
    uint64_t len = get_u64(i);

    if (i->ret == 0 && len > TEXT_MAX)
        i->ret = error_set(i->err, EINVAL, "the saved state is damaged: a name of %llu bytes", (unsigned long long)len);
    if (!get(i, b, i->ret == 0 ? (size_t)len : 0))
        return;
    b[len] = '\0';
    if (strlen(b) != len || !str_eq(b, ours))
        refuse(i, what, b, ours);
}

static void match_u64(struct in *i, const char *what, uint64_t ours)
{
    char a[24], b[24];
    uint64_t v = get_u64(i);

    snprintf(a, sizeof(a), "%llu", (unsigned long long)v);
    snprintf(b, sizeof(b), "%llu", (unsigned long long)ours);
    if (v != ours)
        refuse(i, what, a, b);
}

int machine_state_check(struct machine *m, const struct state_pipe *from, struct error *err)
{
    struct in i = { from, err, 0 };
    char b[sizeof(magic)];

    if (get(&i, b, sizeof(b)) && memcmp(b, magic, sizeof(magic)) != 0)
        i.ret = error_set(err, EINVAL, "the snapshot's machine state is not of Rhea, or of another version of it");
    match_text(&i, "machine type", m->type->name);
    match_text(&i, "processor", m->target->name);
    match_text(&i, "CPU model", cpu_text(m));
    match_u64(&i, "number of CPUs", m->cpus);
    match_u64(&i, "bytes of memory", m->ram_bytes);
    match_u64(&i, "blocks of memory", block_count(m));
    return i.ret;
}

static void zero_pages(const struct ram_block *r, uint64_t from, uint64_t to)
{
    char *host = r->host;

    for (; from < to; from++) /* a page that is zero already stays unallocated */
        if (!buf_is_zero(host + (from << RAM_PAGE_BITS), RAM_PAGE_SIZE))
            memset(host + (from << RAM_PAGE_BITS), 0, RAM_PAGE_SIZE);
}

static void load_block(struct ram_block *r, struct in *i)
{
    uint64_t pages = r->size >> RAM_PAGE_BITS, done = 0, first, n;

    match_text(i, "memory", r->name);
    match_u64(i, "bytes of memory in a block", r->size);
    while (i->ret == 0 && (first = get_u64(i)) != RUNS_END) {
        n = get_u64(i);
        if (i->ret == 0 && (first < done || first > pages || n > pages - first))
            i->ret = error_set(i->err, EINVAL, "the saved state is damaged: a page of '%s' lies outside", r->name);
        if (i->ret < 0)
            return;
        zero_pages(r, done, first);
        get(i, (char *)r->host + (first << RAM_PAGE_BITS), (size_t)n << RAM_PAGE_BITS);
        done = first + n;
    }
    if (i->ret == 0)
        zero_pages(r, done, pages);
    ram_written(r, 0, r->size);
}

/* A stretch of bytes with its length before it; NULL after an error. To free(). */
static uint8_t *get_bytes(struct in *i, size_t most, size_t *len)
{
    uint64_t n = get_u64(i);
    uint8_t *b = i->ret == 0 && n <= most ? try_alloc(n + 1, 1, most + 1) : NULL;

    if (i->ret == 0 && !b)
        i->ret = error_set(i->err, EINVAL, "the saved state is damaged: %llu bytes in one part", (unsigned long long)n);
    *len = (size_t)n;
    if (b && !get(i, b, *len)) {
        free(b);
        b = NULL;
    }
    return b;
}

static void load_cpu(struct vcpu *v, struct in *i)
{
    bool off = get_u64(i);
    uint64_t version = get_u64(i);
    size_t len;
    uint8_t *b = get_bytes(i, CPU_MAX, &len);

    if (b && (version == 0 || version > v->target->state_version))
        i->ret = error_set(i->err, EINVAL, "the saved state is of a newer version (CPU state %llu, known is %u)", (unsigned long long)version,
                           v->target->state_version);
    if (b && i->ret == 0)
        i->ret = state_load(v->target->state, v->env, (unsigned)version, b, len, i->err);
    free(b);
    if (i->ret < 0)
        return;
    atomic_store(&v->off, off);
    if (v->target->loaded)
        v->target->loaded(v->env);
}

int machine_state_load(struct machine *m, const struct state_pipe *from, struct error *err)
{
    struct in i = { from, err, 0 };
    uint8_t *devices;
    size_t len;

    clocks_set_virtual(m->board->clocks, (int64_t)get_u64(&i));
    for (struct ram_block *r = ram_first(m->board->mem); r && i.ret == 0; r = r->next)
        load_block(r, &i);
    devices = get_bytes(&i, DEVICES_MAX, &len);
    if (devices)
        i.ret = board_load(m->board, devices, len, err);
    free(devices);
    for (unsigned c = 0; c < vcpu_count() && i.ret == 0; c++)
        load_cpu(vcpu_get(c), &i);
    if (m->accel->memory_changed)
        m->accel->memory_changed(); /* what page tables said is void */
    return i.ret;
}
