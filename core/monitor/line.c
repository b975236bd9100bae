#include "core/monitor/line.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/str.h"

enum { CTRL_A = 1, CTRL_B, CTRL_C, CTRL_D, CTRL_E, CTRL_F, CTRL_K = 11, CTRL_L, CTRL_N = 14, CTRL_P = 16, CTRL_U = 21,
       CTRL_W = 23, ESC = 27, DEL = 127 };

static void put(struct line *l, const char *text)
{
    l->put(l->opaque, text, strlen(text));
}

static void back(struct line *l, size_t n)
{
    while (n--)
        put(l, "\b");
}

/* Prints what stands behind the cursor, erases @erase columns after it, and returns to the cursor. */
static void redraw_tail(struct line *l, size_t erase)
{
    l->put(l->opaque, l->text + l->cursor, l->len - l->cursor);
    for (size_t i = 0; i < erase; i++)
        put(l, " ");
    back(l, l->len - l->cursor + erase);
}

void line_prompt(struct line *l)
{
    put(l, l->prompt);
    l->put(l->opaque, l->text, l->len);
    back(l, l->len - l->cursor);
}

static void insert(struct line *l, const char *text, size_t n)
{
    if (l->len + n >= LINE_ROOM)
        return;
    memmove(l->text + l->cursor + n, l->text + l->cursor, l->len - l->cursor);
    memcpy(l->text + l->cursor, text, n);
    l->len += n;
    l->put(l->opaque, text, n);
    l->cursor += n;
    redraw_tail(l, 0);
}

/* The @n bytes before the cursor go. */
static void erase(struct line *l, size_t n)
{
    n = MIN(n, l->cursor);
    memmove(l->text + l->cursor - n, l->text + l->cursor, l->len - l->cursor);
    l->len -= n;
    l->cursor -= n;
    back(l, n);
    redraw_tail(l, n);
}

static void move(struct line *l, size_t to)
{
    if (to > l->len)
        return;
    if (to > l->cursor)
        l->put(l->opaque, l->text + l->cursor, to - l->cursor);
    else
        back(l, l->cursor - to);
    l->cursor = to;
}

static void replace(struct line *l, const char *text)
{
    move(l, l->len);
    erase(l, l->len);
    insert(l, text, strlen(text));
}

static void remember(struct line *l)
{
    if (!l->len || (l->kept && str_eq(l->history[l->kept - 1], l->text)))
        return;
    if (l->kept == LINE_HISTORY) {
        free(l->history[0]);
        memmove(l->history, l->history + 1, (LINE_HISTORY - 1) * sizeof l->history[0]);
        l->kept--;
    }
    l->history[l->kept++] = xstrdup(l->text);
}

static void show(struct line *l, unsigned which)
{
    if (which > l->kept)
        return;
    l->shown = which;
    replace(l, which == l->kept ? "" : l->history[which]);
}

static void enter(struct line *l)
{
    char text[LINE_ROOM];

    put(l, "\r\n");
    l->text[l->len] = '\0';
    remember(l);
    l->shown = l->kept;
    memcpy(text, l->text, l->len + 1);
    l->len = l->cursor = 0;
    l->enter(l->opaque, text);
}

/* --- completion -------------------------------------------------------------------------------------------------- */

struct words {
    struct str common;      /* what all of them begin with */
    struct str list;
    unsigned count;
};

static void add_word(void *opaque, const char *word)
{
    struct words *w = opaque;

    if (!w->count++)
        str_add(&w->common, word);
    for (size_t i = 0; w->common.text && i < w->common.len; i++)
        if (w->common.text[i] != word[i]) {
            w->common.len = i;
            w->common.text[i] = '\0';
        }
    str_addf(&w->list, "%s%s", w->count > 1 ? "  " : "", word);
}

static void complete(struct line *l)
{
    struct words w = { STR_INIT, STR_INIT, 0 };
    char before[LINE_ROOM];
    size_t begin = l->cursor, typed;

    if (!l->complete)
        return;
    memcpy(before, l->text, l->cursor);
    before[l->cursor] = '\0';
    while (begin && before[begin - 1] != ' ')
        begin--;
    typed = l->cursor - begin;
    l->complete(l->opaque, before, add_word, &w);
    if (w.count && w.common.len > typed)
        insert(l, w.common.text + typed, w.common.len - typed);
    if (w.count == 1) {
        insert(l, " ", 1);
    } else if (w.count > 1 && w.common.len <= typed) {
        put(l, "\r\n");
        put(l, w.list.text);
        put(l, "\r\n");
        line_prompt(l);
    }
    str_free(&w.common);
    str_free(&w.list);
}

/* --- keys -------------------------------------------------------------------------------------------------------- */

static void erase_next(struct line *l)
{
    if (l->cursor == l->len)
        return;
    move(l, l->cursor + 1);
    erase(l, 1);
}

static void arrow(struct line *l, char c)
{
    switch (c) {
    case 'A': show(l, l->shown - 1); break;      /* below zero is above kept: nothing is shown */
    case 'B': show(l, l->shown + 1); break;
    case 'C': move(l, l->cursor + 1); break;
    case 'D': move(l, l->cursor - 1); break;
    case 'H': move(l, 0); break;
    case 'F': move(l, l->len); break;
    case '~':
        if (l->csi == '3')
            erase_next(l);
        else if (l->csi == '1' || l->csi == '4')
            move(l, l->csi == '1' ? 0 : l->len);
        break;
    }
}

static void erase_word(struct line *l)
{
    size_t n = 0;

    while (n < l->cursor && l->text[l->cursor - n - 1] == ' ')
        n++;
    while (n < l->cursor && l->text[l->cursor - n - 1] != ' ')
        n++;
    erase(l, n);
}

static void key(struct line *l, char c)
{
    switch (c) {
    case '\r': case '\n': enter(l); break;
    case '\t': complete(l); break;
    case '\b': case DEL: erase(l, 1); break;
    case CTRL_A: move(l, 0); break;
    case CTRL_E: move(l, l->len); break;
    case CTRL_B: move(l, l->cursor - 1); break;
    case CTRL_F: move(l, l->cursor + 1); break;
    case CTRL_D: erase_next(l); break;
    case CTRL_C: replace(l, ""); break;
    case CTRL_K: {
        size_t at = l->cursor;

        move(l, l->len);
        erase(l, l->len - at);
        break;
    }
    case CTRL_L: put(l, "\033[H\033[2J"); line_prompt(l); break;
    case CTRL_N: arrow(l, 'B'); break;
    case CTRL_P: arrow(l, 'A'); break;
    case CTRL_U: erase(l, l->cursor); break;
    case CTRL_W: erase_word(l); break;
    case ESC: l->state = LINE_ESC; break;
    default:
        if ((unsigned char)c >= ' ')
            insert(l, &c, 1);
    }
}

void line_type(struct line *l, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        bool doubled = c == '\n' && l->after_cr;     /* CR LF of a network client is one key */

        l->after_cr = c == '\r';
        if (l->state == LINE_ESC) {
            l->state = c == '[' || c == 'O' ? LINE_CSI : LINE_PLAIN;
        } else if (l->state == LINE_CSI) {
            if (c >= '0' && c <= '9') {
                l->csi = c;
            } else {
                l->state = LINE_PLAIN;
                arrow(l, c);
            }
        } else if (!doubled) {
            key(l, c);
        }
    }
}

void line_free(struct line *l)
{
    for (unsigned i = 0; i < l->kept; i++)
        free(l->history[i]);
    l->kept = 0;
}
