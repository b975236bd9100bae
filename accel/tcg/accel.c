/* The translating accelerator as the rest of Rhea sees it: options, vCPUs, and word of changed memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/accel.h"
#include "accel/tcg/internal.h"
#include "core/base/alloc.h"
#include "core/base/error.h"
#include "core/mem/mem.h"
#include "core/mem/ram.h"
#include "core/opt/optlist.h"
#include "core/vm/icount.h"
#include "core/vm/vcpu_life.h"

struct tcg_engine *tcg_engine;

enum { HOT_AFTER = 12000 };     /* a region costs as much as some hundred thousand runs of a block save */

/* --- start ----------------------------------------------------------------------------------------------------------- */

static size_t default_cache(bool system) { return system ? (size_t)256 << 20 : (size_t)64 << 20; }

static int read_options(struct tcg_engine *e, struct optlist *o, uint64_t *cache_bytes, struct error *err)
{
    static const char *const threads[] = { "single", "multi", NULL };
    static const char *const backends[] = { "native", "interp", "jit", NULL };
    static const char *const tiers[] = { "auto", "cold", "hot", NULL };
    int thread = 1, backend = 0, tier = 0;
    uint64_t hot = HOT_AFTER;
    int ret = 0;

    if (!o)
        return 0;
    if ((ret = optlist_enum(o, "thread", threads, &thread, err)) < 0 ||
        (ret = optlist_enum(o, "backend", backends, &backend, err)) < 0 ||
        (ret = optlist_enum(o, "tier", tiers, &tier, err)) < 0 ||
        (ret = optlist_u64(o, "hot-after", 1, 1 << 30, &hot, err)) < 0 ||
        (ret = optlist_bool(o, "one-insn-per-tb", &e->one_insn, err)) < 0 ||
        (ret = optlist_size(o, "tb-size", 1 << 20, cache_bytes, err)) < 0)
        return ret;
    vcpu_one_at_a_time(thread == 0 && !icount_on());
    e->interp = backend == 1;
    e->tier = (enum tier_policy)tier;
    e->hot_after = (int32_t)hot;
    return 0;
}

bool engine_crowded(const struct tcg_engine *e)
{
    return e->system && !e->icount && __atomic_load_n(&e->nvcpus, __ATOMIC_RELAXED) > e->host_cpus;
}

static int tcg_init(struct optlist *opts, bool system, struct error *err)
{
    struct tcg_engine *e = NEW(struct tcg_engine);
    uint64_t cache_bytes = default_cache(system);
    int ret;

    e->hot_after = HOT_AFTER;
    e->system = system;
    e->host_cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    pthread_mutex_init(&e->list_lock, NULL);
    exclusive_init(e);
    ret = read_options(e, opts, &cache_bytes, err);
    if (ret >= 0 && (cache_bytes < 1 << 20 || cache_bytes > (uint64_t)384 << 20))
        ret = error_set(err, EINVAL, "-accel tcg,tb-size=%llu: the translation cache may have 1 to 384 MiB",
                        (unsigned long long)cache_bytes >> 20);
    if (ret < 0) {
        free(e->excl);
        free(e);
        return ret;
    }
    e->cache_bytes = cache_bytes;
    tcg_engine = e;
    return 0;
}

/* Under the cache's lock. From here on a write to the page is seen: its TLB entries lead to the slow path. */
static void system_page_gained(void *opaque, struct tcg_page *p)
{
    struct tcg_engine *e = opaque;
    uint64_t off;
    struct ram_block *ram = ram_from_host(e->bus, p->host, &off);

    if (ram)
        ram_code_set(ram, off);
    purge_write_tags(e, p->host);
    tcg_page_checked(e->cache, p, true);       /* a store that was under way may have slipped through: see rt_fence_i */
}

static void system_page_lost(void *opaque, struct tcg_page *p)
{
    struct tcg_engine *e = opaque;
    uint64_t off;
    struct ram_block *ram = ram_from_host(e->bus, p->host, &off);

    if (ram)
        ram_code_clear(ram, off);
}

/* List lock inside the cache's: as in purge_write_tags(). */
static bool system_settled(void *opaque, uint64_t since)
{
    struct tcg_engine *e = opaque;
    bool all = true;

    pthread_mutex_lock(&e->list_lock);
    for (unsigned i = 0; i < e->nvcpus; i++)
        all &= !atomic_load(&e->vcpus[i]->running) || __atomic_load_n(&e->vcpus[i]->epoch, __ATOMIC_ACQUIRE) >= since;
    pthread_mutex_unlock(&e->list_lock);
    return all;
}

static void ram_code_written(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len)
{
    struct tcg_engine *e = opaque;
    const uint8_t *host = (const uint8_t *)ram->host + off;

    if (len <= 64 && (off & 4095) + len <= 4096 && !tcg_covers(e->cache, host, (unsigned)len))
        return;
    tcg_written(e->cache, host, len);
}

static void map_changed(void *opaque, struct addr_space *as)
{
    (void)as;
    kick_all(opaque, PEND_FLUSH_TLB);
}

static void ram_cleaned(void *opaque, struct ram_block *ram, uint64_t off, uint64_t len)
{
    (void)ram;
    (void)off;
    (void)len;
    kick_all(opaque, PEND_FLUSH_WRITES);
}

/* Counted instructions: what is left of the budget is one more register of the guest, so that it is exact wherever the
 * others are. */
static void make_slots(struct tcg_engine *e)
{
    const struct target *t = e->target;

    e->icount = e->system && icount_on();
    e->nslots = t->nslots + e->icount;
    e->slots = NEW_ARRAY(struct ir_slot, t->nslots + 1);
    memcpy(e->slots, t->slots, t->nslots * sizeof *e->slots);
    e->slots[t->nslots] = (struct ir_slot){ "icount", offsetof(struct cpu_env, icount_left), IR_I64 };
}

void engine_ctx_init(struct tcg_engine *e, struct tcg_ctx *ctx)
{
    tcg_ctx_init(ctx, e->cache, &e->mode, e->slots, e->nslots, e->target->helpers, e->target->nhelpers);
    if (e->icount)
        ctx->ir.budget = (uint16_t)(e->nslots - 1);
}

static int start_engine(struct tcg_engine *e, struct vcpu *v, struct error *err)
{
    e->target = v->target;
    make_slots(e);
    e->mode.system = e->system;
    e->mode.pc32 = v->target->bits == 32;
    e->mode.view_off = (uint32_t)((v->target->env_size + 63) & ~(size_t)63);
    if (!e->system)
        user_mode_setup(e);
    e->cache = tcg_cache_new(e->cache_bytes, &e->mode, &runtime_calls, err);
    if (!e->cache)
        return -ENOMEM;
    e->cache->opaque = e;
    if (e->system) {
        static struct mem_listener listener;

        e->bus = addr_space_bus(v->as);
        e->writable_at = xcalloc(1u << WRITABLE_BITS, sizeof *e->writable_at);
        e->cache->page_gained = system_page_gained;
        e->cache->page_lost = system_page_lost;
        e->cache->check_once = true;
        e->cache->settled = system_settled;
        ram_on_code_write(e->bus, ram_code_written, e);
        listener = (struct mem_listener){ .changed = map_changed, .cleaned = ram_cleaned, .opaque = e };
        mem_listen(e->bus, &listener);
    } else {
        e->cache->page_gained = user_page_gained;
    }
    return hot_start(e, err);
}

/* --- vCPUs ----------------------------------------------------------------------------------------------------------- */

static int tcg_vcpu_create(struct vcpu *v, struct error *err)
{
    struct tcg_engine *e = tcg_engine;
    struct tcg_vcpu *tv;

    if (!e->cache) {
        int ret = start_engine(e, v, err);

        if (ret < 0)
            return ret;
    }
    tv = NEW(struct tcg_vcpu);
    tv->salt_mode = UINT64_MAX;
    tv->v = v;
    tv->env = v->env;
    tv->engine = e;
    engine_ctx_init(e, &tv->ctx);
    tv->ctx.interp = e->interp;
    v->accel_priv = tv;
    v->env->rt = tv;
    v->env->vcpu = v;
    if (!v->env->mxcsr)
        v->env->mxcsr = 0x1f80;
    if (e->system)
        view_pick(tv);
    else
        v->env->view = tv->views[0] = user_view(e, v->env);
    pthread_mutex_lock(&e->list_lock);
    e->vcpus = xreallocarray(e->vcpus, e->nvcpus + 1, sizeof *e->vcpus);
    e->vcpus[e->nvcpus++] = tv;
    pthread_mutex_unlock(&e->list_lock);
    return 0;
}

static void tcg_vcpu_destroy(struct vcpu *v)
{
    struct tcg_vcpu *tv = v->accel_priv;
    struct tcg_engine *e = tv->engine;
    bool last;

    pthread_mutex_lock(&e->list_lock);
    for (unsigned i = 0; i < e->nvcpus; i++)
        if (e->vcpus[i] == tv) {
            e->vcpus[i] = e->vcpus[--e->nvcpus];
            break;
        }
    last = e->nvcpus == 0;
    pthread_mutex_unlock(&e->list_lock);
    if (last && e->system)
        hot_stop(e);
    for (unsigned i = 0; i < ENGINE_VIEWS; i++)
        if (tv->views[i]) {
            free(((struct view_priv *)tv->views[i]->priv)->backing);
            free(tv->views[i]->priv);
            if (e->system)
                free(tv->views[i]);            /* in user mode it is part of the CPU state's memory */
        }
    tcg_ctx_free(&tv->ctx);
    free(tv);
    v->accel_priv = NULL;
}

/* Translations go as they are: what they refer to has gone already. */
static void tcg_end(void)
{
    struct tcg_engine *e = tcg_engine;

    tcg_engine = NULL;
    if (e->cache) {
        hot_free(e);
        tcg_cache_free(e->cache);
    }
    free(e->slots);
    free(e->writable_at);
    free(e->vcpus);
    free(e->excl);
    free(e);
}

static void tcg_kick(struct vcpu *v) { __atomic_store_n(&v->env->exit_request, 1, __ATOMIC_SEQ_CST); }

static void tcg_code_written(void *host, uint64_t len)
{
    if (tcg_engine && tcg_engine->cache)
        tcg_discard(tcg_engine->cache, host, len);
}

static void tcg_memory_changed(void) { kick_all(tcg_engine, PEND_FLUSH_TLB); }

size_t tcg_env_extra(void) { return sizeof(struct rt_view) + 64; }

const struct accel_type tcg_accel = {
    .name = "tcg", .help = "dynamic binary translation",
    .init = tcg_init, .vcpu_create = tcg_vcpu_create, .vcpu_destroy = tcg_vcpu_destroy, .vcpu_run = tcg_vcpu_run,
    .kick = tcg_kick, .code_written = tcg_code_written, .memory_changed = tcg_memory_changed,
    .host_fault = user_host_fault, .fork = user_fork, .quiet = user_quiet, .info = tcg_info, .end = tcg_end,
    .env_extra = tcg_env_extra,
};
