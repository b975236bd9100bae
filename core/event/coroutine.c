/* core/event/coroutine.c - stacks and the switch between them.
 *
 * On x86-64 the switch is a dozen instructions that save what the System V ABI makes callee-saved; elsewhere
 * swapcontext() does the same more slowly. Stacks are mapped with a guard page below and pooled per thread. */
#include "core/event/coroutine.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define CO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CO_ASAN 1
#endif
#endif
#ifdef CO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#define CO_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif

/* CO_STACK_BYTES: usable stack of a coroutine; one page below it is left unmapped. A chain of 200 images is opened level by
 * level, and the address sanitizer's frames are several times as large. */
#ifdef CO_ASAN
enum { CO_STACK_BYTES = 8 << 20 };
#else
enum { CO_STACK_BYTES = 1 << 20 };
#endif
enum { POOL_MAX = 64 };

struct stack_side {            /* where one side of a switch left off */
#if defined(__x86_64__)
    void *sp;
#else
    ucontext_t uc;
#endif
#ifdef CO_ASAN
    void       *fake;
    const void *bottom;
    size_t      bytes;
#endif
#ifdef CO_TSAN
    void *fiber;
#endif
};

struct coroutine {
    struct stack_side  self, enterer;
    struct coroutine  *outer;  /* the coroutine that entered this one, or NULL */
    struct coroutine  *next;
    struct io_loop    *loop;
    co_fn             *fn;
    void              *arg;
    char              *map;    /* guard page, then the stack */
    bool               done;
};

static __thread struct coroutine *current;
static __thread struct coroutine *pool;
static __thread int               pool_count;

#if defined(__x86_64__)
void co_switch_asm(void **save_sp, void *load_sp);
__asm__(".text\n"
        ".globl co_switch_asm\n"
        ".hidden co_switch_asm\n"
        ".type co_switch_asm, @function\n"
        "co_switch_asm:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size co_switch_asm, . - co_switch_asm\n");
#endif

static void side_switch(struct stack_side *from, struct stack_side *to, bool from_dies)
{
#ifdef CO_ASAN
    __sanitizer_start_switch_fiber(from_dies ? NULL : &from->fake, to->bottom, to->bytes);
#else
    (void)from_dies;
#endif
#ifdef CO_TSAN
    from->fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
#if defined(__x86_64__)
    co_switch_asm(&from->sp, to->sp);
#else
    swapcontext(&from->uc, &to->uc);
#endif
#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}

/* First code on a new stack. A pooled coroutine comes round the loop again with another function. */
static void co_main(void)
{
    struct coroutine *co = current;

#ifdef CO_ASAN
    __sanitizer_finish_switch_fiber(NULL, &co->enterer.bottom, &co->enterer.bytes);
#endif
    for (;;) {
        co->fn(co->arg);
        co->done = true;
        side_switch(&co->self, &co->enterer, false);
    }
}

static void stack_prepare(struct coroutine *co)
{
    char *low = co->map + sysconf(_SC_PAGESIZE);

#ifdef CO_ASAN
    co->self.bottom = low;
    co->self.bytes  = CO_STACK_BYTES;
#endif
#ifdef CO_TSAN
    co->self.fiber = __tsan_create_fiber(0);
#endif
#if defined(__x86_64__)
    void **sp = (void **)(low + CO_STACK_BYTES);

    *--sp = NULL;                       /* keeps the stack aligned as after a call */
    *--sp = (void *)co_main;            /* where the first switch returns to */
    for (int i = 0; i < 6; i++)
        *--sp = NULL;                   /* rbp rbx r12-r15 */
    co->self.sp = sp;
#else
    getcontext(&co->self.uc);
    co->self.uc.uc_stack.ss_sp   = low;
    co->self.uc.uc_stack.ss_size = CO_STACK_BYTES;
    co->self.uc.uc_link          = NULL;
    makecontext(&co->self.uc, co_main, 0);
#endif
}

static struct coroutine *co_new(void)
{
    struct coroutine *co   = calloc(1, sizeof *co);
    size_t            page = (size_t)sysconf(_SC_PAGESIZE);

    if (co != NULL)
        co->map = mmap(NULL, page + CO_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (co == NULL || co->map == MAP_FAILED || mprotect(co->map, page, PROT_NONE) < 0) {
        fprintf(stderr, "rhea: out of memory for a coroutine stack; free memory or raise vm.max_map_count\n");
        exit(2);
    }
    stack_prepare(co);
    return co;
}

static void co_free(struct coroutine *co)
{
#ifdef CO_TSAN
    __tsan_destroy_fiber(co->self.fiber);
#endif
    munmap(co->map, (size_t)sysconf(_SC_PAGESIZE) + CO_STACK_BYTES);
    free(co);
}

struct coroutine *co_create(co_fn *fn, void *arg)
{
    struct coroutine *co = pool;

    if (co != NULL) {
        pool = co->next;
        pool_count--;
    } else {
        co = co_new();
    }
    co->fn   = fn;
    co->arg  = arg;
    co->next = NULL;
    co->loop = NULL;
    co->done = false;
    return co;
}

void co_enter(struct coroutine *co)
{
    struct coroutine *outer = current;

    assert(!co->done);
    co->outer = outer;
    current   = co;
    side_switch(&co->enterer, &co->self, false);
    current = outer;
    if (!co->done)
        return;
    if (pool_count < POOL_MAX) {
        co->next = pool;
        pool     = co;
        pool_count++;
    } else {
        co_free(co);
    }
}

void co_yield(void)
{
    struct coroutine *co = current;

    assert(co != NULL);
    side_switch(&co->self, &co->enterer, false);
}

void co_pool_drain(void)
{
    while (pool != NULL) {
        struct coroutine *co = pool;

        pool = co->next;
        co_free(co);
    }
    pool_count = 0;
}

struct coroutine *co_self(void)
{
    return current;
}

struct io_loop *co_loop(const struct coroutine *co)
{
    return co->loop;
}

void co_set_loop(struct coroutine *co, struct io_loop *loop)
{
    co->loop = loop;
}

struct coroutine *co_next(const struct coroutine *co)
{
    return co->next;
}

void co_set_next(struct coroutine *co, struct coroutine *next)
{
    co->next = next;
}
