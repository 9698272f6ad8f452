/* Confusion matrices as pictures. */
#ifndef STOA_SHOW_CONFUSION_H
#define STOA_SHOW_CONFUSION_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

#include "show/draw.h"

struct confusion {
    const int64_t *counts;    /* [classes][scores]: examples of class (row) taken for class (column) */
    size_t classes, scores;   /* classes <= scores */
    const char *const *names; /* [classes] */
    const char *title;
};

/* A cell's colour is its share of its row; its count is written where there is room. */
STOA_CHECKED enum stoa_status stoa_confusion_draw(const struct confusion *confusion, struct stoa_error *error,
                                                  struct picture *picture);

#endif
