/* Logs of training: points against what is written, and what is refused. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoa/show.h>
#include <string.h>

#include "support/files.h"

#define SETTINGS "{\"settings\": {\"model\": \"lenet5\", \"epochs\": 3}}\n"
#define EPOCH(n, loss) "{\"epoch\": " #n ", \"loss\": " #loss ", \"train_accuracy\": 0.5, \"test_loss\": null}\n"

TestSuite(curves, .fini = files_remove);

static const struct {
    const char *name, *text;
    const char *message; /* null: it is read */
    size_t count;
    double last; /* loss of the last point */
} logs[] = {
    {"two epochs", SETTINGS EPOCH(1, 2.5) EPOCH(2, 1.25), NULL, 2, 1.25},
    {"a torn last line", SETTINGS EPOCH(1, 2.5) "{\"epoch\": 2, \"lo", NULL, 1, 2.5},
    {"no line end behind the last", SETTINGS EPOCH(1, 2.5) "{\"epoch\": 2, \"loss\": 1}", NULL, 2, 1},
    {"resumed: what was said last counts", SETTINGS EPOCH(1, 2.5) EPOCH(2, 2) EPOCH(3, 9) SETTINGS EPOCH(2, 1), NULL, 3,
     9},
    {"a number that was none", SETTINGS "{\"epoch\": 1, \"loss\": null}\n", NULL, 1, NAN},
    {"empty", "", "no epoch", 0, 0},
    {"settings alone", SETTINGS, "no epoch", 0, 0},
    {"another JSON", "{\"a\": 1}\n", "no log of training", 0, 0},
    {"an array", "[1, 2]\n", "no log of training", 0, 0},
    {"no JSON", "epoch,loss\n1,2\n", "no log of training", 0, 0},
    {"torn before anything", "{\"settings\": {", "no log of training", 0, 0},
    {"torn in the middle", SETTINGS "{\"epoch\": 1, \"lo\n" EPOCH(2, 1), "line 2", 0, 0},
    {"an epoch of no number", SETTINGS "{\"epoch\": \"x\"}\n", "line 2", 0, 0},
    {"half an epoch", SETTINGS "{\"epoch\": 1.5, \"loss\": 1}\n", "line 2", 0, 0},
    {"epoch 0", SETTINGS "{\"epoch\": 0, \"loss\": 1}\n", "line 2", 0, 0},
    {"a loss of words", SETTINGS EPOCH(1, 1) "{\"epoch\": 2, \"loss\": \"low\"}\n", "line 3", 0, 0},
};

static double at(const struct stoa_array *curves, enum stoa_curve curve, size_t epoch)
{
    return ((const double *)curves->tensor.data)[(size_t)curve * curves->tensor.dims[1] + epoch];
}

Test(curves, points_are_those_of_the_log)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/log.jsonl", files_folder());
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        struct stoa_error error = {0};
        struct stoa_array curves;
        files_write("log.jsonl", logs[i].text, strlen(logs[i].text));
        enum stoa_status status = stoa_show_curves(path, NULL, &error, &curves);
        if (logs[i].message) {
            cr_expect(status == STOA_ERROR_DATA && strstr(error.message, logs[i].message) &&
                          strstr(error.message, path),
                      "%s: %s", logs[i].name, error.message);
            cr_expect(!curves.tensor.data, "%s", logs[i].name);
            continue;
        }
        cr_assert(status == STOA_OK, "%s: %s", logs[i].name, error.message);
        const size_t *dims = curves.tensor.dims;
        cr_assert(curves.tensor.dtype == STOA_DOUBLE && curves.tensor.rank == 2 && dims[0] == STOA_CURVE_COUNT);
        cr_assert(dims[1] == logs[i].count, "%s: %zu points", logs[i].name, dims[1]);
        double last = at(&curves, STOA_CURVE_LOSS, dims[1] - 1);
        cr_expect(last == logs[i].last || (isnan(last) && isnan(logs[i].last)), "%s: %g", logs[i].name, last);
        for (size_t k = 0; k < dims[1]; k++)
            cr_expect(at(&curves, STOA_CURVE_EPOCH, k) == (double)(k + 1) &&
                          isnan(at(&curves, STOA_CURVE_TEST_LOSS, k)),
                      "%s: point %zu", logs[i].name, k);
        stoa_array_free(&curves);
    }
}

Test(curves, epochs_told_again_are_replaced)
{
    struct stoa_array curves;
    char path[4096];
    const char *text = SETTINGS EPOCH(1, 2.5) EPOCH(2, 2) EPOCH(3, 9) SETTINGS EPOCH(2, 1);
    snprintf(path, sizeof path, "%s/log.jsonl", files_folder());
    files_write("log.jsonl", text, strlen(text));
    cr_assert(stoa_show_curves(path, NULL, NULL, &curves) == STOA_OK);
    cr_expect(at(&curves, STOA_CURVE_LOSS, 1) == 1 && at(&curves, STOA_CURVE_TRAIN_ACCURACY, 1) == 0.5);
    stoa_array_free(&curves);
}

static size_t calls, fail_at;

static void *allocate(size_t size)
{
    return ++calls == fail_at ? NULL : malloc(size);
}

/* Whatever cJSON was not given memory for, no epoch is left out. */
Test(curves, a_lack_of_memory_is_no_torn_line)
{
    struct stoa_array curves;
    char path[4096];
    const char *text =
        SETTINGS EPOCH(1, 2.5) "{\"epoch\": 2, \"loss\": 1, \"note\": [true, \"\\u00e9\\n\", {}, -1.5e+3]}";
    snprintf(path, sizeof path, "%s/log.jsonl", files_folder());
    files_write("log.jsonl", text, strlen(text));
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = free});
    enum stoa_status status = STOA_ERROR_MEMORY;
    for (fail_at = 1; status != STOA_OK; fail_at++) {
        struct stoa_error error = {0};
        calls = 0;
        status = stoa_show_curves(path, NULL, &error, &curves);
        cr_expect(status == STOA_OK || error.message[0], "%zu: %s", fail_at, stoa_status_name(status));
    }
    cr_assert(status == STOA_OK && fail_at > 10 && curves.tensor.dims[1] == 2, "%zu", fail_at);
    stoa_array_free(&curves);
    cJSON_InitHooks(NULL);
}
