/* Null where something must be: told, in every function of the header. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "show/toy.h"

static struct toy toy;
static struct stoa_subject counts; /* inputs, and has none */
static struct stoa_session *session;
static struct stoa_deconv *deconv;
static struct stoa_array array;
static struct stoa_steps *steps;
static struct stoa_deconv_sheet *sheet;
static float pixels[TOY_PIXELS];
static double score;
static const float *maps;

static enum stoa_status get_batch(void *user, size_t epoch, size_t position, struct stoa_error *error,
                                  struct stoa_examples *examples)
{
    (void)user;
    (void)epoch;
    (void)position;
    (void)error;
    *examples = (struct stoa_examples){0};
    return STOA_OK;
}

static enum stoa_status get_picture(void *user, size_t index, struct stoa_error *error, const float **picture)
{
    (void)user;
    (void)index;
    (void)error;
    *picture = toy.picture;
    return STOA_OK;
}

static const struct stoa_batches set = {.batch = 1, .count = 1, .get = get_batch};
static const struct stoa_deconv_pictures pictures = {.count = 1, .get = get_picture};

#define REFUSED(words, call)                                                                                           \
    do {                                                                                                               \
        struct stoa_error error = {0};                                                                                 \
        enum stoa_status status = call;                                                                                \
        cr_expect(status == STOA_ERROR_ARGUMENT && strcmp(error.message, words) == 0, "%s: %s", #call, error.message); \
    } while (0)

Test(null, is_refused_everywhere)
{
    toy_make(&toy);
    counts = toy.subject;
    counts.inputs = NULL;
    counts.input_count = 1;
    const struct stoa_session_options options = {.threads = 1, .inputs = &toy.spec, .input_count = 1};
    const struct stoa_deconv_options of_c1 = {.layer = "c1", .height = TOY_HEIGHT, .width = TOY_WIDTH, .threads = 1};
    cr_assert(stoa_session_create(toy.net.model, &options, NULL, &session) == STOA_OK);
    cr_assert(stoa_deconv_create(toy.net.model, &of_c1, NULL, &deconv) == STOA_OK);
    REFUSED("filters is null", stoa_show_filters(toy.net.model, NULL, &error, NULL));
    REFUSED("maps is null", stoa_show_activations(&toy.subject, NULL, &error, NULL));
    REFUSED("scores is null", stoa_show_scores(&toy.subject, &error, NULL));
    REFUSED("gradient is null", stoa_show_saliency(&toy.subject, 0, &error, NULL));
    REFUSED("weights is null", stoa_show_gradcam(&toy.subject, NULL, 0, &error, NULL, &array));
    REFUSED("map is null", stoa_show_gradcam(&toy.subject, NULL, 0, &error, &array, NULL));
    REFUSED("map is null", stoa_show_occlusion(&toy.subject, 0, 0, 0, &error, NULL));
    REFUSED("confusion is null", stoa_show_confusion(&toy.subject, &set, &error, NULL));
    REFUSED("mistakes is null", stoa_show_errors(&toy.subject, &set, 1, &error, NULL));
    REFUSED("picture is null", stoa_show_maximize(&toy.subject, NULL, &error, NULL, &score));
    REFUSED("score is null", stoa_show_maximize(&toy.subject, NULL, &error, &array, NULL));
    REFUSED("dot is null", stoa_show_graph(session, NULL, &error, NULL));
    REFUSED("curves is null", stoa_show_curves("log", NULL, &error, NULL));
    REFUSED("steps is null", stoa_show_steps(&toy.subject, NULL, NULL, 0, &error, NULL));
    REFUSED("subject.inputs is null, input_count is 1", stoa_show_activations(&counts, NULL, &error, &array));
    REFUSED("subject.inputs is null, input_count is 1", stoa_show_scores(&counts, &error, &array));
    REFUSED("subject.inputs is null, input_count is 1", stoa_show_saliency(&counts, 0, &error, &array));
    REFUSED("subject.inputs is null, input_count is 1", stoa_show_gradcam(&counts, NULL, 0, &error, &array, &array));
    REFUSED("subject.inputs is null, input_count is 1", stoa_show_maximize(&counts, NULL, &error, &array, &score));
    REFUSED("subject.inputs is null, input_count is 1", stoa_show_steps(&counts, NULL, NULL, 0, &error, &steps));
    REFUSED("deconv is null", stoa_deconv_create(toy.net.model, NULL, &error, NULL));
    REFUSED("deconv is null", stoa_deconv_run(NULL, toy.picture, &error, &maps));
    REFUSED("picture is null", stoa_deconv_run(deconv, NULL, &error, &maps));
    REFUSED("maps is null", stoa_deconv_run(deconv, toy.picture, &error, NULL));
    REFUSED("deconv is null", stoa_deconv_project(NULL, toy.picture, 0, 0, 0, &error, pixels));
    REFUSED("picture is null", stoa_deconv_project(deconv, NULL, 0, 0, 0, &error, pixels));
    REFUSED("pixels is null", stoa_deconv_project(deconv, toy.picture, 0, 0, 0, &error, NULL));
    REFUSED("deconv, pictures or pictures->get is null", stoa_deconv_strongest(NULL, &pictures, 1, 1, &error, &sheet));
    REFUSED("sheet is null", stoa_deconv_strongest(deconv, &pictures, 1, 1, &error, NULL));
    stoa_deconv_free(deconv);
    stoa_session_free(session);
    toy_free(&toy);
}
