/* Tables for people and grep: one line a layer, columns divided by two spaces or more. */
#include "cli/report.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stoa/blas.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"

enum stoa_status stoa_cli_labels_read(const char *path, const struct stoa_allocator *allocator,
                                      struct stoa_error *error, struct labels *labels)
{
    struct file_map map;
    *labels = (struct labels){0};
    STOA_TRY(stoa_file_map(path, error, &map));
    size_t lines = 1;
    for (size_t i = 0; i < map.size; i++)
        lines += map.data[i] == '\n';
    if (map.size && memchr(map.data, 0, map.size)) {
        stoa_file_unmap(&map);
        return stoa_fail(error, STOA_ERROR_DATA, "%.300s is no text of names: it has a zero byte", path);
    }
    enum stoa_status status = stoa_allocate(allocator, map.size + 1, 1, error, &labels->text);
    if (status == STOA_OK)
        status = stoa_allocate(allocator, lines, sizeof *labels->lines, error, &labels->lines);
    if (status == STOA_OK && map.size)
        memcpy(labels->text, map.data, map.size);
    stoa_file_unmap(&map);
    if (status != STOA_OK) {
        stoa_cli_labels_free(allocator, labels);
        return status;
    }
    static const char mark[] = "\xef\xbb\xbf"; /* with which some editors begin UTF-8 */
    char *line = labels->text + (strncmp(labels->text, mark, 3) == 0 ? 3 : 0);
    for (; *line; labels->count++) {
        size_t length = strcspn(line, "\n");
        bool last = line[length] == '\0';
        line[length] = '\0';
        if (length && line[length - 1] == '\r')
            line[length - 1] = '\0';
        labels->lines[labels->count] = line;
        line += length + !last;
    }
    return STOA_OK;
}

void stoa_cli_labels_free(const struct stoa_allocator *allocator, struct labels *labels)
{
    stoa_release(allocator, labels->text);
    stoa_release(allocator, labels->lines);
    *labels = (struct labels){0};
}

/* The index of the best score that comes after `last` in the order of scores (best first, then index); `count` when
 * there is none. NaNs are in no order and never come. */
static size_t next_best(const float *scores, size_t count, size_t last)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        bool later = last == count || scores[i] < scores[last] || (scores[i] == scores[last] && i > last);
        if (!isnan(scores[i]) && later && (best == count || scores[i] > scores[best]))
            best = i;
    }
    return best;
}

static void print_best(const float *scores, size_t count, size_t top, const struct labels *labels)
{
    size_t last = count, missing = 0;
    for (size_t i = 0; i < count; i++)
        missing += isnan(scores[i]) != 0;
    if (missing)
        printf("  %zu of %zu scores are not numbers\n", missing, count);
    for (size_t k = 0; k < top; k++) {
        size_t best = next_best(scores, count, last);
        if (best == count)
            break;
        printf("  %6zu  %12.6g  %s\n", best, (double)scores[best], best < labels->count ? labels->lines[best] : "");
        last = best;
    }
}

static void print_range(const struct stoa_tensor *tensor)
{
    size_t elements = stoa_tensor_elements(tensor), odd = 0;
    double least = INFINITY, largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < elements; i++) {
        double value = stoa_tensor_load(tensor, i);
        odd += !isfinite(value);
        least = fmin(least, value);
        largest = fmax(largest, value);
        sum += value;
    }
    if (elements)
        printf("  min %.6g, max %.6g, mean %.6g", least, largest, sum / (double)elements);
    if (odd)
        printf(", %zu not finite", odd);
    puts(elements ? "" : "  no elements");
}

void stoa_cli_print_output(const char *name, const struct stoa_tensor *tensor, size_t top, const struct labels *labels)
{
    char dims[STOA_DIMS_TEXT];
    printf("output '%s'  %s%s\n", name, stoa_dtype_name(tensor->dtype),
           stoa_dims_text(tensor->rank, tensor->dims, dims));
    if (tensor->dtype != STOA_FLOAT || tensor->rank != 2 || tensor->dims[1] < 2) {
        print_range(tensor);
        return;
    }
    for (size_t row = 0; row < tensor->dims[0]; row++) {
        if (tensor->dims[0] > 1)
            printf(" row %zu\n", row);
        print_best((const float *)tensor->data + row * tensor->dims[1], tensor->dims[1], top, labels);
    }
}

/* Long names keep their end, which is what tells them apart. */
static const char *tail(const char *name, size_t width)
{
    size_t length = strlen(name);
    return length > width ? name + length - width : name;
}

enum stoa_status stoa_cli_print_layers(const struct stoa_session *session, struct stoa_error *error)
{
    size_t count = stoa_session_step_count(session), parameters = 0;
    double macs = 0;
    printf("%-32s  %-18s  %-20s  %12s  %12s  %s\n", "layer", "op", "output", "parameters", "MACs", "how");
    for (size_t i = 0; i < count; i++) {
        struct stoa_step_info step;
        char dims[STOA_DIMS_TEXT];
        STOA_TRY(stoa_session_step(session, i, error, &step));
        printf("%-32s  %-18s  %-20s  %12zu  %12.0f  %s\n", tail(step.node, 32), step.type,
               stoa_dims_text(step.output->rank, step.output->dims, dims), step.parameter_count, step.macs, step.how);
        parameters += step.parameter_count;
        macs += step.macs;
    }
    printf("%zu layers, %zu parameters, %.6g million MACs\n", count, parameters, macs / 1e6);
    return STOA_OK;
}

enum stoa_status stoa_cli_print_passes(const struct stoa_session *session, unsigned disabled, struct stoa_error *error)
{
    for (unsigned pass = 0; pass < STOA_PASS_COUNT; pass++) {
        size_t count = 0;
        struct stoa_rewrite_info info;
        for (size_t i = 0; i < stoa_session_rewrite_count(session); i++) {
            STOA_TRY(stoa_session_rewrite(session, i, error, &info));
            count += info.pass == (enum stoa_pass)pass;
        }
        printf("pass  %s: %zu%s\n", stoa_pass_name((enum stoa_pass)pass), count,
               disabled & STOA_PASS_BIT(pass) ? " (disabled)" : "");
        for (size_t i = 0; i < stoa_session_rewrite_count(session); i++) {
            STOA_TRY(stoa_session_rewrite(session, i, error, &info));
            if (info.pass == (enum stoa_pass)pass)
                printf("  %s  in  %s\n", info.node, info.into);
        }
    }
    return STOA_OK;
}

static void print_choice(const struct stoa_step_info *step)
{
    printf("choice  %s  %s  %s\n", step->node, step->type, step->choice->shape);
    printf("  %-36s  %12s  %12s  %12s\n", "lowering", "estimate us", "measured us", "memory");
    for (size_t i = 0; i < step->choice->count; i++) {
        const struct stoa_lowering_info *info = &step->choice->lowerings[i];
        char estimated[32] = "-", measured[32] = "-", memory[32] = "-";
        if (info->estimated_seconds > 0)
            snprintf(estimated, sizeof estimated, "%.1f", 1e6 * info->estimated_seconds);
        if (info->measured_seconds > 0)
            snprintf(measured, sizeof measured, "%.1f", 1e6 * info->measured_seconds);
        if (info->applies)
            snprintf(memory, sizeof memory, "%.2f MB", (double)info->bytes / 1e6);
        printf("  %-36s  %12s  %12s  %12s  %s\n", info->text, estimated, measured, memory, info->reason);
    }
}

enum stoa_status stoa_cli_print_choices(const struct stoa_session *session, struct stoa_error *error)
{
    for (size_t i = 0; i < stoa_session_step_count(session); i++) {
        struct stoa_step_info step;
        STOA_TRY(stoa_session_step(session, i, error, &step));
        if (step.choice)
            print_choice(&step);
    }
    return STOA_OK;
}

enum stoa_status stoa_cli_print_profile(const struct stoa_session *session, const double *seconds,
                                        struct stoa_error *error)
{
    size_t count = stoa_session_step_count(session);
    double total = 0, macs = 0;
    for (size_t i = 0; i < count; i++)
        total += seconds[i];
    printf("%-32s  %-18s  %-20s  %10s  %6s  %8s  %s\n", "layer", "op", "output", "ms", "share", "GFLOP/s", "how");
    for (size_t i = 0; i < count; i++) {
        struct stoa_step_info step;
        char dims[STOA_DIMS_TEXT], speed[32] = "-";
        STOA_TRY(stoa_session_step(session, i, error, &step));
        if (step.macs > 0 && seconds[i] > 0)
            snprintf(speed, sizeof speed, "%.1f", 2e-9 * step.macs / seconds[i]);
        printf("%-32s  %-18s  %-20s  %10.4f  %5.1f%%  %8s  %s\n", tail(step.node, 32), step.type,
               stoa_dims_text(step.output->rank, step.output->dims, dims), 1e3 * seconds[i],
               total > 0 ? 100 * seconds[i] / total : 0, speed, step.how);
        macs += step.macs;
    }
    printf("%zu layers, %.4f ms, %.1f GFLOP/s\n", count, 1e3 * total, total > 0 ? 2e-9 * macs / total : 0);
    return STOA_OK;
}

void stoa_cli_write_json(const char *text, FILE *out)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    fputc('"', out);
}

void stoa_cli_print_blas(void)
{
    struct stoa_blas_info blas;
    stoa_blas_describe(&blas);
    printf("BLAS  %s, kernels of %s, %s kernels for small products\n", blas.config, blas.core,
           blas.small_matrix ? "with" : "without");
    if (blas.better_core)
        printf("BLAS  this CPU can do better: set OPENBLAS_CORETYPE=%s\n", blas.better_core);
}
