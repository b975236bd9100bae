#include "core/base/lazyload.h"

#include <dlfcn.h>

#include "core/base/error.h"

/* dlopen() locks, and gives the same handle to all who ask at once. */
void *lazy_load(const struct lazy_symbol *s)
{
    void *at = NULL;

    if (!s->lib->handle)
        s->lib->handle = dlopen(s->lib->soname, RTLD_NOW | RTLD_GLOBAL);
    if (s->lib->handle)
        at = dlsym(s->lib->handle, s->name);
    if (!at)
        error_exit("cannot load the library %s that this build was made with: %s", s->lib->soname, dlerror());
    return at;
}

#ifdef __x86_64__
/* Called by a stub with the symbol's number in r11d: keeps all that may hold arguments, answers in r11. */
__asm__(".text\n.globl lazy_common\n.type lazy_common,@function\nlazy_common:\n"
        "    pushq %rax\n    pushq %rdi\n    pushq %rsi\n    pushq %rdx\n    pushq %rcx\n    pushq %r8\n    pushq %r9\n    pushq %r10\n"
        "    pushq %rbp\n    movq %rsp, %rbp\n    andq $-16, %rsp\n    subq $128, %rsp\n"
        "    movaps %xmm0, (%rsp)\n    movaps %xmm1, 16(%rsp)\n    movaps %xmm2, 32(%rsp)\n    movaps %xmm3, 48(%rsp)\n"
        "    movaps %xmm4, 64(%rsp)\n    movaps %xmm5, 80(%rsp)\n    movaps %xmm6, 96(%rsp)\n    movaps %xmm7, 112(%rsp)\n"
        "    movl %r11d, %edi\n    call lazy_resolve\n    movq %rax, %r11\n"
        "    movaps (%rsp), %xmm0\n    movaps 16(%rsp), %xmm1\n    movaps 32(%rsp), %xmm2\n    movaps 48(%rsp), %xmm3\n"
        "    movaps 64(%rsp), %xmm4\n    movaps 80(%rsp), %xmm5\n    movaps 96(%rsp), %xmm6\n    movaps 112(%rsp), %xmm7\n"
        "    movq %rbp, %rsp\n    popq %rbp\n"
        "    popq %r10\n    popq %r9\n    popq %r8\n    popq %rcx\n    popq %rdx\n    popq %rsi\n    popq %rdi\n    popq %rax\n"
        "    ret\n");
#endif
