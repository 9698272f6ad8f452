/* Growing text. */
#include "show/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

static enum stoa_status reserve(struct text *text, size_t more)
{
    struct stoa_text *made = &text->made;
    size_t wanted = made->length + more + 1, capacity = text->capacity ? text->capacity : 4096;
    char *grown;
    if (wanted <= text->capacity)
        return STOA_OK;
    while (capacity < wanted)
        capacity *= 2;
    STOA_TRY(stoa_allocate_raw(&made->allocator, capacity, 1, NULL, &grown));
    if (made->length)
        memcpy(grown, made->data, made->length);
    stoa_release(&made->allocator, made->data);
    made->data = grown;
    text->capacity = capacity;
    return STOA_OK;
}

void stoa_text_print(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (text->status == STOA_OK && length >= 0)
        text->status = reserve(text, (size_t)length);
    if (text->status != STOA_OK || length < 0)
        return;
    va_start(arguments, format);
    vsnprintf(text->made.data + text->made.length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->made.length += (size_t)length;
}

enum stoa_status stoa_text_finish(const struct text *text, struct stoa_error *error)
{
    return text->status == STOA_OK ? STOA_OK : stoa_fail(error, text->status, "no memory for the text");
}

void stoa_text_free(struct stoa_text *text)
{
    if (!text)
        return;
    if (text->data)
        stoa_release(&text->allocator, text->data);
    *text = (struct stoa_text){.data = NULL};
}
