/* Text that grows as it is written. */
#ifndef STOA_SHOW_TEXT_H
#define STOA_SHOW_TEXT_H

#include <stddef.h>
#include <stoa/show.h>
#include <stoa/status.h>

struct text {
    struct stoa_text made; /* begins with its allocator alone; freed by stoa_text_free */
    size_t capacity;
    enum stoa_status status; /* the first failure: what is written behind it is dropped */
};

/* As printf. */
__attribute__((format(printf, 2, 3))) void stoa_text_print(struct text *text, const char *format, ...);
/* STOA_OK, or what went wrong on the way. */
STOA_CHECKED enum stoa_status stoa_text_finish(const struct text *text, struct stoa_error *error);

#endif
