/* What a convolution was decided among and why, written down once so that reports only read it. Everything lies in one
 * block: the text is composed twice, first to see how long it becomes, then in place. How long does not depend on the
 * price of memory: reasons but refusals stay where they are, and the line has them all in the same words, whichever is
 * chosen. So what a plan needs at least (plan.c) is what it needs. */
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "lower/lowering.h"

struct explanation {
    struct stoa_lowering_choice choice;
    struct stoa_lowering_info lowerings[]; /* then the text */
};

/* Strings one after another; only counts while text is null. */
struct writer {
    char *text;
    size_t used, start, size;
};

static void append(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(struct writer *writer, const char *format, ...)
{
    char *end = writer->text ? writer->text + writer->used : NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(end, end ? writer->size - writer->used : 0, format, arguments);
    va_end(arguments);
    writer->used += length > 0 ? (size_t)length : 0;
}

/* The string appended to since the last call; null while only counting. */
static const char *end_string(struct writer *writer)
{
    const char *string = writer->text ? writer->text + writer->start : NULL;
    writer->start = ++writer->used;
    return string;
}

static const char *write_shape(struct writer *writer, const struct conv_shape *shape)
{
    char from[STOA_DIMS_TEXT], to[STOA_DIMS_TEXT];
    append(writer, "%s to %s, kernel %zux%zu",
           stoa_dims_text(4, (const size_t[]){shape->N, shape->C, shape->H, shape->W}, from),
           stoa_dims_text(4, (const size_t[]){shape->N, shape->OC, shape->OH, shape->OW}, to), shape->kernel[0],
           shape->kernel[1]);
    if (shape->stride[0] > 1 || shape->stride[1] > 1)
        append(writer, ", stride %zux%zu", shape->stride[0], shape->stride[1]);
    if (stoa_conv_is_padded(shape))
        append(writer, ", pad %zu %zu %zu %zu", shape->pad[0], shape->pad[1], shape->pad[2], shape->pad[3]);
    if (shape->dilation[0] > 1 || shape->dilation[1] > 1)
        append(writer, ", dilation %zux%zu", shape->dilation[0], shape->dilation[1]);
    if (shape->groups > 1)
        append(writer, ", %zu groups", shape->groups);
    return end_string(writer);
}

static void append_cost(struct writer *writer, const struct candidate *candidate)
{
    append(writer, "%s", candidate->text);
    if (candidate->cost > 0)
        append(writer, ", about %.1f us", candidate->cost / 1e3);
    if (candidate->measured > 0)
        append(writer, ", measured %.1f us", candidate->measured / 1e3);
    append(writer, ", %.1f MB", (double)candidate->bytes / 1e6);
}

static const char *write_line(struct writer *writer, const struct candidate *candidates, size_t count, size_t chosen)
{
    append_cost(writer, &candidates[chosen]);
    for (size_t i = 0; i < count; i++)
        if (candidates[i].refusal.message[0]) {
            append(writer, "; not %s: %s", candidates[i].lowering->name, candidates[i].refusal.message);
        } else if (i != chosen) {
            append(writer, "; ");
            append_cost(writer, &candidates[i]);
        }
    return end_string(writer);
}

static void write_lowering(struct writer *writer, const struct candidate *candidate, struct stoa_lowering_info *info)
{
    bool applies = !candidate->refusal.message[0];
    *info = (struct stoa_lowering_info){
        .lowering = candidate->lowering->id,
        .applies = applies,
        .estimated_seconds = 1e-9 * candidate->cost,
        .measured_seconds = 1e-9 * candidate->measured,
        .bytes = candidate->bytes,
        .reason = candidate->reason,
    };
    append(writer, "%s", applies ? candidate->text : candidate->lowering->name);
    info->text = end_string(writer);
    if (!applies) {
        append(writer, "%s", candidate->refusal.message);
        info->reason = end_string(writer);
    }
}

enum stoa_status stoa_conv_explain_choice(struct conv *conv, const struct candidate *candidates, size_t count,
                                          size_t chosen, struct stoa_error *error)
{
    struct writer writer = {.text = NULL};
    struct stoa_lowering_info unread;
    write_shape(&writer, &conv->shape);
    write_line(&writer, candidates, count, chosen);
    for (size_t i = 0; i < count; i++)
        write_lowering(&writer, &candidates[i], &unread);

    struct explanation *made;
    size_t head = sizeof *made + count * sizeof made->lowerings[0];
    STOA_TRY(stoa_allocate_raw(&conv->allocator, 1, head + writer.used, error, &made));
    writer = (struct writer){.text = (char *)made + head, .size = writer.used};
    made->choice = (struct stoa_lowering_choice){.count = count, .lowerings = made->lowerings};
    made->choice.shape = write_shape(&writer, &conv->shape);
    made->choice.line = write_line(&writer, candidates, count, chosen);
    for (size_t i = 0; i < count; i++)
        write_lowering(&writer, &candidates[i], &made->lowerings[i]);
    made->lowerings[chosen].chosen = 1;
    conv->explanation = made;
    return STOA_OK;
}

const struct stoa_lowering_choice *stoa_conv_explain(const struct conv *conv)
{
    return &conv->explanation->choice;
}
