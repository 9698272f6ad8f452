/* Gradient ascent: it climbs, stays within its range, and is the same for the same seed. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "show/toy.h"

static double climb(struct toy *toy, struct stoa_maximize_options options, struct stoa_array *picture)
{
    struct stoa_error error = {0};
    double score;
    cr_assert(stoa_show_maximize(&toy->subject, &options, &error, picture, &score) == STOA_OK, "%s", error.message);
    cr_assert(memcmp(picture->tensor.dims, toy->spec.dims, 4 * sizeof(size_t)) == 0);
    return score;
}

Test(maximize, climbs)
{
    static const struct {
        const char *name;
        struct stoa_maximize_options options;
    } rows[] = {
        {"a class", {.unit = 2, .steps = 40}},
        {"a channel", {.layer = "c2", .unit = 3, .steps = 40}},
        {"another range", {.unit = 1, .steps = 40, .middle = 2, .spread = 0.5, .blur = -1, .decay = -1}},
    };
    struct toy toy;
    toy_make(&toy);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_array first, last;
        struct stoa_maximize_options one = rows[i].options;
        one.steps = 1;
        double before = climb(&toy, one, &first), after = climb(&toy, rows[i].options, &last);
        double spread = one.spread > 0 ? one.spread : 1;
        cr_expect(after > before + 0.1, "%s: %g, then %g", rows[i].name, before, after);
        for (size_t p = 0; p < TOY_PIXELS; p++)
            cr_expect(fabs((double)((const float *)last.tensor.data)[p] - one.middle) < 2 * spread + 1e-5, "%s",
                      rows[i].name);
        stoa_array_free(&first);
        stoa_array_free(&last);
    }
    toy_free(&toy);
}

Test(maximize, is_the_same_for_the_same_seed)
{
    struct toy toy;
    struct stoa_array pictures[3];
    double scores[3];
    toy_make(&toy);
    for (size_t i = 0; i < 3; i++)
        scores[i] = climb(&toy, (struct stoa_maximize_options){.unit = 1, .steps = 10, .seed = i / 2}, &pictures[i]);
    cr_expect(memcmp(pictures[0].tensor.data, pictures[1].tensor.data, TOY_PIXELS * sizeof(float)) == 0);
    cr_expect(memcmp(pictures[0].tensor.data, pictures[2].tensor.data, TOY_PIXELS * sizeof(float)) != 0);
    for (size_t i = 0; i < 3; i++) {
        toy.values[0] = pictures[i].tensor.data;
        cr_expect(fabs(scores[i] - toy_score(&toy, 1)) < 1e-5, "%g is not what the model says of the picture",
                  scores[i]);
    }
    for (size_t i = 0; i < 3; i++)
        stoa_array_free(&pictures[i]);
    toy_free(&toy);
}

static const struct {
    const char *message;
    struct stoa_maximize_options options;
} refused[] = {
    {"rate is nan, must be a number, at least 0", {.rate = NAN}},
    {"rate is -1, must be a number, at least 0", {.rate = -1}},
    {"decay is inf, must be a number", {.decay = INFINITY}},
    {"blur is 1e+09, the picture has 9 rows and 7 columns", {.blur = 1e9}},
    {"middle is -inf, must be a number", {.middle = -INFINITY}},
    {"spread is -2, must be a number, at least 0", {.spread = -2}},
};

Test(maximize, refuses_numbers_that_are_none)
{
    struct toy toy;
    toy_make(&toy);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct stoa_error error = {0};
        struct stoa_array picture;
        double score;
        cr_expect(stoa_show_maximize(&toy.subject, &refused[i].options, &error, &picture, &score) ==
                      STOA_ERROR_ARGUMENT &&
                  !picture.tensor.data);
        cr_expect(strcmp(error.message, refused[i].message) == 0, "%s", error.message);
    }
    toy_free(&toy);
}
