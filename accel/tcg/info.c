/* `info jit`: what the translator has been doing. */
#include <stdio.h>

#include "accel/tcg/internal.h"

void tcg_info(void *file)
{
    struct tcg_engine *e = tcg_engine;
    struct tcg_cache *c = e->cache;
    FILE *f = file;
    size_t code = 0, meta = 0;

    if (!c)
        return;
    for (unsigned i = 0; i < TCG_CHUNKS; i++) {
        code += c->chunk[i].used;
        meta += c->chunk[i].meta_used;
    }
    fprintf(f, "backend             %s\n", e->interp ? "interpreter" : "x86-64");
    fprintf(f, "code cache          %zu KiB of %zu, %zu KiB beside it\n", code >> 10, c->buf.size >> 10, meta >> 10);
    fprintf(f, "translations        %llu cold, %llu hot, %llu dropped, %llu evicted\n", (unsigned long long)c->n_cold,
            (unsigned long long)c->n_hot, (unsigned long long)c->n_dropped, (unsigned long long)c->n_evicted);
    fprintf(f, "links made          %llu\n", (unsigned long long)c->n_links);
    fprintf(f, "code page checks    %llu after fences, %llu after writes\n", (unsigned long long)c->n_checks,
            (unsigned long long)c->n_writes);
    for (unsigned i = 0; i < e->nvcpus; i++) {
        const struct tcg_vcpu *tv = e->vcpus[i];

        fprintf(f, "vcpu %-3u            %llu guest instructions translated to %llu IR, %llu host bytes\n", tv->v->index,
                (unsigned long long)tv->ctx.n_guest, (unsigned long long)tv->ctx.n_ir,
                (unsigned long long)tv->ctx.n_host_bytes);
        fprintf(f, "                    %llu exits, %llu lookups, %llu translations, %llu regions asked for\n",
                (unsigned long long)tv->n.exits, (unsigned long long)tv->n.lookup,
                (unsigned long long)tv->n.translate, (unsigned long long)tv->n.hot_requests);
        fprintf(f, "                    %llu TLB misses, %llu slow accesses, %llu exceptions\n",
                (unsigned long long)tv->n.tlb_miss, (unsigned long long)tv->n.tlb_slow,
                (unsigned long long)tv->n.exceptions);
    }
}
