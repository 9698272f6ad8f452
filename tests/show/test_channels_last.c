/* Models that take pictures as [N,H,W,C]: what is shown of them is what is shown of their twins for [N,C,H,W]. */
#include <criterion/criterion.h>
#include <math.h>
#include <stoa/show.h>
#include <string.h>

#include "support/net.h"

enum { PIXELS = 3 * 9 * 7 };

/* The same model for pictures [1,3,9,7] and [1,9,7,3]. */
struct both {
    struct net nets[2];
    float pictures[2][PIXELS];
    const void *values[2][1];
    struct stoa_subject subjects[2];
};

static void both_make(struct both *both)
{
#define BEHIND                                                                                                         \
    "const w f32[4,3,3,3]\nc = Conv(p, w) pads=[1,1,1,1]\nt = Tanh(c)\ng = GlobalAveragePool(t)\ny = Flatten(g)\n"     \
    "output y\n"
    static const char *const texts[2] = {"input x f32[1,3,9,7]\np = Identity(x)\n" BEHIND,
                                         "input x f32[1,9,7,3]\np = Transpose(x) perm=[0,3,1,2]\n" BEHIND};
    for (size_t c = 0; c < 3; c++)
        for (size_t p = 0; p < PIXELS / 3; p++)
            both->pictures[0][c * (PIXELS / 3) + p] = both->pictures[1][p * 3 + c] = (float)((c * 7 + p * 5) % 11) - 5;
    for (size_t i = 0; i < 2; i++) {
        net_build(&both->nets[i], texts[i], NULL);
        both->values[i][0] = both->pictures[i];
        both->subjects[i] =
            (struct stoa_subject){.model = both->nets[i].model, .values = both->values[i], .threads = 1};
    }
}

static enum stoa_status saliency(const struct stoa_subject *subject, struct stoa_error *error, struct stoa_array *made)
{
    return stoa_show_saliency(subject, 1, error, made);
}

static enum stoa_status occlusion(const struct stoa_subject *subject, struct stoa_error *error, struct stoa_array *made)
{
    return stoa_show_occlusion(subject, 2, 3, 2, error, made);
}

static void expect_same(const char *name, const struct stoa_array made[2])
{
    size_t count = 1;
    cr_assert(made[0].tensor.rank == made[1].tensor.rank);
    for (size_t d = 0; d < made[0].tensor.rank; d++) {
        cr_assert(made[0].tensor.dims[d] == made[1].tensor.dims[d], "%s: %zu, %zu", name, made[0].tensor.dims[d],
                  made[1].tensor.dims[d]);
        count *= made[0].tensor.dims[d];
    }
    const float *first = made[0].tensor.data, *last = made[1].tensor.data;
    for (size_t i = 0; i < count; i++)
        cr_expect(fabsf(first[i] - last[i]) < 1e-5f, "%s: %zu: %g, %g", name, i, (double)first[i], (double)last[i]);
}

Test(channels_last, is_seen_alike)
{
    static const struct {
        const char *name;
        enum stoa_status (*ask)(const struct stoa_subject *, struct stoa_error *, struct stoa_array *);
    } asked[] = {{"saliency", saliency}, {"occlusion", occlusion}};
    static struct both both;
    both_make(&both);
    for (size_t a = 0; a < sizeof asked / sizeof *asked; a++) {
        struct stoa_array made[2];
        for (size_t i = 0; i < 2; i++) {
            struct stoa_error error = {0};
            cr_assert(asked[a].ask(&both.subjects[i], &error, &made[i]) == STOA_OK, "%s: %s", asked[a].name,
                      error.message);
        }
        expect_same(asked[a].name, made);
        stoa_array_free(&made[0]);
        stoa_array_free(&made[1]);
    }
    net_free(&both.nets[0]);
    net_free(&both.nets[1]);
}

/* What is made for channels last is a picture for the other model. */
Test(channels_last, pictures_are_made_for_it)
{
    static struct both both;
    struct stoa_error error = {0};
    struct stoa_array picture, scores;
    double score;
    both_make(&both);
    const struct stoa_maximize_options options = {.unit = 2, .steps = 9};
    cr_assert(stoa_show_maximize(&both.subjects[1], &options, &error, &picture, &score) == STOA_OK, "%s",
              error.message);
    cr_assert(memcmp(picture.tensor.dims, (size_t[4]){1, 3, 9, 7}, 4 * sizeof(size_t)) == 0);
    both.values[0][0] = picture.tensor.data;
    cr_assert(stoa_show_scores(&both.subjects[0], &error, &scores) == STOA_OK, "%s", error.message);
    cr_expect(fabs((double)((const float *)scores.tensor.data)[2] - score) < 1e-5, "%g", score);
    stoa_array_free(&scores);
    stoa_array_free(&picture);
    net_free(&both.nets[0]);
    net_free(&both.nets[1]);
}
