/* Confusion matrices and mistakes: what an evaluation in batches gathers against runs of one image each. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/image.h"
#include "graph/model.h"
#include "show/confusion.h"
#include "show/mistakes.h"
#include "show/page.h"
#include "support/net.h"
#include "train/evaluate.h"

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

static void gather(void *user, size_t position, size_t batch, size_t classes, const float *scores,
                   const int64_t *labels)
{
    stoa_mistakes_add(user, position * batch, batch, classes, scores, labels);
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

static void check(const struct set *set, struct stoa_session *session, const struct mistakes *mistakes,
                  const size_t *confusion)
{
    size_t counted[CLASSES][CLASSES] = {{0}}, wrong = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        double probabilities[CLASSES];
        size_t best = run_alone(session, set->x[i], probabilities), label = (size_t)set->labels[i], listed = 0;
        counted[label][best]++;
        wrong += best != label;
        for (size_t m = 0; m < mistakes->count; m++) {
            const struct mistake *mistake = &mistakes->items[m];
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
    cr_expect(mistakes->made == wrong && wrong > mistakes->most, "%zu mistakes, %zu counted", mistakes->made, wrong);
    for (size_t m = 1; m < mistakes->count; m++)
        cr_expect(mistakes->items[m].probability <= mistakes->items[m - 1].probability, "%zu", m);
}

Test(confusion, is_what_single_runs_say)
{
    static struct set set;
    struct net net;
    struct stoa_error error = {0};
    struct stoa_trainer *trainer;
    struct stoa_session *session;
    struct mistake items[5];
    struct mistakes mistakes = {.items = items, .most = 5};
    size_t confusion[CLASSES * CLASSES];
    struct stoa_evaluation evaluation;
    fill(&set);
    net_build(&net,
              "input x f32[?,1,6,6]\nconst w f32[3,1,3,3]\nconst f f32[4,48]\na = Conv(x, w)\nb = Relu(a)\n"
              "c = Flatten(b)\ny = Gemm(c, f) transB=1\noutput y\n",
              NULL);
    struct stoa_batches batches = {.batch = BATCH, .count = BATCHES, .get = get, .user = &set};
    struct evaluation_watch watch = {.batch = gather, .user = &mistakes};
    cr_assert(stoa_trainer_create(net.model, &(struct stoa_trainer_options){.batch = BATCH, .threads = 1}, &error,
                                  &trainer) == STOA_OK,
              "%s", error.message);
    cr_assert(stoa_evaluate_watched(trainer, &batches, 0, &watch, &error, &evaluation, confusion) == STOA_OK, "%s",
              error.message);
    cr_expect(evaluation.examples == IMAGES);
    cr_assert(stoa_session_create(net.model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    cr_assert(mistakes.count == 5);
    check(&set, session, &mistakes, confusion);
    stoa_session_free(session);
    stoa_trainer_free(trainer);
    net_free(&net);
}

Test(confusion, cells_have_the_colour_of_their_share)
{
    static const size_t counts[2 * 3] = {3, 1, 0, 0, 0, 8};
    static const double shares[2 * 3] = {0.75, 0.25, 0, 0, 0, 1};
    static const char *const names[] = {"cat", "dog"};
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct picture picture;
    struct page page;
    struct image image;
    char path[] = "/tmp/stoa-confusion-XXXXXX.png";
    close(mkstemps(path, 4));
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
