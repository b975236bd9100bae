#include "tcg/cache/internal.h"

static void leave_list(struct tcg_link *l)
{
    if (!l->to)
        return;
    *l->prev_in = l->next_in;
    if (l->next_in)
        l->next_in->prev_in = l->prev_in;
    l->to = NULL;
    l->next_in = NULL;
    l->prev_in = NULL;
}

void tcg_link_to(struct tcg_cache *c, struct tcg_link *l, struct tcg_region *to, bool checked)
{
    if (l->from->dead || to->dead || l->to == to)
        return;
    leave_list(l);
    l->to = to;
    l->next_in = to->in;
    l->prev_in = &to->in;
    if (to->in)
        to->in->prev_in = &l->next_in;
    to->in = l;
    host_link(l, codebuf_rw(&c->buf, l->field), checked ? to->checked : to->code);
    c->n_links++;
}

void tcg_unlink(struct tcg_cache *c, struct tcg_link *l)
{
    leave_list(l);
    host_link(l, codebuf_rw(&c->buf, l->field), l->stub);
}

void links_cut(struct tcg_cache *c, struct tcg_region *r)
{
    while (r->in)
        tcg_unlink(c, r->in);
    for (unsigned i = 0; i < r->nlinks; i++)
        leave_list(&r->links[i]);
}
