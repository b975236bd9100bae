/* targets/riscv/fdt.c - extensions and page tables of a model, as Linux' bindings for RISC-V CPUs name them.
 *
 * Source: Linux, Documentation/devicetree/bindings/riscv/{cpus,extensions}.yaml. */
#include "targets/riscv/fdt.h"
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/str.h"
#include "targets/riscv/model.h"
#include "targets/riscv/state.h"

/* Where the properties go. */
struct node {
    void (*put)(void *opaque, const char *name, const void *bytes, size_t len);
    void *opaque;
};

static void put_text(const struct node *n, const char *name, const char *text)
{
    n->put(n->opaque, name, text, strlen(text) + 1);
}

static void put_number(const struct node *n, const char *name, uint32_t v)
{
    uint8_t cell[4];

    store_be32(cell, v);
    n->put(n->opaque, name, cell, sizeof(cell));
}

static const char *mmu_type(const struct riscv_model *m)
{
    if (m->xlen == 32)
        return m->has[RV_F_s] ? "riscv,sv32" : "riscv,none";
    if (m->has[RV_F_sv57])
        return "riscv,sv57";
    if (m->has[RV_F_sv48])
        return "riscv,sv48";
    return m->has[RV_F_sv39] ? "riscv,sv39" : "riscv,none";
}

void riscv_describe_cpu(const void *model, void (*put)(void *opaque, const char *name, const void *bytes, size_t len),
                        void *opaque)
{
    const struct riscv_model *m = model;
    struct node n = { put, opaque };
    struct str isa = STR_INIT;
    size_t len;
    char *extensions = riscv_isa_extensions(m, &len);

    riscv_isa_string(m, &isa);
    put_text(&n, "riscv,isa", isa.text);
    put_text(&n, "riscv,isa-base", m->xlen == 32 ? "rv32i" : "rv64i");
    put(opaque, "riscv,isa-extensions", extensions, len);
    put_text(&n, "mmu-type", mmu_type(m));
    if (m->has[RV_F_zicbom])
        put_number(&n, "riscv,cbom-block-size", m->cbo_bytes);
    if (m->has[RV_F_zicboz])
        put_number(&n, "riscv,cboz-block-size", m->cbo_bytes);
    str_free(&isa);
    free(extensions);
}
