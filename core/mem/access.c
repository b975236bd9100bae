/* core/mem/access.c - one access of a CPU: look up, check, and do it.
 *
 * A device is called under the machine lock and never while it is in a call already: an access that would get
 * there (by DMA into its own registers) is refused. */
#include <string.h>
#include "core/base/epoch.h"
#include "core/base/log.h"
#include "core/mem/internal.h"
#include "core/vm/lock.h"

static void xlat_fill(struct mem_xlat *out, const struct flat_row *row, gpa addr)
{
    const struct mem_region *mr = row->mr;

    out->mr = mr;
    out->off = row->off + (addr - row->start);
    out->len = row->last - addr;
    if (out->len != UINT64_MAX)
        out->len++;
    out->readonly = mr->kind != MEM_RAM;
    out->ram = NULL;
    out->ram_off = 0;
    out->host = NULL;
    if (mr->ram && mr->direct) {
        out->ram = mr->ram;
        out->ram_off = mr->ram_off + out->off;
        out->host = (char *)mr->ram->host + out->ram_off;
    }
}

bool mem_translate(struct addr_space *as, gpa addr, struct mem_xlat *out)
{
    const struct flat_row *row;

    epoch_enter();
    row = flat_find(atomic_load_explicit(&as->table, memory_order_acquire), addr);
    if (row)
        xlat_fill(out, row, addr);
    epoch_leave();
    return row;
}

static uint64_t host_load(const void *host, unsigned size)
{
    uint64_t val = 0;

    if (((uintptr_t)host & (size - 1)) == 0) {
        switch (size) {
        case 1:
            return __atomic_load_n((const uint8_t *)host, __ATOMIC_ACQUIRE);
        case 2:
            return __atomic_load_n((const uint16_t *)host, __ATOMIC_ACQUIRE);
        case 4:
            return __atomic_load_n((const uint32_t *)host, __ATOMIC_ACQUIRE);
        case 8:
            return __atomic_load_n((const uint64_t *)host, __ATOMIC_ACQUIRE);
        }
    }
    memcpy(&val, host, size);
    return val;
}

static void host_store(void *host, unsigned size, uint64_t val)
{
    if (((uintptr_t)host & (size - 1)) == 0) {
        switch (size) {
        case 1:
            __atomic_store_n((uint8_t *)host, (uint8_t)val, __ATOMIC_RELEASE);
            return;
        case 2:
            __atomic_store_n((uint16_t *)host, (uint16_t)val, __ATOMIC_RELEASE);
            return;
        case 4:
            __atomic_store_n((uint32_t *)host, (uint32_t)val, __ATOMIC_RELEASE);
            return;
        case 8:
            __atomic_store_n((uint64_t *)host, val, __ATOMIC_RELEASE);
            return;
        }
    }
    memcpy(host, &val, size);
}

static uint64_t low_bytes(uint64_t val, unsigned size)
{
    return size == 8 ? val : val & ((UINT64_C(1) << size * 8) - 1);
}

/* Does the device accept this access? */
static bool access_fits(const struct mem_region *mr, uint64_t off, unsigned size, const char *what)
{
    unsigned widths = mr->ops->widths ? mr->ops->widths : WIDTH_4;

    if ((widths & size) && (mr->ops->unaligned || (off & (size - 1)) == 0))
        return true;
    log_guest("%s: %u-byte %s at offset 0x%llx refused", mr->name, size, what, (unsigned long long)off);
    return false;
}

/* Enter the device of a region; false when it is in a call already. */
static bool device_enter(const struct mem_region *mr, bool *locked)
{
    struct mem_region *m = (struct mem_region *)mr; /* busy is the bus's own note, not part of the tree */

    *locked = false;
    if (mr->ops->unlocked)
        return true;
    *locked = machine_lock_if_needed();
    if (m->busy) {
        log_guest("%s: access from within its own device refused", mr->name);
        if (*locked)
            machine_unlock();
        return false;
    }
    m->busy = true;
    return true;
}

static void device_leave(const struct mem_region *mr, bool locked)
{
    if (!mr->ops->unlocked)
        ((struct mem_region *)mr)->busy = false;
    if (locked)
        machine_unlock();
}

static enum mem_result device_read(const struct mem_region *mr, uint64_t off, unsigned size, uint64_t *val)
{
    unsigned step = mr->ops->split && mr->ops->split < size ? mr->ops->split : size;
    bool locked;

    if (!mr->ops->read || !access_fits(mr, off, size, "read"))
        return MEM_ACCESS_ERROR;
    if (!device_enter(mr, &locked))
        return MEM_ACCESS_ERROR;
    for (unsigned i = 0; i < size; i += step)
        *val |= low_bytes(mr->ops->read(mr->owner, off + i, step), step) << i * 8;
    device_leave(mr, locked);
    return MEM_OK;
}

static enum mem_result device_write(const struct mem_region *mr, uint64_t off, unsigned size, uint64_t val)
{
    unsigned step = mr->ops->split && mr->ops->split < size ? mr->ops->split : size;
    bool locked;

    if (!mr->ops->write || !access_fits(mr, off, size, "write"))
        return MEM_ACCESS_ERROR;
    if (!device_enter(mr, &locked))
        return MEM_ACCESS_ERROR;
    for (unsigned i = 0; i < size; i += step)
        mr->ops->write(mr->owner, off + i, low_bytes(val >> i * 8, step), step);
    device_leave(mr, locked);
    return MEM_OK;
}

enum mem_result mem_xlat_read(const struct mem_xlat *x, unsigned size, uint64_t *val)
{
    *val = 0;
    if (x->host && size <= x->len) {
        *val = host_load(x->host, size);
        return MEM_OK;
    }
    if (x->host || !x->mr->ops)
        return MEM_ACCESS_ERROR;
    return device_read(x->mr, x->off, size, val);
}

enum mem_result mem_xlat_write(const struct mem_xlat *x, unsigned size, uint64_t val)
{
    if (x->host && !x->readonly) {
        if (size > x->len)
            return MEM_ACCESS_ERROR;
        host_store(x->host, size, val);
        ram_written(x->ram, x->ram_off, size);
        return MEM_OK;
    }
    if (!x->mr->ops) {
        log_guest("%s: write to read-only memory at offset 0x%llx", x->mr->name, (unsigned long long)x->off);
        return MEM_ACCESS_ERROR;
    }
    return device_write(x->mr, x->off, size, val);
}

enum mem_result mem_read(struct addr_space *as, gpa addr, unsigned size, uint64_t *val)
{
    struct mem_xlat x;
    enum mem_result res = MEM_OK;

    *val = 0;
    if (!mem_translate(as, addr, &x))
        return MEM_DECODE_ERROR;
    if (!x.host || x.len >= size)
        return mem_xlat_read(&x, size, val);
    for (unsigned i = 0; i < size && res == MEM_OK; i++) { /* memory that goes on in another row */
        uint64_t byte;

        res = mem_read(as, addr + i, 1, &byte);
        *val |= byte << i * 8;
    }
    return res;
}

enum mem_result mem_write(struct addr_space *as, gpa addr, unsigned size, uint64_t val)
{
    struct mem_xlat x;
    enum mem_result res = MEM_OK;

    if (!mem_translate(as, addr, &x))
        return MEM_DECODE_ERROR;
    if (!x.host || x.len >= size)
        return mem_xlat_write(&x, size, val);
    for (unsigned i = 0; i < size && res == MEM_OK; i++)
        res = mem_write(as, addr + i, 1, val >> i * 8 & 0xff);
    return res;
}
