/* Confusion matrices and mistakes: what an evaluation in batches gathers against runs of one image each. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <stoa/show.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "graph/model.h"
#include "show/confusion.h"
#include "show/page.h"
#include "support/net.h"
#include "support/temporary.h"

enum { IMAGES = 22, BATCH = 4, BATCHES = 6, PIXELS = 36, CLASSES = 4 };

struct set {
    float x[BATCH * BATCHES][PIXELS];
    int64_t labels[BATCH * BATCHES]; /* -1 behind the images */
};

static void fill(struct set *set)
{
    for (size_t i = 0; i < BATCH * BATCHES; i++) {
        for (size_t k = 0; k < PIXELS; k++)
            set->x[i][k] = i < IMAGES ? (float)((i * 53 + k * 29 + i * k) % 97) / 24 - 2 : 0;
        set->labels[i] = i < IMAGES ? (int64_t)(i * 7 % CLASSES) : -1;
    }
}

static enum stoa_status get(void *user, size_t epoch, size_t position, struct stoa_error *error,
                            struct stoa_examples *examples)
{
    const struct set *set = user;
    (void)epoch;
    (void)error;
    size_t left = IMAGES - position * BATCH;
    *examples = (struct stoa_examples){
        .x = set->x[position * BATCH], .labels = set->labels + position * BATCH, .count = left < BATCH ? left : BATCH};
    return STOA_OK;
}

/* probabilities[CLASSES] <- of one image, by a session of its own. */
static size_t run_alone(struct stoa_session *session, const float *x, double *probabilities)
{
    struct stoa_tensor y;
    size_t best = 0;
    double sum = 0;
    cr_assert(stoa_session_bind_input_at(session, 0, x, NULL) == STOA_OK);
    cr_assert(stoa_session_run(session, NULL) == STOA_OK);
    cr_assert(stoa_session_output_at(session, 0, NULL, &y) == STOA_OK);
    const float *scores = y.data;
    for (size_t k = 0; k < CLASSES; k++) {
        probabilities[k] = exp((double)scores[k]);
        sum += probabilities[k];
        best = scores[k] > scores[best] ? k : best;
    }
    for (size_t k = 0; k < CLASSES; k++)
        probabilities[k] /= sum;
    return best;
}

static void check(const struct set *set, struct stoa_session *session, const struct stoa_mistakes *mistakes,
                  const int64_t *confusion)
{
    int64_t counted[CLASSES][CLASSES] = {{0}};
    size_t wrong = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        double probabilities[CLASSES];
        size_t best = run_alone(session, set->x[i], probabilities), label = (size_t)set->labels[i], listed = 0;
        counted[label][best]++;
        wrong += best != label;
        for (size_t m = 0; m < mistakes->count; m++) {
            const struct stoa_mistake *mistake = &mistakes->items[m];
            if (mistake->index != i)
                continue;
            listed++;
            cr_expect(best != label && mistake->taken == best && mistake->label == label, "image %zu", i);
            cr_expect(fabs(mistake->probability - probabilities[best]) < 1e-5 &&
                          fabs(mistake->of_label - probabilities[label]) < 1e-5,
                      "image %zu: %g, %g", i, mistake->probability, mistake->of_label);
        }
        bool sure = best != label && probabilities[best] > mistakes->items[mistakes->count - 1].probability + 1e-5;
        cr_expect(listed <= 1 && (listed || !sure), "image %zu is listed %zu times", i, listed);
    }
    cr_expect(memcmp(counted, confusion, sizeof counted) == 0, "the matrix is not what single runs say");
    cr_expect(mistakes->made == wrong && wrong > mistakes->count && mistakes->examples == IMAGES,
              "%zu mistakes, %zu counted", mistakes->made, wrong);
    for (size_t m = 1; m < mistakes->count; m++)
        cr_expect(mistakes->items[m].probability <= mistakes->items[m - 1].probability, "%zu", m);
}

struct judged {
    struct net net;
    struct set set;
    struct stoa_batches batches;
    struct stoa_input_spec spec;
    struct stoa_subject subject;
};

static void judge(struct judged *judged, const char *text)
{
    *judged = (struct judged){.spec = {.name = "x", .rank = 4, .dims = {BATCH, 1, 6, 6}}};
    fill(&judged->set);
    net_build(&judged->net, text, NULL);
    judged->batches = (struct stoa_batches){.batch = BATCH, .count = BATCHES, .get = get, .user = &judged->set};
    judged->subject =
        (struct stoa_subject){.model = judged->net.model, .inputs = &judged->spec, .input_count = 1, .threads = 1};
}

static const struct {
    const char *name, *text;
} classifiers[] = {
    {"scores",
     "input x f32[?,1,6,6]\nconst w f32[3,1,3,3]\nconst f f32[4,48]\na = Conv(x, w)\nb = Relu(a)\nc = Flatten(b)\n"
     "y = Gemm(c, f) transB=1\noutput y\n"},
    {"no gradient passes",
     "input x f32[?,1,6,6]\nconst w f32[3,1,3,3]\nconst f f32[4,48]\nconst s f32{0.05}\nconst z u8{0}\na = Conv(x, w)\n"
     "q = QuantizeLinear(a, s, z)\nb = DequantizeLinear(q, s, z)\nc = Flatten(b)\ny = Gemm(c, f) transB=1\noutput y\n"},
};

Test(confusion, is_what_single_runs_say)
{
    static struct judged judged;
    for (size_t i = 0; i < sizeof classifiers / sizeof *classifiers; i++) {
        struct stoa_error error = {0};
        struct stoa_session *session;
        struct stoa_array confusion;
        struct stoa_mistakes *mistakes;
        judge(&judged, classifiers[i].text);
        cr_assert(stoa_show_confusion(&judged.subject, &judged.batches, &error, &confusion) == STOA_OK, "%s: %s",
                  classifiers[i].name, error.message);
        cr_assert(stoa_show_errors(&judged.subject, &judged.batches, 5, &error, &mistakes) == STOA_OK, "%s: %s",
                  classifiers[i].name, error.message);
        cr_assert(confusion.tensor.dtype == STOA_INT64 && confusion.tensor.dims[0] == CLASSES);
        cr_assert(stoa_session_create(judged.net.model, NULL, &error, &session) == STOA_OK, "%s", error.message);
        cr_assert(mistakes->count == 5);
        check(&judged.set, session, mistakes, confusion.tensor.data);
        stoa_session_free(session);
        stoa_mistakes_free(mistakes);
        stoa_array_free(&confusion);
        net_free(&judged.net);
    }
}

Test(confusion, of_fewer_mistakes_than_asked_for_all_are_there)
{
    static struct judged judged;
    struct stoa_error error = {0};
    struct stoa_mistakes *mistakes;
    judge(&judged, classifiers[0].text);
    for (size_t i = 0; i < 2; i++) {
        size_t most = i ? SIZE_MAX : 100;
        cr_assert(stoa_show_errors(&judged.subject, &judged.batches, most, &error, &mistakes) == STOA_OK, "%s",
                  error.message);
        cr_expect(mistakes->count == mistakes->made && mistakes->count < IMAGES, "%zu", mistakes->count);
        stoa_mistakes_free(mistakes);
    }
    stoa_mistakes_free(NULL);
    net_free(&judged.net);
}

static const struct {
    const char *name, *text;
    size_t batch;  /* the set's */
    int64_t label; /* of one picture; 0: what it was */
    enum stoa_status status;
    const char *message;
} refused[] = {
    {"another batch", "input x f32[?,1,6,6]\nconst f f32[4,36]\nc = Flatten(x)\ny = Gemm(c, f) transB=1\noutput y\n", 3,
     0, STOA_ERROR_SHAPE, "the input of pictures is [4,1,6,6]: 3 at a time"},
    {"no classes", "input x f32[?,1,6,6]\ny = Relu(x)\noutput y\n", BATCH, 0, STOA_ERROR_SHAPE,
     "its first output is [4,1,6,6], must be float [4,classes]"},
    {"a class beyond", "input x f32[?,1,6,6]\nconst f f32[4,36]\nc = Flatten(x)\ny = Gemm(c, f) transB=1\noutput y\n",
     BATCH, CLASSES, STOA_ERROR_DATA, "batch 0: labels[2] is 4, there are 4 classes"},
    {"no batches", "input x f32[?,1,6,6]\ny = Relu(x)\noutput y\n", 0, 0, STOA_ERROR_ARGUMENT, "batches of 0"},
};

Test(confusion, refuses_what_is_no_classifier_of_the_set)
{
    static struct judged judged;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct stoa_error errors[2] = {{0}};
        struct stoa_array confusion;
        struct stoa_mistakes *mistakes;
        judge(&judged, refused[i].text);
        judged.batches.batch = refused[i].batch;
        if (refused[i].label)
            judged.set.labels[2] = refused[i].label;
        cr_expect(stoa_show_confusion(&judged.subject, &judged.batches, &errors[0], &confusion) == refused[i].status &&
                      !confusion.tensor.data,
                  "%s", refused[i].name);
        cr_expect(stoa_show_errors(&judged.subject, &judged.batches, 5, &errors[1], &mistakes) == refused[i].status &&
                      !mistakes,
                  "%s", refused[i].name);
        for (size_t k = 0; k < 2; k++)
            cr_expect(strstr(errors[k].message, refused[i].message), "%s: %s", refused[i].name, errors[k].message);
        net_free(&judged.net);
    }
}

Test(confusion, cells_have_the_colour_of_their_share)
{
    static const int64_t counts[2 * 3] = {3, 1, 0, 0, 0, 8};
    static const double shares[2 * 3] = {0.75, 0.25, 0, 0, 0, 1};
    static const char *const names[] = {"cat", "dog"};
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct picture picture;
    struct page page;
    struct image image;
    char path[TEMPORARY_PATH];
    temporary_file(".png", path);
    struct confusion confusion = {.counts = counts, .classes = 2, .scores = 3, .names = names, .title = "t"};
    cr_assert(stoa_confusion_draw(&confusion, &error, &picture) == STOA_OK, "%s", error.message);
    stoa_page_begin("t", &allocator, &page);
    cr_assert(stoa_page_picture(&page, &picture, NULL, 1, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_page_write(&page, path, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_image_read(path, &allocator, &error, &image) == STOA_OK, "%s", error.message);
    unlink(path);
    size_t found[6] = {0};
    for (size_t p = 0; p < image.width * image.height; p++)
        for (size_t i = 0; i < 6; i++) {
            uint8_t rgb[3];
            stoa_colour_at(COLOUR_VIRIDIS, shares[i], rgb);
            found[i] += memcmp(&image.pixels[p * 3], rgb, 3) == 0;
        }
    /* A cell is 41 x 41 points, less its number. */
    cr_expect(found[0] > 1200 && found[0] < 1800 && found[1] > 1200 && found[1] < 1800, "%zu, %zu", found[0], found[1]);
    cr_expect(found[5] > 1200 && found[5] < 1800 && found[2] > 3 * 1200, "%zu, %zu", found[5], found[2]);
    stoa_image_free(&allocator, &image);
    stoa_page_free(&page);
}
