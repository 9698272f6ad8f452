/* What a trained network sees: runs an exported ONNX file over the test images of a data set and draws a sheet of some
 * of them, each with what it was taken for.
 *
 *   stoa-bench-sheet MODEL.onnx DATASET SHEET.png [LEAST]
 *
 * DATASET is what `stoa train --data` takes; images are normalised as there. The sheet shows the first images of the
 * test part, then those mistakes that the network was surest of; mistakes are framed. Exit status: 0 when at least the
 * share LEAST (default: 0) of all test images is right, 1 when not or when something failed, 2 for usage. */
#include <cairo.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoa/data.h>
#include <stoa/stoa.h>
#include <string.h>

#include "base/file_writer.h"
#include "base/memory.h"
#include "base/status.h"
#include "cli/blas_restart.h"

#define BATCH 100
#define COLUMNS 10
#define FIRST 40 /* images from the beginning of the test part */
#define WORST 20 /* mistakes */
#define CELL_WIDTH 112
#define CELL_HEIGHT 138
#define PICTURE 84 /* pixels that the longer side of an image gets */
#define MARGIN 24
#define HEADING 40
#define FONT "sans-serif"

/* One test image and what the network says of it. */
struct verdict {
    size_t index;
    int64_t label, taken_for;
    double probability; /* of taken_for */
};

struct job {
    const char *model_path;
    struct stoa_dataset *dataset;
    struct stoa_dataset_info info;
    struct stoa_loader *loader;
    struct stoa_model *model;
    struct stoa_session *session;
    const char *input, *output;
    struct verdict *verdicts; /* of all test images, in order */
    size_t count, right;
};

static enum stoa_status open_model(struct job *job, struct stoa_error *error)
{
    struct stoa_value_info info;
    STOA_TRY(stoa_model_load(job->model_path, NULL, error, &job->model));
    if (stoa_model_input_count(job->model) != 1 || stoa_model_output_count(job->model) != 1)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s has not one input and one output", job->model_path);
    STOA_TRY(stoa_model_output(job->model, 0, error, &info));
    job->output = info.name;
    STOA_TRY(stoa_model_input(job->model, 0, error, &info));
    job->input = info.name;
    struct stoa_input_spec spec = {
        .name = info.name, .rank = 4, .dims = {BATCH, job->info.channels, job->info.height, job->info.width}};
    return stoa_session_create(job->model, &(struct stoa_session_options){.inputs = &spec, .input_count = 1}, error,
                               &job->session);
}

static struct verdict judge(const float *scores, size_t classes)
{
    size_t best = 0;
    double sum = 0;
    for (size_t k = 1; k < classes; k++)
        if (scores[k] > scores[best])
            best = k;
    for (size_t k = 0; k < classes; k++)
        sum += exp((double)scores[k] - (double)scores[best]);
    return (struct verdict){.taken_for = (int64_t)best, .probability = 1 / sum};
}

static enum stoa_status classify(struct job *job, struct stoa_error *error)
{
    struct stoa_tensor scores;
    STOA_TRY(stoa_session_output(job->session, job->output, error, &scores));
    size_t classes = job->info.class_count;
    if (scores.dtype != STOA_FLOAT || scores.rank != 2 || scores.dims[1] != classes)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s: output '%s' is not a score for each of the %zu classes",
                         job->model_path, job->output, classes);
    while (job->count < job->info.counts[STOA_PART_TEST]) {
        struct stoa_batch batch;
        STOA_TRY(stoa_loader_next(job->loader, error, &batch));
        STOA_TRY(stoa_session_bind_input(job->session, job->input, batch.images, error));
        STOA_TRY(stoa_session_run(job->session, error));
        for (size_t i = 0; i < batch.count; i++) {
            struct verdict *verdict = &job->verdicts[job->count];
            *verdict = judge((const float *)scores.data + i * classes, classes);
            verdict->index = job->count++;
            verdict->label = batch.labels[i];
            job->right += verdict->label == verdict->taken_for;
        }
    }
    return STOA_OK;
}

/* An image as cairo has them. */
static cairo_surface_t *picture_of(const struct job *job, const uint8_t *pixels)
{
    size_t plane = job->info.height * job->info.width;
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)job->info.width, (int)job->info.height);
    unsigned char *rows = cairo_image_surface_get_data(surface);
    if (!rows)
        return surface;
    size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    for (size_t i = 0; i < plane; i++) {
        const uint8_t *green = job->info.channels == 3 ? pixels + plane : pixels;
        const uint8_t *blue = job->info.channels == 3 ? pixels + 2 * plane : pixels;
        uint32_t pixel = (uint32_t)pixels[i] << 16 | (uint32_t)green[i] << 8 | blue[i];
        memcpy(rows + i / job->info.width * stride + i % job->info.width * sizeof pixel, &pixel, sizeof pixel);
    }
    cairo_surface_mark_dirty(surface);
    return surface;
}

/* Text in the middle of `width` pixels from x on, made smaller where it needs more. */
static void draw_text(cairo_t *cairo, double x, double y, double width, double size, const char *text)
{
    cairo_text_extents_t extents;
    cairo_set_font_size(cairo, size);
    cairo_text_extents(cairo, text, &extents);
    if (extents.x_advance > width) {
        cairo_set_font_size(cairo, size * width / extents.x_advance);
        cairo_text_extents(cairo, text, &extents);
    }
    cairo_move_to(cairo, x + (width - extents.x_advance) / 2, y);
    cairo_show_text(cairo, text);
}

static enum stoa_status draw_cell(const struct job *job, const struct verdict *verdict, double x, double y,
                                  uint8_t *pixels, struct stoa_error *error, cairo_t *cairo)
{
    char text[128];
    bool right = verdict->label == verdict->taken_for;
    double scale = (double)PICTURE / fmax((double)job->info.height, (double)job->info.width);
    double left = x + (CELL_WIDTH - PICTURE) / 2.0;
    STOA_TRY(stoa_dataset_get(job->dataset, STOA_PART_TEST, verdict->index, error, pixels, NULL));
    cairo_surface_t *picture = picture_of(job, pixels);
    cairo_save(cairo);
    cairo_translate(cairo, left, y);
    cairo_scale(cairo, scale, scale);
    cairo_set_source_surface(cairo, picture, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
    cairo_rectangle(cairo, 0, 0, (double)job->info.width, (double)job->info.height);
    cairo_fill(cairo);
    cairo_restore(cairo);
    cairo_surface_destroy(picture);
    if (right) {
        cairo_set_source_rgb(cairo, 0.1, 0.1, 0.1);
    } else {
        cairo_set_source_rgb(cairo, 0.8, 0, 0);
        cairo_set_line_width(cairo, 3);
        cairo_rectangle(cairo, left - 1.5, y - 1.5, PICTURE + 3, PICTURE + 3);
        cairo_stroke(cairo);
    }
    snprintf(text, sizeof text, "%s %.0f %%", stoa_dataset_class_name(job->dataset, (size_t)verdict->taken_for),
             100 * verdict->probability);
    draw_text(cairo, x + 2, y + PICTURE + 17, CELL_WIDTH - 4, 12, text);
    cairo_set_source_rgb(cairo, 0.4, 0.4, 0.4);
    snprintf(text, sizeof text, "is %s", stoa_dataset_class_name(job->dataset, (size_t)verdict->label));
    draw_text(cairo, x + 2, y + PICTURE + 33, CELL_WIDTH - 4, 12, text);
    return STOA_OK;
}

static double rows_of(size_t count)
{
    return (double)((count + COLUMNS - 1) / COLUMNS);
}

static void draw_heading(cairo_t *cairo, double y, const char *text)
{
    cairo_set_source_rgb(cairo, 0, 0, 0);
    cairo_set_font_size(cairo, 17);
    cairo_move_to(cairo, MARGIN, y + HEADING - 16);
    cairo_show_text(cairo, text);
}

static enum stoa_status draw_cells(const struct job *job, const struct verdict *verdicts, size_t count, double top,
                                   uint8_t *pixels, struct stoa_error *error, cairo_t *cairo)
{
    for (size_t i = 0; i < count; i++)
        STOA_TRY(draw_cell(job, &verdicts[i], MARGIN + (double)(i % COLUMNS) * CELL_WIDTH,
                           top + (double)(i / COLUMNS) * CELL_HEIGHT, pixels, error, cairo));
    return STOA_OK;
}

static enum stoa_status draw(const struct job *job, const struct verdict *worst, size_t worst_count, uint8_t *pixels,
                             struct stoa_error *error, cairo_t *cairo)
{
    char text[256];
    size_t first = job->count < FIRST ? job->count : FIRST;
    double top = MARGIN / 2.0;
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_select_font_face(cairo, FONT, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    snprintf(text, sizeof text,
             "%zu of %zu test images right (%.2f %%). The first %zu: what each is taken for, and is:", job->right,
             job->count, 100 * (double)job->right / (double)job->count, first);
    draw_heading(cairo, top, text);
    STOA_TRY(draw_cells(job, job->verdicts, first, top + HEADING, pixels, error, cairo));
    top += HEADING + CELL_HEIGHT * rows_of(first);
    draw_heading(cairo, top, worst_count ? "The mistakes it is surest of:" : "It makes no mistake.");
    return draw_cells(job, worst, worst_count, top + HEADING, pixels, error, cairo);
}

/* Mistakes first, the surest before others. */
static int compare_mistakes(const void *a, const void *b)
{
    const struct verdict *left = a, *right = b;
    bool left_right = left->label == left->taken_for, right_right = right->label == right->taken_for;
    if (left_right != right_right)
        return left_right - right_right;
    if (left->probability != right->probability)
        return left->probability < right->probability ? 1 : -1;
    return left->index < right->index ? -1 : 1;
}

static cairo_status_t keep(void *closure, const unsigned char *bytes, unsigned int size)
{
    FILE *file = closure;
    return fwrite(bytes, 1, size, file) == size ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

/* The sheet as a PNG file, which appears whole or not at all. */
static enum stoa_status write_surface(cairo_surface_t *surface, const char *path, struct stoa_error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&bytes, &size);
    if (!memory)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for %s", path);
    cairo_status_t drawn = cairo_surface_write_to_png_stream(surface, keep, memory);
    bool closed = fclose(memory) == 0;
    enum stoa_status status =
        drawn == CAIRO_STATUS_SUCCESS && closed
            ? stoa_file_write(path, bytes, size, error)
            : stoa_fail(error, STOA_ERROR_MEMORY, "cannot draw %s: %s", path, cairo_status_to_string(drawn));
    free(bytes);
    return status;
}

static enum stoa_status write_sheet(const struct job *job, const char *path, struct stoa_error *error)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct verdict *mistakes = NULL;
    uint8_t *pixels = NULL;
    size_t count = job->count - job->right < WORST ? job->count - job->right : WORST;
    size_t first = job->count < FIRST ? job->count : FIRST;
    double height = 1.5 * MARGIN + 2 * HEADING + CELL_HEIGHT * (rows_of(first) + rows_of(count));
    enum stoa_status status = stoa_allocate_raw(&allocator, job->count, sizeof *mistakes, error, &mistakes);
    if (status == STOA_OK)
        status =
            stoa_allocate_raw(&allocator, job->info.channels * job->info.height * job->info.width, 1, error, &pixels);
    if (status == STOA_OK) {
        memcpy(mistakes, job->verdicts, job->count * sizeof *mistakes);
        qsort(mistakes, job->count, sizeof *mistakes, compare_mistakes);
        cairo_surface_t *surface =
            cairo_image_surface_create(CAIRO_FORMAT_RGB24, 2 * MARGIN + COLUMNS * CELL_WIDTH, (int)height);
        cairo_t *cairo = cairo_create(surface);
        status = draw(job, mistakes, count, pixels, error, cairo);
        cairo_destroy(cairo);
        if (status == STOA_OK)
            status = write_surface(surface, path, error);
        cairo_surface_destroy(surface);
    }
    stoa_release(&allocator, mistakes);
    stoa_release(&allocator, pixels);
    return status;
}

static enum stoa_status work(struct job *job, const char *spec, const char *path, double least,
                             struct stoa_error *error)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    STOA_TRY(stoa_dataset_open(spec, NULL, error, &job->dataset));
    stoa_dataset_describe(job->dataset, &job->info);
    STOA_TRY(stoa_loader_create(job->dataset, STOA_PART_TEST, &(struct stoa_loader_options){.batch = BATCH}, error,
                                &job->loader));
    STOA_TRY(
        stoa_allocate_raw(&allocator, job->info.counts[STOA_PART_TEST], sizeof *job->verdicts, error, &job->verdicts));
    STOA_TRY(open_model(job, error));
    STOA_TRY(classify(job, error));
    STOA_TRY(write_sheet(job, path, error));
    double share = (double)job->right / (double)job->count;
    printf("%s: %zu of %zu test images right (%.2f %%); some of them in %s\n", job->model_path, job->right, job->count,
           100 * share, path);
    if (share < least)
        return stoa_fail(error, STOA_ERROR_MISMATCH, "%s: at least %.2f %% must be right", job->model_path,
                         100 * least);
    return STOA_OK;
}

int main(int argc, char **argv)
{
    char *end = "";
    double least = argc == 5 ? strtod(argv[4], &end) : 0;
    stoa_cli_choose_blas(argv, NULL);
    if (argc < 4 || argc > 5 || *end || !(least >= 0 && least <= 1)) {
        fprintf(stderr, "usage: %s MODEL.onnx DATASET SHEET.png [LEAST]\n", argv[0]);
        return 2;
    }
    struct stoa_allocator allocator = stoa_allocator_default();
    struct job job = {.model_path = argv[1]};
    struct stoa_error error = {0};
    enum stoa_status status = work(&job, argv[2], argv[3], least, &error);
    stoa_session_free(job.session);
    stoa_model_free(job.model);
    stoa_loader_free(job.loader);
    stoa_release(&allocator, job.verdicts);
    stoa_dataset_free(job.dataset);
    if (status != STOA_OK)
        fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return status == STOA_OK ? 0 : 1;
}
