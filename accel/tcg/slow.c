/* What generated code cannot do inline: accesses that miss the TLB, cross pages, reach devices or pages with code. In
 * user mode, where there is no TLB, only what the host cannot do in one instruction comes here. */
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <emmintrin.h>

#include "accel/tcg/internal.h"
#include "core/base/bits.h"
#include "core/base/log.h"
#include "core/mem/mem.h"
#include "core/mem/ram.h"

enum { PAGE = 4096 };

/* One access within a page, resolved. */
struct target_mem {
    uint8_t *host;                             /* NULL: a device at gpa */
    uint64_t gpa;
    struct ram_block *ram; uint64_t ram_off;   /* set when a write must be reported */
};

/* --- translation and filling ---------------------------------------------------------------------------------------- */

static bool watched(const struct tcg_vcpu *tv, uint64_t page)
{
    const struct debug_points *d = tv->v->debug;

    for (unsigned i = 0; d && i < d->nwatch; i++)
        if (d->watch[i].addr < page + PAGE && d->watch[i].addr + d->watch[i].len > page)
            return true;
    return tv->engine->target->watched && tv->engine->target->watched(tv->env, page);
}

/* The debugger's watchpoints, then the guest's. */
static void check_watch(struct tcg_vcpu *tv, uint64_t va, unsigned len, enum rt_access access, unsigned mmu, uintptr_t host_pc)
{
    const struct debug_points *d = tv->v->debug;
    const struct target *t = tv->engine->target;
    uint32_t exception;

    for (unsigned i = 0; d && i < d->nwatch; i++) {
        const struct debug_watch *w = &d->watch[i];

        if ((va - w->addr < w->len || w->addr - va < len) && (access == RT_WRITE ? w->write : w->read) &&
            !tv->v->step_over && tv->engine->target->debug_exception) {
            tv->v->watch_hit = va;
            raise_at(tv, tv->engine->target->debug_exception(), host_pc);
        }
    }
    exception = t->watch ? t->watch(tv->env, va, len, access, mmu) : 0;
    if (exception)
        raise_at(tv, exception, host_pc);
}

/* mmu: accesses with another privilege than the present one, as a kernel's unprivileged loads and stores of user memory. */
static struct rt_view *view_of(struct tcg_vcpu *tv, unsigned mmu)
{
    return mmu ? view_for(tv, tv->engine->target->view_key(tv->env, mmu)) : tv->env->view;
}

static void publish(struct tcg_vcpu *tv, struct rt_view *w, uint64_t va, const struct target_xlat *x, const struct mem_xlat *m,
                    bool slow)
{
    struct rt_tlb_entry *t = tlb_entry(w, va);
    uint64_t page = va & ~(uint64_t)(PAGE - 1);
    uint64_t addend = (uint64_t)(uintptr_t)m->host - page;
    bool notice = m->ram && ram_needs_notice(m->ram, m->ram_off);
    uint64_t write;

    if (x->page_bits > RT_PAGE_BITS)
        view_note_large(w, va, x->page_bits);
    if (!m->host || m->len < PAGE)
        return;                                /* devices are found anew at each access */
    view_note_tlb(w, va);
    if ((t->tag_read & ~(uint64_t)(PAGE - 1)) == page && t->addend == addend) {
        if (x->read)
            t->tag_read = page | (slow ? RT_TLB_SLOW : 0);         /* another access of the same page fills in its right */
    } else {
        __atomic_store_n(&t->tag_write, ~UINT64_C(0), __ATOMIC_RELAXED);
        t->tag_read = ~UINT64_C(0);
        __atomic_store_n(&t->addend, addend, __ATOMIC_RELAXED);
        t->tag_read = x->read ? page | (slow ? RT_TLB_SLOW : 0) : ~UINT64_C(0);
    }
    if (!x->write || m->readonly)
        return;
    write = page | (slow || notice ? RT_TLB_SLOW : 0);
    if (!(write & RT_TLB_SLOW))
        writable_note(tv->engine, m->host, page);
    __atomic_store_n(&t->tag_write, write, __ATOMIC_SEQ_CST);
    if (!slow)
        backing_note(w, page, addend, x->read, !(write & RT_TLB_SLOW));
    /* A translation of this page may have been made meanwhile: purge_write_tags() sees the tag, or this sees its mark. */
    if (m->ram && ram_needs_notice(m->ram, m->ram_off)) {
        __atomic_store_n(&t->tag_write, page | RT_TLB_SLOW, __ATOMIC_RELAXED);
        if (!slow)
            backing_note(w, page, addend, x->read, false);
    }
}

/* What fell out of the inline TLB but is still known: put back without a walk. */
static uint8_t *put_back(struct rt_view *w, uint64_t va, enum rt_access access)
{
    uint64_t page = va & ~(uint64_t)(PAGE - 1), addend;
    struct rt_tlb_entry *t = tlb_entry(w, va);
    unsigned rights;

    if (!backing_find(w, va, access == RT_WRITE, &addend, &rights))
        return NULL;
    view_note_tlb(w, va);
    __atomic_store_n(&t->tag_write, ~UINT64_C(0), __ATOMIC_RELAXED);
    t->tag_read = ~UINT64_C(0);
    __atomic_store_n(&t->addend, addend, __ATOMIC_RELAXED);
    t->tag_read = rights & 1 ? page : ~UINT64_C(0);
    if (rights & 2) {
        __atomic_store_n(&t->tag_write, page, __ATOMIC_SEQ_CST);
        /* as in publish(): purge_write_tags() clears what it finds here, or has cleared the entry behind it */
        if (!backing_find(w, va, true, &addend, &rights))
            __atomic_store_n(&t->tag_write, ~UINT64_C(0), __ATOMIC_RELAXED);
    }
    return (uint8_t *)(uintptr_t)(va + addend);
}

/* A write to a page that is known but whose writes must be noticed: data beside code needs no walk each time. */
static bool known_slow(struct tcg_vcpu *tv, struct rt_view *w, uint64_t va, struct target_mem *m)
{
    const struct rt_tlb_entry *t = tlb_entry(w, va);

    if (__atomic_load_n(&t->tag_write, __ATOMIC_RELAXED) != ((va & ~(uint64_t)(PAGE - 1)) | RT_TLB_SLOW))
        return false;
    *m = (struct target_mem){ .host = (uint8_t *)(uintptr_t)(va + t->addend) };
    m->ram = ram_from_host(tv->engine->bus, m->host, &m->ram_off);
    return m->ram && ram_needs_notice(m->ram, m->ram_off);         /* else it may have become an ordinary page */
}

static uint8_t *in_tlb(struct rt_view *w, uint64_t va, enum rt_access access)
{
    const struct rt_tlb_entry *t = tlb_entry(w, va);
    uint64_t tag = access == RT_WRITE ? __atomic_load_n(&t->tag_write, __ATOMIC_RELAXED) : t->tag_read;

    return tag == (va & ~(uint64_t)(PAGE - 1)) ? (uint8_t *)(uintptr_t)(va + t->addend) : NULL;
}

static struct target_mem resolve(struct tcg_vcpu *tv, uint64_t va, enum rt_access access, unsigned mmu, uintptr_t host_pc)
{
    const struct target *t = tv->engine->target;
    uint64_t in_page = va & (PAGE - 1);
    struct rt_view *w = view_of(tv, mmu);
    struct target_mem known;
    struct target_xlat x;
    struct mem_xlat m;
    uint8_t *host;
    uint32_t exc;

    if (access == RT_WRITE && known_slow(tv, w, va, &known))
        return known;
    if (mmu && (host = in_tlb(w, va, access)))
        return (struct target_mem){ .host = host };
    tv->n.tlb_miss++;
    if ((host = put_back(w, va, access)))
        return (struct target_mem){ .host = host };
    exc = t->xlate(tv->env, va, access, mmu, &x);
    if (exc)
        raise_at(tv, exc, host_pc);
    if (!mem_translate(tv->v->as, x.gpa & ~(uint64_t)(PAGE - 1), &m) || !m.host || m.len < PAGE ||
        (access == RT_WRITE && m.readonly))
        return (struct target_mem){ .gpa = x.gpa };
    publish(tv, w, va, &x, &m, watched(tv, va - in_page));
    return (struct target_mem){ .host = (uint8_t *)m.host + in_page, .gpa = x.gpa, .ram = m.ram,
                                .ram_off = m.ram_off + in_page };
}

/* --- devices -------------------------------------------------------------------------------------------------------- */

/* Counted instructions: a device sees the time of the very instruction, and what the access brings about (a timer, an
 * interrupt) comes right behind it. So the instruction is run again, alone. */
static void io_alone(struct tcg_vcpu *tv, uintptr_t host_pc)
{
    if (!tv->engine->icount || tv->io)
        return;
    if (host_pc)
        restore_state(tv, host_pc, host_frame(tv->env));
    tv->env->icount_left++;
    rt_leave(tv->env, RT_EXIT_IO);
}

/* Device models are C code with a host's floating-point state; the guest's must come through unharmed. */
static uint64_t device_read(struct tcg_vcpu *tv, uint64_t va, uint64_t gpa, unsigned size, uintptr_t host_pc)
{
    unsigned csr = _mm_getcsr();
    uint64_t val = 0;
    enum mem_result res;

    io_alone(tv, host_pc);
    _mm_setcsr(0x1f80);
    res = mem_read(tv->v->as, gpa, size, &val);
    _mm_setcsr(csr);
    if (res != MEM_OK) {
        log_guest("vcpu %u: read of %u bytes at %#llx: %s", tv->v->index, size, (unsigned long long)gpa,
                  res == MEM_DECODE_ERROR ? "nothing is there" : "refused");
        raise_at(tv, tv->engine->target->bus_fault(tv->env, va, RT_READ), host_pc);
    }
    return val;
}

static void device_write(struct tcg_vcpu *tv, uint64_t va, uint64_t gpa, unsigned size, uint64_t val, uintptr_t host_pc)
{
    unsigned csr = _mm_getcsr();
    enum mem_result res;

    io_alone(tv, host_pc);
    _mm_setcsr(0x1f80);
    res = mem_write(tv->v->as, gpa, size, val);
    _mm_setcsr(csr);
    if (res != MEM_OK) {
        log_guest("vcpu %u: write of %u bytes at %#llx: %s", tv->v->index, size, (unsigned long long)gpa,
                  res == MEM_DECODE_ERROR ? "nothing is there" : "refused");
        raise_at(tv, tv->engine->target->bus_fault(tv->env, va, RT_WRITE), host_pc);
    }
}

/* --- bytes ---------------------------------------------------------------------------------------------------------- */

static uint64_t host_read(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1: return __atomic_load_n(p, __ATOMIC_RELAXED);
    case 2: return __atomic_load_n((const uint16_t *)__builtin_assume_aligned(p, 1), __ATOMIC_RELAXED);
    case 4: return __atomic_load_n((const uint32_t *)__builtin_assume_aligned(p, 1), __ATOMIC_RELAXED);
    default: return __atomic_load_n((const uint64_t *)__builtin_assume_aligned(p, 1), __ATOMIC_RELAXED);
    }
}

static void host_write(uint8_t *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: __atomic_store_n(p, (uint8_t)v, __ATOMIC_RELAXED); break;
    case 2: __atomic_store_n((uint16_t *)__builtin_assume_aligned(p, 1), (uint16_t)v, __ATOMIC_RELAXED); break;
    case 4: __atomic_store_n((uint32_t *)__builtin_assume_aligned(p, 1), (uint32_t)v, __ATOMIC_RELAXED); break;
    default: __atomic_store_n((uint64_t *)__builtin_assume_aligned(p, 1), v, __ATOMIC_RELAXED); break;
    }
}

static uint64_t swapped(uint64_t v, unsigned memop)
{
    if (!(memop & IR_MBE))
        return v;
    switch (memop & IR_MSIZE) {
    case IR_M16: return __builtin_bswap16((uint16_t)v);
    case IR_M32: return __builtin_bswap32((uint32_t)v);
    case IR_M64: return __builtin_bswap64(v);
    default: return v;
    }
}

static unsigned mmu_of(unsigned memop) { return (memop & IR_MMMU) >> IR_MMMU_SHIFT; }

static void check_align(struct tcg_vcpu *tv, uint64_t va, unsigned memop, enum rt_access access, uintptr_t host_pc)
{
    if ((memop & IR_MALIGN) && (va & (ir_mem_bytes(memop) - 1)))
        raise_at(tv, tv->engine->target->align_fault(tv->env, va, access), host_pc);
}

/* --- system mode: loads and stores of up to 8 bytes ------------------------------------------------------------------ */

static uint64_t read_part(struct tcg_vcpu *tv, uint64_t va, unsigned size, unsigned mmu, uintptr_t host_pc)
{
    struct target_mem m = resolve(tv, va, RT_READ, mmu, host_pc);

    check_watch(tv, va, size, RT_READ, mmu, host_pc);
    return m.host ? host_read(m.host, size) : device_read(tv, va, m.gpa, size, host_pc);
}

/* Memory has been written. The bytes are there before anyone is asked whether the page has code: who makes it a page with
 * code does so before reading it, so that one of the two sees the other. */
static void note_write(const struct target_mem *m, unsigned size)
{
    if (!m->ram)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    if (ram_needs_notice(m->ram, m->ram_off))
        ram_written(m->ram, m->ram_off, size);
}

static void write_part(struct tcg_vcpu *tv, struct target_mem m, uint64_t va, unsigned size, uint64_t val,
                       uintptr_t host_pc)
{
    if (!m.host) {
        device_write(tv, va, m.gpa, size, val, host_pc);
        return;
    }
    host_write(m.host, size, val);
    note_write(&m, size);
}

static bool crosses(uint64_t va, unsigned size) { return (va & (PAGE - 1)) + size > PAGE; }

/* An access with another privilege, which always comes here, to a page that one of that privilege could make inline. */
static uint8_t *as_inline(struct tcg_vcpu *tv, uint64_t va, unsigned size, enum rt_access access, unsigned mmu)
{
    return mmu && !crosses(va, size) ? in_tlb(view_of(tv, mmu), va, access) : NULL;
}

static uint64_t sys_load(struct tcg_vcpu *tv, uint64_t va, unsigned memop, uintptr_t host_pc)
{
    unsigned size = ir_mem_bytes(memop), mmu = mmu_of(memop);
    const uint8_t *host;
    uint64_t v = 0;

    check_align(tv, va, memop, RT_READ, host_pc);
    tv->n.tlb_slow++;
    if ((host = as_inline(tv, va, size, RT_READ, mmu)))
        return swapped(host_read(host, size), memop);
    if (!crosses(va, size))
        return swapped(read_part(tv, va, size, mmu, host_pc), memop);
    for (unsigned i = 0; i < size; i++)
        v |= read_part(tv, va + i, 1, mmu, host_pc) << 8 * i;
    return swapped(v, memop);
}

static void sys_store(struct tcg_vcpu *tv, uint64_t va, uint64_t val, unsigned memop, uintptr_t host_pc)
{
    unsigned size = ir_mem_bytes(memop), mmu = mmu_of(memop);
    struct target_mem m, second;
    uint8_t *host;

    check_align(tv, va, memop, RT_WRITE, host_pc);
    tv->n.tlb_slow++;
    val = swapped(val, memop);
    if ((host = as_inline(tv, va, size, RT_WRITE, mmu))) {
        host_write(host, size, val);
        return;
    }
    check_watch(tv, va, size, RT_WRITE, mmu, host_pc);
    m = resolve(tv, va, RT_WRITE, mmu, host_pc);
    if (!crosses(va, size)) {
        write_part(tv, m, va, size, val, host_pc);
        return;
    }
    /* Both pages must be writable before a byte of either changes. */
    second = resolve(tv, (va + size) & ~(uint64_t)(PAGE - 1), RT_WRITE, mmu, host_pc);
    for (unsigned i = 0; i < size; i++) {
        unsigned first_part = PAGE - (va & (PAGE - 1));
        struct target_mem at = i < first_part ? m : second;
        unsigned step = i < first_part ? i : i - first_part;

        at.host = at.host ? at.host + step : NULL;
        at.gpa += step;
        at.ram_off += step;
        write_part(tv, at, va + i, 1, val >> 8 * i & 255, host_pc);
    }
}

/* --- user mode ------------------------------------------------------------------------------------------------------ */

static uint8_t *user_host(struct tcg_vcpu *tv, uint64_t va)
{
    const struct host_mode *m = &tv->engine->mode;

    return (uint8_t *)(uintptr_t)((m->addr32 ? (uint32_t)va : va) + m->guest_base);
}

/* The access itself may fault; the signal handler then raises the guest's exception for it (user.c). */
static uint64_t user_load(struct tcg_vcpu *tv, uint64_t va, unsigned memop, uintptr_t host_pc)
{
    uint64_t v;

    check_align(tv, va, memop, RT_READ, host_pc);
    tv->access_pc = host_pc;
    tv->in_access = true;
    atomic_signal_fence(memory_order_seq_cst);
    v = host_read(user_host(tv, va), ir_mem_bytes(memop));
    atomic_signal_fence(memory_order_seq_cst);
    tv->in_access = false;
    return swapped(v, memop);
}

static void user_store(struct tcg_vcpu *tv, uint64_t va, uint64_t val, unsigned memop, uintptr_t host_pc)
{
    check_align(tv, va, memop, RT_WRITE, host_pc);
    tv->access_pc = host_pc;
    tv->in_access = true;
    atomic_signal_fence(memory_order_seq_cst);
    host_write(user_host(tv, va), ir_mem_bytes(memop), swapped(val, memop));
    atomic_signal_fence(memory_order_seq_cst);
    tv->in_access = false;
}

/* --- what generated code calls --------------------------------------------------------------------------------------- */

uint64_t rt_load(struct cpu_env *env, uint64_t addr, unsigned memop, uintptr_t host_pc)
{
    struct tcg_vcpu *tv = tv_of(env);

    return tv->engine->system ? sys_load(tv, addr, memop, host_pc) : user_load(tv, addr, memop, host_pc);
}

void rt_store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, uintptr_t host_pc)
{
    struct tcg_vcpu *tv = tv_of(env);

    if (tv->engine->system)
        sys_store(tv, addr, val, memop, host_pc);
    else
        user_store(tv, addr, val, memop, host_pc);
}

static void access_begin(struct tcg_vcpu *tv, uintptr_t host_pc)
{
    tv->access_pc = host_pc;
    tv->in_access = !tv->engine->system;
    atomic_signal_fence(memory_order_seq_cst);
}

static void access_end(struct tcg_vcpu *tv, const struct target_mem *m, unsigned size)
{
    atomic_signal_fence(memory_order_seq_cst);
    tv->in_access = false;
    if (m)
        note_write(m, size);
}

/* 16 bytes that are aligned are one access, as they are in generated code. Without memory there: NULL. */
static uint8_t *whole(struct tcg_vcpu *tv, uint64_t va, unsigned memop, enum rt_access access, struct target_mem *m, uintptr_t host_pc)
{
    if ((memop & IR_MSIZE) != IR_M128 || va & 15)
        return NULL;
    *m = (struct target_mem){ .host = NULL };
    if (!tv->engine->system)
        return user_host(tv, va);
    tv->n.tlb_slow++;
    *m = resolve(tv, va, access, mmu_of(memop), host_pc);
    if (m->host)
        check_watch(tv, va, 16, access, mmu_of(memop), host_pc);
    return (uintptr_t)m->host & 15 ? NULL : m->host;
}

static unsigned without_size(unsigned memop) { return memop & ~(unsigned)(IR_MSIZE | IR_MALIGN | IR_MBE); }

void rt_load_vec(struct cpu_env *env, uint64_t addr, void *val, unsigned memop, uintptr_t host_pc)
{
    struct tcg_vcpu *tv = tv_of(env);
    struct target_mem m;
    uint8_t *at;
    uint64_t part;

    check_align(tv, addr, memop, RT_READ, host_pc);
    at = whole(tv, addr, memop, RT_READ, &m, host_pc);
    if (at) {
        access_begin(tv, host_pc);
        _mm_storeu_si128(val, _mm_load_si128((const __m128i *)(const void *)at));
        access_end(tv, NULL, 16);
        return;
    }
    for (unsigned i = 0; i < ir_mem_bytes(memop); i += 8) {
        part = rt_load(env, addr + i, without_size(memop) | IR_M64, host_pc);
        memcpy((uint8_t *)val + i, &part, 8);
    }
}

/* The last byte is probed first: a vector that faults in its second page has stored nothing. */
void rt_store_vec(struct cpu_env *env, uint64_t addr, const void *val, unsigned memop, uintptr_t host_pc)
{
    struct tcg_vcpu *tv = tv_of(env);
    unsigned size = ir_mem_bytes(memop);
    struct target_mem m;
    uint64_t part;
    uint8_t *at;

    check_align(tv, addr, memop, RT_WRITE, host_pc);
    at = whole(tv, addr, memop, RT_WRITE, &m, host_pc);
    if (at) {
        access_begin(tv, host_pc);
        _mm_store_si128((__m128i *)(void *)at, _mm_loadu_si128(val));
        access_end(tv, &m, 16);
        return;
    }
    if (tv->engine->system && crosses(addr, size))
        resolve(tv, addr + size - 1, RT_WRITE, mmu_of(memop), host_pc);
    for (unsigned i = 0; i < size; i += 8) {
        memcpy(&part, (const uint8_t *)val + i, 8);
        rt_store(env, addr + i, part, without_size(memop) | IR_M64, host_pc);
    }
}

/* --- atomics -------------------------------------------------------------------------------------------------------- */

static uint64_t extended(uint64_t v, unsigned size) { return size == 8 ? v : v & ((UINT64_C(1) << 8 * size) - 1); }

static int64_t sign_of(uint64_t v, unsigned size) { return size == 8 ? (int64_t)v : (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size); }

static uint64_t combined(unsigned kind, uint64_t old, uint64_t val, unsigned size)
{
    switch (kind) {
    case IR_AMO_SWAP: return val;
    case IR_AMO_ADD: return old + val;
    case IR_AMO_AND: return old & val;
    case IR_AMO_OR: return old | val;
    case IR_AMO_XOR: return old ^ val;
    case IR_AMO_ANDN: return old & ~val;
    case IR_AMO_SMIN: return sign_of(old, size) < sign_of(val, size) ? old : val;
    case IR_AMO_SMAX: return sign_of(old, size) > sign_of(val, size) ? old : val;
    case IR_AMO_UMIN: return extended(old, size) < extended(val, size) ? old : val;
    default: return extended(old, size) > extended(val, size) ? old : val;
    }
}

static bool host_cas(uint8_t *p, unsigned size, uint64_t *expect, uint64_t desired)
{
    bool done;

    switch (size) {
    case 1: {
        uint8_t e = (uint8_t)*expect;
        done = __atomic_compare_exchange_n(p, &e, (uint8_t)desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *expect = e;
        return done;
    }
    case 2: {
        uint16_t e = (uint16_t)*expect;
        done = __atomic_compare_exchange_n((uint16_t *)__builtin_assume_aligned(p, 1), &e, (uint16_t)desired, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *expect = e;
        return done;
    }
    case 4: {
        uint32_t e = (uint32_t)*expect;
        done = __atomic_compare_exchange_n((uint32_t *)__builtin_assume_aligned(p, 1), &e, (uint32_t)desired, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *expect = e;
        return done;
    }
    default: {
        uint64_t e = *expect;
        done = __atomic_compare_exchange_n((uint64_t *)__builtin_assume_aligned(p, 1), &e, desired, false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *expect = e;
        return done;
    }
    }
}

/* Where an atomic access happens. A device has no atomics: the access faults as the architecture says for such memory. */
static struct target_mem atomic_at(struct tcg_vcpu *tv, uint64_t va, unsigned memop, uintptr_t host_pc)
{
    const struct target *t = tv->engine->target;
    enum rt_access first = t->atomics_read ? RT_READ : RT_WRITE;
    unsigned size = ir_mem_bytes(memop);
    struct target_mem m;

    check_align(tv, va, memop, first, host_pc);
    if (!tv->engine->system)
        return (struct target_mem){ .host = user_host(tv, va) };
    tv->n.tlb_slow++;
    if (crosses(va, size))
        raise_at(tv, t->align_fault(tv->env, va, first), host_pc);
    check_watch(tv, va, size, RT_READ, mmu_of(memop), host_pc);
    check_watch(tv, va, size, RT_WRITE, mmu_of(memop), host_pc);
    if (first == RT_READ)
        resolve(tv, va, RT_READ, mmu_of(memop), host_pc);
    m = resolve(tv, va, RT_WRITE, mmu_of(memop), host_pc);
    if (!m.host)
        raise_at(tv, t->bus_fault(tv->env, va, first), host_pc);
    return m;
}

uint64_t rt_amo(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop, unsigned kind, uintptr_t host_pc)
{
    struct tcg_vcpu *tv = tv_of(env);
    unsigned size = ir_mem_bytes(memop);
    struct target_mem m = atomic_at(tv, addr, memop, host_pc);
    uint64_t old;

    access_begin(tv, host_pc);
    old = host_read(m.host, size);
    while (!host_cas(m.host, size, &old, swapped(combined(kind, swapped(old, memop), val, size), memop)))
        continue;
    access_end(tv, &m, size);
    return swapped(old, memop);
}

uint64_t rt_cas(struct cpu_env *env, uint64_t addr, uint64_t expect, uint64_t desired, unsigned memop, uintptr_t host_pc)
{
    struct tcg_vcpu *tv = tv_of(env);
    unsigned size = ir_mem_bytes(memop);
    struct target_mem m = atomic_at(tv, addr, memop, host_pc);
    uint64_t old = swapped(expect, memop);

    access_begin(tv, host_pc);
    host_cas(m.host, size, &old, swapped(desired, memop));
    access_end(tv, &m, size);
    return swapped(old, memop);
}

/* --- what target helpers call ---------------------------------------------------------------------------------------- */

uint64_t rt_helper_load(struct cpu_env *env, uint64_t addr, unsigned memop) { return rt_load(env, addr, memop, 0); }

void rt_helper_store(struct cpu_env *env, uint64_t addr, uint64_t val, unsigned memop)
{
    rt_store(env, addr, val, memop, 0);
}

static void host_cas128(uint8_t *p, uint64_t expect[2], const uint64_t desired[2])
{
    __asm__ volatile("lock cmpxchg16b %0"
                     : "+m"(*(__int128 *)__builtin_assume_aligned(p, 16)), "+a"(expect[0]), "+d"(expect[1])
                     : "b"(desired[0]), "c"(desired[1]) : "cc", "memory");
}

void rt_helper_cas128(struct cpu_env *env, uint64_t addr, uint64_t expect[2], const uint64_t desired[2])
{
    struct tcg_vcpu *tv = tv_of(env);
    struct target_mem m = atomic_at(tv, addr, IR_M128 | IR_MALIGN, 0);

    access_begin(tv, 0);
    host_cas128(m.host, expect, desired);
    access_end(tv, &m, 16);
}

void *rt_helper_probe(struct cpu_env *env, uint64_t addr, unsigned len, enum rt_access access, unsigned mmu)
{
    struct tcg_vcpu *tv = tv_of(env);
    struct target_mem m;

    (void)len;
    if (!tv->engine->system)
        return user_host(tv, addr);
    m = resolve(tv, addr, access, mmu, 0);
    /* The caller writes through the pointer without telling: pages with code or tracked ones go the long way. */
    if (access == RT_WRITE && m.ram && ram_needs_notice(m.ram, m.ram_off))
        return NULL;
    return m.host;
}

void rt_fence_i(struct cpu_env *env)
{
    struct tcg_engine *e = tv_of(env)->engine;

    tcg_check_pages(e->cache);
}

void rt_code_changed(struct cpu_env *env, uint64_t va, uint64_t len)
{
    struct tcg_vcpu *tv = tv_of(env);

    if (tv->engine->system)
        tcg_check_pages(tv->engine->cache);
    else
        tcg_written(tv->engine->cache, user_host(tv, va), len);
}

void rt_relax(struct cpu_env *env)
{
    (void)env;
    sched_yield();
}

const struct tcg_runtime_calls runtime_calls = {
    .load = rt_load, .store = rt_store, .load_vec = rt_load_vec, .store_vec = rt_store_vec, .amo = rt_amo, .cas = rt_cas,
};
