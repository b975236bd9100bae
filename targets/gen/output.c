/* The header, and the table as data. */
#include <string.h>

#include "targets/gen/gen.h"

/* Argument structs are shared by instructions with the same fields: args_andn is args_rs2_rs1_rd. */
static void name_shapes(void)
{
    for (unsigned i = 0; i < gen.ninsns; i++) {
        char buf[512] = "args";

        for (unsigned k = 0; k < gen.insns[i].d.nfields; k++) {
            strncat(buf, "_", sizeof buf - strlen(buf) - 1);
            strncat(buf, gen.insns[i].d.field[k].name, sizeof buf - strlen(buf) - 1);
        }
        gen.insns[i].shape = copy(buf, strlen(buf));
    }
}

void write_header(FILE *o, const char *guard)
{
    name_shapes();
    fprintf(o, "/* Written by insngen from %s. */\n#ifndef %s\n#define %s\n\n#include <stdbool.h>\n#include <stdint.h>\n\n",
            gen.table_path, guard, guard);
    for (unsigned i = 0; i < gen.ninsns; i++) {
        bool seen = false;

        if (gen.insns[i].d.as)
            continue;
        for (unsigned j = 0; j < i && !seen; j++)
            seen = !gen.insns[j].d.as && !strcmp(gen.insns[j].shape, gen.insns[i].shape);
        if (seen)
            continue;
        fprintf(o, "struct %s {", gen.insns[i].shape);
        for (unsigned k = 0; k < gen.insns[i].d.nfields; k++)
            fprintf(o, " %s %s;", gen.insns[i].d.field[k].bits > 31 ? "int64_t" : "int32_t", gen.insns[i].d.field[k].name);
        fprintf(o, "%s };\n", gen.insns[i].d.nfields ? "" : " char none;");
    }
    for (unsigned d = 0; d < gen.ndecoders; d++) {
        bool seen = false;

        for (unsigned e = 0; e < d; e++)
            seen |= !strcmp(gen.decoders[e].context, gen.decoders[d].context);
        if (!seen)
            fprintf(o, "\nstruct %s;", gen.decoders[d].context);
    }
    fputs("\n\n", o);
    for (unsigned i = 0; i < gen.ninsns; i++) {
        if (gen.insns[i].d.as)
            continue;
        fprintf(o, "#define args_%s %s\n", gen.insns[i].d.name, gen.insns[i].shape);
        fprintf(o, "void tr_%s(struct %s *t, const struct args_%s *a);\n", gen.insns[i].d.name,
                gen.decoders[gen.insns[i].decoder].context, gen.insns[i].d.name);
    }
    for (unsigned i = 0; i < gen.nforms; i++) {
        fprintf(o, "struct args_%s {", gen.forms[i].d.name);
        for (unsigned k = 0; k < gen.forms[i].d.nfields; k++)
            fprintf(o, " int32_t %s;", gen.forms[i].d.field[k].name);
        fprintf(o, "%s };\nvoid tr_%s(struct %s *t, const struct args_%s *a);\n", gen.forms[i].d.nfields ? "" : " char none;",
                gen.forms[i].d.name, gen.decoders[gen.forms[i].decoder].context, gen.forms[i].d.name);
    }
    fputs("\n/* Each translates the instruction and returns true, or returns false if it is none. */\n", o);
    for (unsigned d = 0; d < gen.ndecoders; d++)
        fprintf(o, "bool %s(struct %s *t, uint%u_t insn);\n", gen.decoders[d].function, gen.decoders[d].context, gen.decoders[d].bits);
    fputs("\n#endif\n", o);
}

void write_table(FILE *o, const char *symbol)
{
    fprintf(o, "/* Written by insngen from %s. */\n#include <stddef.h>\n\n#include \"targets/gen/insn.h\"\n\n"
            "extern const struct insn_desc %s_insns[];\nextern const unsigned %s_ninsns;\n\n"
            "const struct insn_desc %s_insns[] = {\n", gen.table_path, symbol, symbol, symbol);
    for (unsigned i = 0; i < gen.ninsns; i++) {
        const struct insn_desc *d = &gen.insns[i].d;

        fprintf(o, "    { \"%s\", \"%s\", \"%s\", %s%s%s, 0x%llx, 0x%llx, %u, %u, %u, {", d->name, d->features, d->spec,
                d->as ? "\"" : "", d->as ? d->as : "NULL", d->as ? "\"" : "", (unsigned long long)d->mask,
                (unsigned long long)d->value, d->bits, d->nfields, d->nconds);
        for (unsigned k = 0; k < d->nfields; k++) {
            const struct insn_field *f = &d->field[k];

            fprintf(o, " { \"%s\", %u, %s, %d, %u, {", f->name, f->bits, f->is_signed ? "true" : "false", f->bias, f->npieces);
            for (unsigned j = 0; j < f->npieces; j++)
                fprintf(o, " { %u, %u, %u },", f->piece[j].lo, f->piece[j].len, f->piece[j].at);
            fputs(" } },", o);
        }
        fputs(d->nfields ? " }, {" : " { 0 } }, {", o);
        for (unsigned k = 0; k < d->nconds; k++)
            fprintf(o, " { %u, %s, %d, %lld },", d->cond[k].field, d->cond[k].equal ? "true" : "false", d->cond[k].other,
                    (long long)d->cond[k].value);
        fputs(d->nconds ? " } },\n" : " { 0 } } },\n", o);
    }
    fprintf(o, "};\nconst unsigned %s_ninsns = %u;\n", symbol, gen.ninsns);
}
