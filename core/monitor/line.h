/* core/monitor/line.h - one line being typed on a terminal that echoes nothing itself: editing keys, history, completion. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { LINE_ROOM = 1024, LINE_HISTORY = 50 };

struct line {
    void (*put)(void *opaque, const char *bytes, size_t n);      /* to the terminal */
    void (*enter)(void *opaque, char *text);                     /* a line is complete; the text may be changed */
    /* Tab: words that may follow; add() is called with each that begins with what stands before the cursor. */
    void (*complete)(void *opaque, const char *before, void (*add)(void *to, const char *word), void *to);
    void *opaque;
    const char *prompt;

    char text[LINE_ROOM];
    size_t len, cursor;
    char *history[LINE_HISTORY];       /* newest last */
    unsigned kept, shown;              /* shown: index in history, kept: none */
    enum { LINE_PLAIN, LINE_ESC, LINE_CSI } state;
    char csi;                          /* digit of ESC [ digit ~ */
    bool after_cr;
};

/** line_prompt - print the prompt and what is typed so far. */
void line_prompt(struct line *l);
/** line_type - bytes from the keyboard. */
void line_type(struct line *l, const char *bytes, size_t n);
void line_free(struct line *l);
