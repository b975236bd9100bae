/* Views: per address space and privilege, what generated code looks up inline. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/tcg/internal.h"
#include "core/base/alloc.h"
#include "core/base/bits.h"

struct rt_view *view_new(void)
{
    struct rt_view *w = xmemalign(64, sizeof *w);

    memset(w, 0xff, sizeof *w);
    w->ret_top = 0;
    w->priv = NEW(struct view_priv);
    return w;
}

/* Fills the groups of a table that have been used: entries of `size` bytes. Another vCPU may be purging some of them
 * (purge_view): it finds an entry whole or gone, or half gone, which matches nothing. */
static void empty_groups(void *table, size_t size, uint64_t *used, unsigned words, int fill)
{
    for (unsigned i = 0; i < words; i++) {
        for (uint64_t m = used[i]; m; m &= m - 1)
            memset((uint8_t *)table + (i * 64 + (unsigned)__builtin_ctzll(m)) * VIEW_GROUP * size, fill, VIEW_GROUP * size);
        __atomic_store_n(&used[i], 0, __ATOMIC_RELAXED);
    }
}

/* The owner's, before the entry itself: purge_view() on another thread reads it. */
static void note_used(uint64_t *used, unsigned entry)
{
    uint64_t *word = &used[entry / VIEW_GROUP / 64], bit = UINT64_C(1) << entry / VIEW_GROUP % 64;

    if (!(*word & bit))
        __atomic_store_n(word, *word | bit, __ATOMIC_RELAXED);
}

static void empty_backing(struct view_priv *p)
{
    if (p->backing)
        empty_groups(p->backing, sizeof *p->backing, p->backing_used, ARRAY_LEN(p->backing_used), 0);
}

void view_flush_jumps(struct rt_view *w)
{
    struct view_priv *p = w->priv;

    empty_groups(w->jump, sizeof *w->jump, p->jump_used, ARRAY_LEN(p->jump_used), 0xff);
    for (unsigned i = 0; i < 1u << RT_RET_BITS; i++)
        w->ret[i].pc = ~UINT64_C(0);
    memset(p->exec_filter, 0, sizeof p->exec_filter);
}

void view_flush(struct rt_view *w)
{
    struct view_priv *p = w->priv;

    p->misses = 0;
    empty_backing(p);
    empty_groups(w->tlb, sizeof *w->tlb, p->tlb_used, ARRAY_LEN(p->tlb_used), 0xff);
    empty_groups(w->itlb, sizeof *w->itlb, &p->itlb_used, 1, 0xff);
    if (p->large) {
        memset(p->large_2m, 0, sizeof p->large_2m);
        memset(p->large_1g, 0, sizeof p->large_1g);
        p->large = false;
    }
    view_flush_jumps(w);
}

struct rt_tlb_entry *tlb_entry(struct rt_view *w, uint64_t va)
{
    return &w->tlb[va >> RT_PAGE_BITS & ((1u << RT_TLB_BITS) - 1)];
}

void view_note_tlb(struct rt_view *w, uint64_t va)
{
    note_used(((struct view_priv *)w->priv)->tlb_used, va >> RT_PAGE_BITS & ((1u << RT_TLB_BITS) - 1));
}

void view_note_fetch(struct rt_view *w, uint64_t va)
{
    note_used(&((struct view_priv *)w->priv)->itlb_used, va >> RT_PAGE_BITS & ((1u << RT_ITLB_BITS) - 1));
}

void view_note_jump(struct rt_view *w, uint64_t pc)
{
    note_used(((struct view_priv *)w->priv)->jump_used, rt_jump_index(pc));
}

static unsigned exec_hash(uint64_t page) { return (page >> 12 ^ page >> 24) & (EXEC_BITS - 1); }

void view_note_exec(struct rt_view *w, uint64_t page)
{
    struct view_priv *p = w->priv;

    p->exec_filter[exec_hash(page) / 64] |= UINT64_C(1) << exec_hash(page) % 64;
}

static bool may_exec(const struct rt_view *w, uint64_t page)
{
    const struct view_priv *p = w->priv;

    return p->exec_filter[exec_hash(page) / 64] >> exec_hash(page) % 64 & 1;
}

void views_flush(struct tcg_vcpu *tv)
{
    for (unsigned i = 0; i < ENGINE_VIEWS; i++)
        if (tv->views[i])
            view_flush(tv->views[i]);
}

void views_flush_writes(struct tcg_vcpu *tv)
{
    for (unsigned i = 0; i < ENGINE_VIEWS; i++)
        for (unsigned k = 0; tv->views[i] && k < 1u << RT_TLB_BITS; k++)
            __atomic_store_n(&tv->views[i]->tlb[k].tag_write, ~UINT64_C(0), __ATOMIC_RELAXED);
    for (unsigned i = 0; i < ENGINE_VIEWS; i++)
        if (tv->views[i])
            empty_backing(tv->views[i]->priv);
}

static struct rt_view *take_view(struct tcg_vcpu *tv, unsigned i)
{
    tv->view_used[i] = ++tv->view_clock;
    tv->view_last = i;
    return tv->views[i];
}

static bool is_view(const struct tcg_vcpu *tv, unsigned i, uint64_t key) { return tv->view_used[i] && tv->view_keys[i] == key; }

/* One that is kept, an empty one, or the one unused for longest; never the one in force. */
struct rt_view *view_for(struct tcg_vcpu *tv, uint64_t key)
{
    unsigned best = tv->views[0] && tv->views[0] == tv->env->view;
    struct rt_view *w;

    if (is_view(tv, tv->view_last, key))
        return take_view(tv, tv->view_last);
    for (unsigned i = 0; i < ENGINE_VIEWS; i++) {
        if (is_view(tv, i, key))
            return take_view(tv, i);
        if (tv->view_used[i] < tv->view_used[best] && (!tv->views[i] || tv->views[i] != tv->env->view))
            best = i;
    }
    if (!tv->views[best])
        __atomic_store_n(&tv->views[best], view_new(), __ATOMIC_RELEASE);
    w = tv->views[best];
    view_flush(w);
    w->key = tv->view_keys[best] = key;
    ((struct view_priv *)w->priv)->asid = tv->engine->target->view_asid(tv->env);
    __atomic_store_n(&((struct view_priv *)w->priv)->valid, true, __ATOMIC_RELAXED);
    return take_view(tv, best);
}

/* The view for the CPU's present mode, and that mode's salt. */
void view_pick(struct tcg_vcpu *tv)
{
    uint64_t key = tv->engine->system ? tv->engine->target->view_key(tv->env, 0) : 0, mode = full_mode(tv) & ~(UINT64_C(1) << MODE_ICOUNT);
    struct rt_view *w = tv->env->view;

    if (tv->engine->system && (!w || w->key != key))
        tv->env->view = w = view_for(tv, key);
    if (mode != tv->salt_mode) {
        tv->salt_mode = mode;
        tv->salt = tcg_mode_salt(tv->engine->cache, mode);
    }
    w->salt = tv->salt;
}

/* --- flushes that privileged instructions ask for ------------------------------------------------------------------ */

void rt_mode_changed(struct cpu_env *env)
{
    struct tcg_vcpu *tv = tv_of(env);

    view_pick(tv);
    if (tv->engine->system && tv->engine->target->interrupt(env))
        __atomic_store_n(&env->exit_request, 1, __ATOMIC_RELAXED);
}

void rt_flush_all(struct cpu_env *env) { views_flush(tv_of(env)); }

/* Global pages of a view are refilled after this; keeping them would need a bit per entry and a walk. */
void rt_flush_asid(struct cpu_env *env, uint64_t asid)
{
    struct tcg_vcpu *tv = tv_of(env);

    for (unsigned i = 0; i < ENGINE_VIEWS; i++)
        if (tv->views[i] && ((struct view_priv *)tv->views[i]->priv)->asid == asid)
            view_flush(tv->views[i]);
}

/* The TLB holds pieces of 4 KiB. A flush of any address in a larger mapping must reach all its pieces, so views remember,
 * hashed, where larger mappings were used. */
static uint64_t *large_word(struct view_priv *p, uint64_t va, unsigned level, unsigned *bit)
{
    unsigned h;

    va >>= level ? 30 : 21;
    h = (unsigned)(va ^ va >> 15) & ((level ? LARGE_1G_BITS : LARGE_2M_BITS) - 1);
    *bit = h % 64;
    return level ? &p->large_1g[h / 64] : &p->large_2m[h / 64];
}

void view_note_large(struct rt_view *w, uint64_t va, unsigned page_bits)
{
    struct view_priv *p = w->priv;
    unsigned bit;
    uint64_t *word = large_word(p, va, page_bits >= 30, &bit);

    p->large = true;
    if (page_bits > 30)                        /* beyond 1 GiB: reached from everywhere */
        memset(p->large_1g, 0xff, sizeof p->large_1g);
    *word |= UINT64_C(1) << bit;
}

static bool in_large(const struct rt_view *w, uint64_t va, unsigned level)
{
    unsigned bit;
    const uint64_t *word = large_word(w->priv, va, level, &bit);

    return *word >> bit & 1;
}

static void backing_drop(const struct view_priv *p, uint64_t va);

static void flush_2m(struct rt_view *w, uint64_t va)
{
    for (unsigned i = 0; i < 1u << RT_TLB_BITS; i++) {
        struct rt_tlb_entry *t = &w->tlb[i];

        if (t->tag_read >> 21 == va >> 21 || t->tag_write >> 21 == va >> 21)
            memset(t, 0xff, sizeof *t);
    }
    for (unsigned i = 0; i < 1u << RT_ITLB_BITS; i++)
        if (w->itlb[i].tag >> 21 == va >> 21)
            w->itlb[i].tag = ~UINT64_C(0);
    for (uint64_t at = va & -(UINT64_C(1) << 21), i = 0; i < 512; i++)
        backing_drop(w->priv, at + (i << RT_PAGE_BITS));
    view_flush_jumps(w);
}

static void flush_page(struct rt_view *w, uint64_t va)
{
    struct rt_tlb_entry *t = tlb_entry(w, va);
    struct rt_itlb_entry *i = &w->itlb[va >> RT_PAGE_BITS & ((1u << RT_ITLB_BITS) - 1)];

    if (in_large(w, va, 1)) {
        view_flush(w);
        return;
    }
    if (in_large(w, va, 0)) {
        flush_2m(w, va);
        return;
    }
    va &= ~UINT64_C(4095);
    if ((t->tag_read & ~UINT64_C(4095)) == va || (t->tag_write & ~UINT64_C(4095)) == va)
        memset(t, 0xff, sizeof *t);
    if (i->tag == va)
        i->tag = ~UINT64_C(0);
    backing_drop(w->priv, va);
    if (may_exec(w, va))
        view_flush_jumps(w);
}

void rt_flush_page(struct cpu_env *env, uint64_t va, bool any_asid, uint64_t asid)
{
    struct tcg_vcpu *tv = tv_of(env);

    for (unsigned i = 0; i < ENGINE_VIEWS; i++) {
        struct rt_view *w = tv->views[i];

        if (w && (any_asid || ((struct view_priv *)w->priv)->asid == asid))
            flush_page(w, va);
    }
}

void rt_flush_others(struct cpu_env *env)
{
    struct tcg_vcpu *self = tv_of(env);
    struct tcg_engine *e = self->engine;

    views_flush(self);
    if (e->nvcpus < 2)
        return;
    pthread_mutex_lock(&e->list_lock);
    for (unsigned i = 0; i < e->nvcpus; i++)
        atomic_fetch_or(&e->vcpus[i]->pending, e->vcpus[i] == self ? PEND_WAIT : PEND_FLUSH_TLB);
    pthread_mutex_unlock(&e->list_lock);
    kick_all(e, 0);
}

/* --- the TLB behind the inline one ----------------------------------------------------------------------------------- */

static struct backing_entry *backing_entry(const struct view_priv *p, uint64_t va)
{
    return &p->backing[va >> RT_PAGE_BITS & ((1u << BACKING_BITS) - 1)];
}

bool backing_find(struct rt_view *w, uint64_t va, bool write, uint64_t *addend, unsigned *rights)
{
    struct view_priv *p = w->priv;
    struct backing_entry *b;
    uint64_t tag;

    if (!p->backing) {
        if (++p->misses > BACKING_AFTER)
            __atomic_store_n(&p->backing, xcalloc(1u << BACKING_BITS, sizeof *p->backing), __ATOMIC_RELEASE);
        return false;
    }
    b = backing_entry(p, va);
    tag = __atomic_load_n(&b->tag, __ATOMIC_RELAXED);
    *addend = b->addend;
    *rights = tag & 3;
    return (tag & ~UINT64_C(4095)) == (va & ~UINT64_C(4095)) && tag & (write ? 2 : 1);
}

void backing_note(struct rt_view *w, uint64_t va, uint64_t addend, bool readable, bool writable)
{
    struct view_priv *p = w->priv;
    struct backing_entry *b;

    if (!p->backing)
        return;
    b = backing_entry(p, va);
    note_used(p->backing_used, (unsigned)(b - p->backing));
    __atomic_store_n(&b->tag, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&b->addend, addend, __ATOMIC_RELAXED);
    __atomic_store_n(&b->tag, (va & ~UINT64_C(4095)) | readable | (writable ? 2 : 0), __ATOMIC_SEQ_CST);
}

static void backing_drop(const struct view_priv *p, uint64_t va)
{
    if (p->backing && (backing_entry(p, va)->tag & ~UINT64_C(4095)) == va)
        __atomic_store_n(&backing_entry(p, va)->tag, 0, __ATOMIC_RELAXED);
}

/* --- pages with code: no TLB may write them unnoticed --------------------------------------------------------------- */

static uint64_t *writable_slot(struct tcg_engine *e, const uint8_t *page)
{
    uint64_t n = (uint64_t)(uintptr_t)page >> 12;

    return &e->writable_at[(n ^ n >> WRITABLE_BITS) & ((1u << WRITABLE_BITS) - 1)];
}

void writable_note(struct tcg_engine *e, const uint8_t *page, uint64_t va)
{
    uint64_t *slot = writable_slot(e, page), old = __atomic_load_n(slot, __ATOMIC_RELAXED), new;

    do {
        if (old == va || old == 1)
            return;
        new = old || !va ? 1 : va;
    } while (!__atomic_compare_exchange_n(slot, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

/* The owner may be filling the entry: a tag that is seen has its addend. What is dropped for nothing is found again. */
static void purge_entry(struct rt_tlb_entry *t, const uint8_t *page)
{
    uint64_t tag = __atomic_load_n(&t->tag_write, __ATOMIC_ACQUIRE);

    if (!(tag & 4095) && tag + __atomic_load_n(&t->addend, __ATOMIC_RELAXED) == (uint64_t)(uintptr_t)page)
        __atomic_store_n(&t->tag_write, ~UINT64_C(0), __ATOMIC_RELAXED);
}

static void purge_backing(struct backing_entry *b, const uint8_t *page)
{
    uint64_t tag = __atomic_load_n(&b->tag, __ATOMIC_ACQUIRE);

    if (tag & 2 && (tag & ~UINT64_C(4095)) + __atomic_load_n(&b->addend, __ATOMIC_RELAXED) == (uint64_t)(uintptr_t)page)
        __atomic_store_n(&b->tag, 0, __ATOMIC_SEQ_CST);
}

/* The larger table first: put_back() enters what it found there and then looks there again, so that one of the two sees the
 * other. va 1: through any guest page. */
static void purge_view(struct rt_view *w, const uint8_t *page, uint64_t va)
{
    struct view_priv *p = w->priv;
    struct backing_entry *backing = __atomic_load_n(&p->backing, __ATOMIC_ACQUIRE);    /* the owner may just be making it */

    if (va != 1) {
        if (backing)
            purge_backing(backing_entry(p, va), page);
        purge_entry(tlb_entry(w, va), page);
        return;
    }
    for (unsigned i = 0; backing && i < ARRAY_LEN(p->backing_used); i++)
        for (uint64_t m = __atomic_load_n(&p->backing_used[i], __ATOMIC_RELAXED); m; m &= m - 1)
            for (unsigned k = 0; k < VIEW_GROUP; k++)
                purge_backing(&backing[(i * 64 + (unsigned)__builtin_ctzll(m)) * VIEW_GROUP + k], page);
    for (unsigned i = 0; i < ARRAY_LEN(p->tlb_used); i++)
        for (uint64_t m = __atomic_load_n(&p->tlb_used[i], __ATOMIC_RELAXED); m; m &= m - 1)
            for (unsigned k = 0; k < VIEW_GROUP; k++)
                purge_entry(&w->tlb[(i * 64 + (unsigned)__builtin_ctzll(m)) * VIEW_GROUP + k], page);
}

/* A vCPU that fills an entry meanwhile notes it first, stores it, and then looks whether the page has got code. */
void purge_write_tags(struct tcg_engine *e, const uint8_t *page)
{
    /* The word stays: another page may share it. */
    uint64_t va = __atomic_load_n(writable_slot(e, page), __ATOMIC_SEQ_CST);

    if (!va)
        return;
    pthread_mutex_lock(&e->list_lock);
    for (unsigned i = 0; i < e->nvcpus; i++)
        for (unsigned k = 0; k < ENGINE_VIEWS; k++) {
            struct rt_view *w = __atomic_load_n(&e->vcpus[i]->views[k], __ATOMIC_ACQUIRE);

            if (w && __atomic_load_n(&((struct view_priv *)w->priv)->valid, __ATOMIC_RELAXED))
                purge_view(w, page, va);
        }
    pthread_mutex_unlock(&e->list_lock);
}
