/* A demonstration: a scanned page through two trained networks. The detector's heat map is laid over the page; the
 * lines of text it shows are cut out and judged by the angle classifier, as they are and turned by 180 degrees. The
 * page is known to be upright, so we can tell whether the networks are right, and with them the engine.
 *
 *   stoa-bench-page DETECTOR.onnx CLASSIFIER.onnx PAGE.png OUTPUT_DIR
 *
 * Exit status: 0 when the judgements are right as LEAST_RIGHT demands, 1 when not or when something failed, 2 for
 * usage. */
#include <limits.h>
#include <stdio.h>
#include <stoa/stoa.h>
#include <string.h>

#include "base/file_writer.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/blas_restart.h"
#include "data/image.h"
#include "data/preprocess.h"
#include "text_lines.h"

/* Small pages are doubled until their long side has this many pixels: letters of the size the detector learned. */
#define LEAST_SIDE 736
/* What the verdict demands: of at least three lines, more than this share right, upright as well as turned. */
#define LEAST_LINES 3
#define LEAST_RIGHT 0.75
/* So many lines are enough to see it. */
#define MOST_LINES 6
/* The classifier sees 48 x 192 pixels, four times as wide as high: long lines are shown to it in pieces. */
#define PIECE_RATIO 4.0

struct network {
    struct stoa_model *model;
    struct stoa_session *session;
    const char *input, *output;
};

struct job {
    const char *detector, *classifier, *page_path, *directory;
    struct stoa_allocator allocator;
    struct image page; /* as the detector sees it: sides multiples of 32 */
    struct text_line lines[BENCH_MAX_LINES];
    size_t line_count, judged;
    size_t upright, turned; /* how many of those judged were judged so rightly */
};

/* Loads a network and plans it for one input of `dims`. Whatever happens, network_close follows. */
static enum stoa_status network_open(const char *path, const size_t dims[4], size_t threads, struct stoa_error *error,
                                     struct network *network)
{
    struct stoa_value_info info;
    *network = (struct network){0};
    STOA_TRY(stoa_model_load(path, NULL, error, &network->model));
    if (stoa_model_input_count(network->model) != 1 || stoa_model_output_count(network->model) != 1)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s has not one input and one output", path);
    STOA_TRY(stoa_model_output(network->model, 0, error, &info));
    network->output = info.name;
    STOA_TRY(stoa_model_input(network->model, 0, error, &info));
    network->input = info.name;
    struct stoa_input_spec spec = {.name = info.name, .rank = 4, .dims = {dims[0], dims[1], dims[2], dims[3]}};
    struct stoa_session_options options = {.threads = threads, .inputs = &spec, .input_count = 1};
    return stoa_session_create(network->model, &options, error, &network->session);
}

static void network_close(struct network *network)
{
    stoa_session_free(network->session);
    stoa_model_free(network->model);
}

/* Runs the network; the result lives until the next run. */
static enum stoa_status network_run(struct network *network, const struct stoa_tensor *x, struct stoa_error *error,
                                    struct stoa_tensor *y)
{
    STOA_TRY(stoa_session_bind_input(network->session, network->input, x->data, error));
    STOA_TRY(stoa_session_run(network->session, error));
    return stoa_session_output(network->session, network->output, error, y);
}

/* Writes DIRECTORY/NAME. */
static enum stoa_status write_image(const struct job *job, const char *name, const struct image *image,
                                    struct stoa_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", job->directory, name) >= (int)sizeof path)
        return stoa_fail(error, STOA_ERROR_IO, "the path %.64s... is too long", job->directory);
    return stoa_image_write(path, image, &job->allocator, error);
}

/* Reads the page and brings it to the detector's size, so that the map and the page have the same pixels. */
static enum stoa_status read_page(struct job *job, struct stoa_error *error)
{
    struct image scan;
    const struct preprocess *preset = stoa_preprocess_preset("ocr-det");
    size_t multiple = preset->size[0], largest = preset->size[1];
    STOA_TRY(stoa_image_read(job->page_path, &job->allocator, error, &scan));
    double side = (double)stoa_size_max(scan.width, scan.height), factor = 1;
    while (side * factor < LEAST_SIDE)
        factor *= 2;
    if (side * factor > (double)largest)
        factor = (double)largest / side;
    size_t height = (size_t)((double)scan.height * factor / (double)multiple + 0.5) * multiple;
    size_t width = (size_t)((double)scan.width * factor / (double)multiple + 0.5) * multiple;
    enum stoa_status status = stoa_image_resize(&scan, stoa_size_max(height, multiple), stoa_size_max(width, multiple),
                                                &job->allocator, error, &job->page);
    if (status == STOA_OK)
        printf("page %s: %zu x %zu pixels, shown to the detector as %zu x %zu\n", job->page_path, scan.width,
               scan.height, job->page.width, job->page.height);
    stoa_image_free(&job->allocator, &scan);
    return status;
}

/* The page in grey, the probability in red, the lines' rectangles in blue. */
static enum stoa_status write_heat_map(const struct job *job, const float *map, struct stoa_error *error)
{
    const struct image *page = &job->page;
    struct image picture;
    STOA_TRY(stoa_image_create(page->width, page->height, 3, &job->allocator, error, &picture));
    for (size_t i = 0; i < page->width * page->height; i++) {
        const uint8_t *pixel = page->pixels + i * page->channels;
        float grey = page->channels == 1 ? (float)pixel[0] : (float)(pixel[0] + pixel[1] + pixel[2]) / 3;
        float heat = 0.6F * (map[i] < 0 ? 0 : map[i] > 1 ? 1 : map[i]);
        picture.pixels[3 * i] = (uint8_t)(grey * (1 - heat) + 255 * heat);
        picture.pixels[3 * i + 1] = picture.pixels[3 * i + 2] = (uint8_t)(grey * (1 - heat));
    }
    for (size_t i = 0; i < job->line_count; i++)
        stoa_bench_draw_line(&job->lines[i], &picture);
    enum stoa_status status = write_image(job, "heat_map.png", &picture, error);
    stoa_image_free(&job->allocator, &picture);
    return status;
}

static enum stoa_status use_map(struct job *job, struct network *network, const struct stoa_tensor *x,
                                struct stoa_error *error)
{
    struct stoa_tensor map;
    STOA_TRY(network_run(network, x, error, &map));
    if (map.dtype != STOA_FLOAT || stoa_tensor_elements(&map) != job->page.width * job->page.height) {
        char dims[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s: output '%s' is %s%s, not one probability a pixel", job->detector,
                         network->output, stoa_dtype_name(map.dtype), stoa_dims_text(map.rank, map.dims, dims));
    }
    STOA_TRY(stoa_bench_find_lines(map.data, job->page.height, job->page.width, &job->allocator, error, job->lines,
                                   &job->line_count));
    return write_heat_map(job, map.data, error);
}

static enum stoa_status detect(struct job *job, struct stoa_error *error)
{
    struct stoa_tensor x;
    struct network network;
    STOA_TRY(stoa_preprocess(stoa_preprocess_preset("ocr-det"), &job->page, 3, &job->allocator, error, &x));
    enum stoa_status status = network_open(job->detector, x.dims, 0, error, &network);
    if (status == STOA_OK)
        status = use_map(job, &network, &x, error);
    network_close(&network);
    stoa_release(&job->allocator, x.data);
    return status;
}

/* The classifier's probability of "upright" for a part of a line. */
static enum stoa_status judge_piece(const struct job *job, struct network *classifier, const struct image *line,
                                    size_t left, size_t width, struct stoa_error *error, double *upright)
{
    struct image piece;
    struct stoa_tensor x, y;
    STOA_TRY(stoa_image_cut(line, 0, left, line->height, width, &job->allocator, error, &piece));
    enum stoa_status status = stoa_preprocess(stoa_preprocess_preset("ocr-cls"), &piece, 3, &job->allocator, error, &x);
    stoa_image_free(&job->allocator, &piece);
    STOA_TRY(status);
    status = network_run(classifier, &x, error, &y);
    stoa_release(&job->allocator, x.data);
    STOA_TRY(status);
    if (y.dtype != STOA_FLOAT || stoa_tensor_elements(&y) != 2)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s: output '%s' is not two probabilities", job->classifier,
                         classifier->output);
    *upright = (double)((const float *)y.data)[0];
    return STOA_OK;
}

/* The mean over the pieces of a line. */
static enum stoa_status judge(const struct job *job, struct network *classifier, const struct image *line,
                              struct stoa_error *error, double *upright)
{
    size_t pieces = (size_t)((double)line->width / (PIECE_RATIO * (double)line->height) + 0.5);
    if (pieces == 0)
        pieces = 1;
    *upright = 0;
    for (size_t i = 0; i < pieces; i++) {
        size_t left = line->width * i / pieces, right = line->width * (i + 1) / pieces;
        double one;
        STOA_TRY(judge_piece(job, classifier, line, left, right - left, error, &one));
        *upright += one / (double)pieces;
    }
    return STOA_OK;
}

static enum stoa_status judge_line(struct job *job, struct network *classifier, size_t index, struct image *cut,
                                   struct stoa_error *error)
{
    const struct text_line *line = &job->lines[index];
    char name[64];
    double as_is, turned;
    snprintf(name, sizeof name, "line_%zu.png", index);
    STOA_TRY(write_image(job, name, cut, error));
    STOA_TRY(judge(job, classifier, cut, error, &as_is));
    stoa_image_turn(cut);
    snprintf(name, sizeof name, "line_%zu_turned.png", index);
    STOA_TRY(write_image(job, name, cut, error));
    STOA_TRY(judge(job, classifier, cut, error, &turned));
    job->upright += as_is > 0.5;
    job->turned += turned < 0.5;
    printf("%4zu  %6.0f %6.0f  %6.0f %6.0f  %6.1f  %6.3f  %10.3f %-11s  %10.3f %s\n", index, line->x, line->y,
           line->width, line->height, line->angle * 57.29577951308232, line->score, as_is,
           as_is > 0.5 ? "upright" : "WRONG", 1 - turned, turned < 0.5 ? "upside down" : "WRONG");
    return STOA_OK;
}

static enum stoa_status judge_lines(struct job *job, struct stoa_error *error)
{
    static const size_t dims[4] = {1, 3, 48, 192};
    struct network classifier;
    /* One thread: layers this small cost more to share out than to compute. */
    enum stoa_status status = network_open(job->classifier, dims, 1, error, &classifier);
    if (status == STOA_OK)
        printf("%4s  %6s %6s  %6s %6s  %6s  %6s  %-22s  %s\n", "line", "x", "y", "width", "height", "angle", "score",
               "p(0) as it is", "p(180) turned by 180");
    job->judged = stoa_size_min(job->line_count, MOST_LINES);
    for (size_t i = 0; status == STOA_OK && i < job->judged; i++) {
        struct image cut;
        status = stoa_bench_cut_line(&job->page, &job->lines[i], &job->allocator, error, &cut);
        if (status == STOA_OK)
            status = judge_line(job, &classifier, i, &cut, error);
        stoa_image_free(&job->allocator, &cut);
    }
    network_close(&classifier);
    return status;
}

static enum stoa_status work(struct job *job, struct stoa_error *error)
{
    STOA_TRY(stoa_directory_make(job->directory, error));
    STOA_TRY(read_page(job, error));
    STOA_TRY(detect(job, error));
    STOA_TRY(judge_lines(job, error));
    printf(
        "%zu lines found; of %zu shown to the classifier %zu are judged upright, and turned %zu upside down; pictures "
        "in %s\n",
        job->line_count, job->judged, job->upright, job->turned, job->directory);
    double least = LEAST_RIGHT * (double)job->judged;
    if (job->judged < LEAST_LINES || (double)job->upright <= least || (double)job->turned <= least)
        return stoa_fail(
            error, STOA_ERROR_MISMATCH,
            "the networks misjudge the page: of at least %d lines more than %.0f%% must be right both ways",
            LEAST_LINES, 100 * LEAST_RIGHT);
    return STOA_OK;
}

int main(int argc, char **argv)
{
    stoa_cli_choose_blas(argv, NULL);
    if (argc != 5) {
        fprintf(stderr, "usage: %s DETECTOR.onnx CLASSIFIER.onnx PAGE.png OUTPUT_DIR\n", argv[0]);
        return 2;
    }
    struct job job = {.detector = argv[1],
                      .classifier = argv[2],
                      .page_path = argv[3],
                      .directory = argv[4],
                      .allocator = stoa_allocator_default()};
    struct stoa_error error = {0};
    enum stoa_status status = work(&job, &error);
    stoa_image_free(&job.allocator, &job.page);
    if (status != STOA_OK)
        fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return status == STOA_OK ? 0 : 1;
}
