/* core/user/mmap.h - user mode: the guest's address space, and who owns which page of it.
 *
 * Host address = guest address + user_guest_base(). 64-bit guests use base 0 unless -B moves them; 32-bit guests live in
 * a reserved window of 4 GiB. A table of ranges, sorted by address, says what the guest has mapped and with which
 * rights; host rights never include execution. One lock guards changes; readers on the translation path take none. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct accel_type;
struct error;

enum user_map_flags {
    USER_PROT_GUARDED = 0x10,                  /* of prot: PROT_BTI, where the guest has it */
    USER_MAP_SHARED = 1,                       /* MAP_SHARED: others may write it */
    USER_MAP_FILE = 2,                         /* backed by a file */
    USER_MAP_STACK = 4,                        /* the first thread's stack */
    USER_MAP_HEAP = 8,                         /* brk */
    USER_MAP_HOST = 16,                        /* the emulator's own: not the guest's to touch */
    USER_MAP_VDSO = 32,                        /* the page with the signal return code */
    USER_MAP_VECTORS = 64,                     /* a page of code at an address that programs know */
};

struct user_space {
    uint64_t base;                             /* host address of guest address 0 */
    uint64_t limit;                            /* one past the highest guest address */
    uint64_t mmap_top;                         /* new mappings are placed below this address when there is room */
    bool window;                               /* all of [base, base + limit) is reserved for the guest */
};

/**
 * user_space_init - lay out the guest's address space; called once, before anything is mapped.
 * @space: copied
 * @accel: told by code_written() when pages that may hold code go or change; may be NULL
 *
 * Returns 0, or -errno when the window cannot be reserved.
 */
int user_space_init(const struct user_space *space, const struct accel_type *accel, struct error *err);

/* The base, for generated code and for everybody who touches guest memory. Constant after user_space_init(). */
extern uint64_t user_base, user_limit;

static inline uint64_t user_guest_base(void)
{
    return user_base;
}

/** user_host - the host address of a guest address. */
static inline void *user_host(uint64_t addr)
{
    return (void *)(uintptr_t)(addr + user_base);
}

/** user_guest - the guest address of a host address. */
static inline uint64_t user_guest(const void *host)
{
    return (uintptr_t)host - user_base;
}

/** user_range - is [addr, addr + len) inside the guest's address space (mapped or not)? */
static inline bool user_range(uint64_t addr, uint64_t len)
{
    return addr <= user_limit && len <= user_limit - addr;
}

/**
 * user_page_exec - may the guest execute from the page that holds @va?
 * @va:   guest address
 * @host: out: host address of @va, when true
 * @writable_or_shared: out: its bytes can change without a change of mappings
 *
 * Context: any thread, any time; takes no lock while the table stands still.
 */
bool user_page_exec(uint64_t va, const uint8_t **host, bool *writable_or_shared);

/* Bits of prot that the guest's CPU has beside the usual three; set before anything is mapped. */
extern int user_page_rights;
/* Some page has been mapped with USER_PROT_GUARDED. */
extern volatile bool user_guarded;

/** user_map_generation - changes whenever a mapping does. Any thread. */
unsigned user_map_generation(void);

/** user_page_prot - the guest's PROT_* of the page that holds @va, or -1 if nothing is mapped there. */
int user_page_prot(uint64_t va);

/* The system calls. Guest addresses and lengths as the guest gave them; results are guest addresses or -errno. PROT_*
 * and MAP_* values are the host's (they agree on every guest so far). Context: any guest thread. */
int64_t user_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, int64_t off);
int64_t user_munmap(uint64_t addr, uint64_t len);
int64_t user_mprotect(uint64_t addr, uint64_t len, int prot);
int64_t user_mremap(uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new);
int64_t user_madvise(uint64_t addr, uint64_t len, int advice);
int64_t user_shmat(int id, uint64_t addr, int flags);
int64_t user_shmdt(uint64_t addr);

/** user_mmap_limit - what the guest may map at most: RLIMIT_AS and RLIMIT_DATA, bytes; UINT64_MAX: no limit. */
void user_mmap_limit(uint64_t all, uint64_t data);

/** user_stack_limit - the first thread's stack ends @bytes below its top from now on, as far as it is free there and unused. */
void user_stack_limit(uint64_t low, uint64_t top, uint64_t bytes);

/** user_brk_init - where the heap begins: behind the program, page-aligned. user_brk - the system call. */
void user_brk_init(uint64_t start);
int64_t user_brk(uint64_t addr);

/** user_map_mark - set flags (STACK, VDSO, HEAP) on a range that is mapped. */
void user_map_mark(uint64_t addr, uint64_t len, unsigned flags);

/** user_map_flags_of - the flags and rights of the range that holds @va, and its ends; false if nothing is mapped. */
bool user_map_find(uint64_t va, uint64_t *start, uint64_t *end, int *prot, unsigned *flags);

/** user_maps_text - /proc/self/maps as the guest should see it, written to @to. */
void user_maps_text(FILE *to);

/** user_code_changed - the guest says that code in [addr, addr + len) is new (riscv_flush_icache, ARM cacheflush). */
void user_code_changed(uint64_t addr, uint64_t len);

/** user_mmap_fork - around fork(): @stage 0 before, 1 after. The table's lock is held in between. */
void user_mmap_fork(int stage);
