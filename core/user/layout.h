/* core/user/layout.h - structures of the kernel's interface that a 32-bit guest lays out differently.
 *
 * A layout lists a host structure's members in the guest's order with what each is there; offsets follow from the
 * guest's alignment rules (64-bit members on 8 bytes, on i386 on 4). One table serves every 32-bit guest. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct user_field;

struct user_layout {
    const char *name;
    uint16_t host_bytes;
    uint16_t nfields;
    const struct user_field *fields;
};

/* The largest host structure with a layout. */
enum { USER_LAYOUT_MAX = 256 };

#define LAYOUT(name) extern const struct user_layout user_layout_##name;
#include "core/user/layouts.def"
#undef LAYOUT

/** user_layout_bytes - the structure's size in the guest, padding at its end included: the stride of an array. */
size_t user_layout_bytes(const struct user_layout *l);

/**
 * user_get - read a guest structure into the host's form.
 * @host: l->host_bytes of it; members that the layout does not name become 0
 * @from: guest address
 *
 * Returns 0 or -EFAULT (also for a pointer member that is no guest address).
 */
int user_get(const struct user_layout *l, void *host, uint64_t from);

/** user_put - the other way. Returns 0, -EFAULT, or -EOVERFLOW if a value does not fit where that is an error. */
int user_put(const struct user_layout *l, uint64_t to, const void *host);
