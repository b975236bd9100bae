#include "core/vm/debug.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/str.h"
#include "core/mem/dma.h"
#include "core/vm/machine.h"
#include "targets/target.h"

bool debug_halt(struct machine *m)
{
    if (m->state != RUN_RUNNING)
        return false;
    vcpu_pause_all();
    return true;
}

void debug_go_on(struct machine *m, bool halted)
{
    /* Waiting for the vCPUs let go of the machine lock: a breakpoint may have stopped the machine meanwhile. */
    if (halted && m->state == RUN_RUNNING)
        vcpu_resume_all();
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

size_t debug_read_physical(struct addr_space *as, gpa addr, void *buf, size_t n)
{
    size_t done = 0;
    struct mem_xlat x;

    while (done < n && mem_translate(as, addr + done, &x) && x.host) {
        size_t part = MIN((uint64_t)(n - done), x.len);

        memcpy((char *)buf + done, x.host, part);
        done += part;
    }
    return done;
}

size_t debug_write_physical(struct addr_space *as, gpa addr, const void *buf, size_t n)
{
    size_t done = 0;
    struct mem_xlat x;

    while (done < n && mem_translate(as, addr + done, &x) && x.host) {
        size_t part = MIN((uint64_t)(n - done), x.len);

        if (dma_load(as, addr + done, (const char *)buf + done, part) != MEM_OK)
            break;
        done += part;
    }
    return done;
}

/* The page tables may be read by the rights of any access: what cannot be loaded may still be executed. A walk that
 * fails notes the fault in the CPU state, which must not show. */
static bool walk(struct vcpu *v, uint64_t addr, struct target_xlat *x)
{
    static const enum rt_access ways[] = { RT_READ, RT_EXEC };
    const struct target *t = v->target;
    void *before = xmemdup(v->env, t->env_size);
    bool found = false;

    for (size_t i = 0; i < ARRAY_LEN(ways) && !found; i++)
        found = t->xlate(v->env, addr, ways[i], 0, x) == 0;
    memcpy(v->env, before, t->env_size);
    free(before);
    return found;
}

bool debug_physical(struct vcpu *v, uint64_t addr, gpa *out)
{
    struct target_xlat x;

    if (!walk(v, addr, &x))
        return false;
    *out = x.gpa;
    return true;
}

/* Page by page: how much of the stretch is on the page of @addr. */
static size_t on_page(uint64_t addr, size_t left)
{
    return MIN((uint64_t)left, (UINT64_C(1) << RT_PAGE_BITS) - (addr & ((1 << RT_PAGE_BITS) - 1)));
}

size_t debug_read(struct vcpu *v, uint64_t addr, void *buf, size_t n)
{
    size_t done = 0;
    gpa at;

    while (done < n) {
        size_t part = on_page(addr + done, n - done), got;

        if (!debug_physical(v, addr + done, &at))
            break;
        got = debug_read_physical(v->as, at, (char *)buf + done, part);
        done += got;
        if (got < part)
            break;
    }
    return done;
}

size_t debug_write(struct vcpu *v, uint64_t addr, const void *buf, size_t n)
{
    size_t done = 0;
    gpa at;

    while (done < n) {
        size_t part = on_page(addr + done, n - done), put;

        if (!debug_physical(v, addr + done, &at))
            break;
        put = debug_write_physical(v->as, at, (const char *)buf + done, part);
        done += put;
        if (put < part)
            break;
    }
    return done;
}

/* --- registers --------------------------------------------------------------------------------------------------- */

/* The value of ATTRIBUTE="..." in a tag that ends at @end; NULL if it has none. Copied into @out. */
static const char *attribute(const char *tag, const char *end, const char *name, char *out, size_t room)
{
    const char *at = tag;
    size_t n = strlen(name);

    while ((at = strstr(at, name)) && at < end) {
        if (at[-1] == ' ' && at[n] == '=' && at[n + 1] == '"') {
            size_t len = strcspn(at + n + 2, "\"");

            if (len >= room)
                return NULL;
            memcpy(out, at + n + 2, len);
            out[len] = '\0';
            return out;
        }
        at += n;
    }
    return NULL;
}

/* Registers are numbered as the description says, or one after the other. */
static bool find_in(const struct target *t, const struct cpu_env *env, const char *annex, const char *name,
                    unsigned *number, unsigned *found)
{
    const char *xml = t->gdb_xml(env, annex), *tag = xml, *end;
    char text[64];

    while (tag && (tag = strchr(tag, '<')) && (end = strchr(tag, '>'))) {
        if (str_after(tag, "<xi:include ") && attribute(tag, end, "href", text, sizeof text)) {
            if (find_in(t, env, text, name, number, found))
                return true;
        } else if (str_after(tag, "<reg ")) {
            if (attribute(tag, end, "regnum", text, sizeof text))
                *number = strtoul(text, NULL, 0);
            if (attribute(tag, end, "name", text, sizeof text) && str_eq(text, name)) {
                *found = *number;
                return true;
            }
            ++*number;
        }
        tag = end;
    }
    return false;
}

bool debug_register(struct vcpu *v, const char *name, uint64_t *value)
{
    unsigned number = 0, found;
    uint8_t bytes[64] = { 0 };

    if (!find_in(v->target, v->env, "target.xml", name, &number, &found) ||
        v->target->gdb_read(v->env, found, bytes, sizeof bytes) <= 0)
        return false;
    *value = load_le64(bytes);
    return true;
}
