/* Training: Stoa and PyTorch, each in processes of their own (engine.h), taking turns (runner.h). Before that each
 * learns from as many images, and is judged by what it then knows. */
#include "train.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "base/status.h"
#include "datafile.h"
#include "runner.h"
#include "settle.h"
#include "suite.h"

#define TURN_SECONDS 100e-3
/* A single step can cost several points, which the next ones bring back: the best of so many examinations counts, so
 * many steps apart, the last when all images were seen. */
#define EXAMINATIONS 3
#define BETWEEN 10
#define MAX_CONTENDERS (2 * BENCH_MAX_LIST)
#define DATA "/usr/share/datasets/fashion-mnist" /* of Debian's dataset-fashion-mnist */
#define PYTHON "/usr/bin/python3"                /* Debian's, which finds Debian's python3-torch */

/* Who takes part in one case. */
struct field {
    const struct bench *bench;
    struct bench_case *c;
    size_t images, count; /* count: of runners, entries and what they learned */
    struct runner runners[MAX_CONTENDERS];
    struct learnt learnt[MAX_CONTENDERS];
};

void stoa_bench_judge_learnt(const struct learnt *learnt, double floor, struct bench_case *c)
{
    size_t first = BENCH_NONE;
    for (size_t i = 0; i < c->entry_count; i++) {
        struct entry *entry = &c->entries[i];
        if (!entry->ours || entry->state != ENTRY_TIMED)
            continue;
        double least = floor;
        for (size_t j = 0; j < c->entry_count; j++) {
            const struct entry *peer = &c->entries[j];
            if (!peer->ours && peer->state == ENTRY_TIMED && peer->threads == entry->threads &&
                learnt[j].accuracy - BENCH_TRAIN_LEEWAY > least)
                least = learnt[j].accuracy - BENCH_TRAIN_LEEWAY;
        }
        if (first == BENCH_NONE)
            first = i;
        if (!(learnt[i].accuracy >= least)) {
            entry->state = ENTRY_WRONG;
            snprintf(entry->message, sizeof entry->message, "%.2f %% of the test images are right, not at least %.2f",
                     100 * learnt[i].accuracy, 100 * least);
        } else if (strcmp(learnt[i].weights, learnt[first].weights) != 0) {
            entry->state = ENTRY_WRONG;
            snprintf(entry->message, sizeof entry->message, "its weights are not the same bits as with %zu threads",
                     c->entries[first].threads);
        }
    }
}

static enum stoa_status start(const struct field *field, size_t threads, bool peer, struct stoa_error *error,
                              struct runner *runner)
{
    const struct bench *bench = field->bench;
    struct entry *entry = &field->c->entries[runner->entry];
    char program[PATH_MAX], answer[ENGINE_LINE], blas[64];
    const char *const ours[] = {program, "serve-training", NULL};
    /* Its matrix products are of an OpenBLAS with threads of its own. */
    const char *const theirs[] = {"env", blas, PYTHON, program, NULL};
    snprintf(blas, sizeof blas, "OPENBLAS_NUM_THREADS=%zu", threads);
    snprintf(program, sizeof program, peer ? "%s/peers/pytorch.py" : "%s/stoa-bench", bench->home);
    STOA_TRY(stoa_bench_engine_start(peer ? theirs : ours, error, &runner->engine));
    STOA_TRY(stoa_bench_engine_ask(&runner->engine, error, answer, "load %zu %s %s", threads, field->c->name,
                                   bench->options.data ? bench->options.data : DATA));
    stoa_bench_take_load(answer, entry);
    return STOA_OK;
}

static enum stoa_status train(const struct field *field, struct runner *runner, size_t from, size_t to,
                              struct stoa_error *error)
{
    char what[2 * BENCH_NAME + 8];
    double seconds[BENCH_MAX_RUNS];
    size_t steps = field->images / BENCH_TRAIN_BATCH;
    snprintf(what, sizeof what, "%s, %s", field->c->entries[runner->entry].name, field->c->name);
    for (size_t some; from < to; from += some) {
        stoa_bench_progress(what, (double)from / (double)steps);
        some = stoa_size_min(to - from, BENCH_MAX_RUNS);
        STOA_TRY(stoa_bench_runner_run(runner, some, 0, error, seconds));
    }
    return STOA_OK;
}

static enum stoa_status learn(const struct field *field, struct runner *runner, struct stoa_error *error,
                              struct learnt *learnt)
{
    struct entry *entry = &field->c->entries[runner->entry];
    char answer[ENGINE_LINE];
    size_t steps = field->images / BENCH_TRAIN_BATCH, done = 0;
    for (size_t left = EXAMINATIONS; left-- > 0;) {
        size_t at = left * BETWEEN < steps ? steps - left * BETWEEN : 0;
        if (at == 0)
            continue;
        STOA_TRY(train(field, runner, done, at, error));
        done = at;
        STOA_TRY(stoa_bench_engine_ask(&runner->engine, error, answer, "accuracy"));
        learnt->accuracy = fmax(learnt->accuracy, strtod(answer, NULL));
    }
    if (entry->ours) {
        STOA_TRY(stoa_bench_engine_ask(&runner->engine, error, answer, "weights"));
        stoa_bench_set(sizeof learnt->weights, learnt->weights, answer + strspn(answer, " "));
    }
    STOA_TRY(stoa_bench_engine_ask(&runner->engine, error, answer, "peak"));
    entry->peak = strtod(answer, NULL);
    return STOA_OK;
}

/* Stoa failing is as bad as Stoa being wrong; a peer that fails is as good as absent. */
static enum stoa_status add(struct field *field, size_t threads, bool peer, struct stoa_error *error)
{
    struct runner *runner = &field->runners[field->count];
    struct entry *entry;
    struct stoa_error reason = {0};
    const char *name = peer ? "pytorch" : "stoa";
    STOA_TRY(stoa_bench_add_entry(field->c, name, name, error, &entry));
    *runner = (struct runner){.entry = field->count};
    entry->threads = threads;
    entry->ours = !peer;
    enum stoa_status status = start(field, threads, peer, &reason, runner);
    if (status == STOA_OK)
        status = learn(field, runner, &reason, &field->learnt[field->count]);
    field->count++;
    stoa_bench_settle(runner->engine.process);
    if (status != STOA_OK) {
        entry->state = peer ? ENTRY_ABSENT : ENTRY_WRONG;
        stoa_bench_set(sizeof entry->message, entry->message, reason.message);
    }
    return STOA_OK;
}

/* What they knew when they had seen so many images, and how fast they went through them in the contest. */
static void tell_how(const struct field *field)
{
    for (size_t i = 0; i < field->count; i++) {
        struct entry *entry = &field->c->entries[i];
        if (entry->count)
            snprintf(entry->how, sizeof entry->how, "%.2f %% after %zu images, %.0f images/s",
                     100 * field->learnt[i].accuracy, field->images,
                     BENCH_TRAIN_BATCH / stoa_bench_quantile(entry->count, entry->samples, 0.5));
    }
}

static enum stoa_status measure(struct field *field, const struct training_line *line, struct stoa_error *error)
{
    const struct bench_options *options = &field->bench->options;
    for (size_t i = 0; i < options->threads.count; i++) {
        STOA_TRY(add(field, options->threads.items[i], false, error));
        if (stoa_bench_against(options, "pytorch"))
            STOA_TRY(add(field, options->threads.items[i], true, error));
    }
    /* With fewer images less is known: of a curve that rises ever more slowly, at least in proportion. */
    double share = (double)field->images / (double)line->images;
    stoa_bench_judge_learnt(field->learnt, line->floor * (share < 1 ? share : 1), field->c);
    stoa_bench_set_rivals(field->c, line->target, line->threads_target);
    struct runner *runners[MAX_CONTENDERS];
    for (size_t i = 0; i < field->count; i++)
        runners[i] = &field->runners[i];
    STOA_TRY(stoa_bench_runners_contend(options, TURN_SECONDS, runners, field->count, error, field->c));
    tell_how(field);
    return STOA_OK;
}

static enum stoa_status bench_net(struct bench *bench, const struct training_line *line, struct stoa_error *error)
{
    struct field *field = calloc(1, sizeof *field);
    if (!field)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory");
    size_t images = bench->options.images ? bench->options.images : line->images;
    field->bench = bench;
    field->images = images - images % BENCH_TRAIN_BATCH;
    enum stoa_status status = stoa_bench_add_case(&bench->record, "train", line->name, error, &field->c);
    if (status == STOA_OK) {
        field->c->batch = BENCH_TRAIN_BATCH;
        stoa_bench_set(sizeof field->c->shape, field->c->shape, "1x28x28, 10 classes");
        status = measure(field, line, error);
    }
    if (status == STOA_OK)
        bench->row(bench, field->c);
    else
        stoa_error_prefix(error, "%s: ", line->name);
    for (size_t i = 0; i < field->count; i++)
        stoa_bench_engine_stop(&field->runners[i].engine);
    free(field);
    return status;
}

enum stoa_status stoa_bench_train(struct bench *bench, struct stoa_error *error)
{
    static struct training_line lines[BENCH_MAX_CASES];
    char path[PATH_MAX];
    const char *data = bench->options.data ? bench->options.data : DATA;
    size_t count;
    STOA_TRY(stoa_bench_read_training(stoa_bench_list_path(bench, "training/nets.txt", sizeof path, path), error,
                                      &count, lines));
    if (access(data, R_OK) != 0)
        return stoa_fail(error, STOA_ERROR_IO,
                         "there is no %s: Debian's dataset-fashion-mnist has it, --data names another", data);
    for (size_t i = 0; i < count; i++)
        if (stoa_bench_selected(bench, lines[i].name))
            STOA_TRY(bench_net(bench, &lines[i], error));
    return STOA_OK;
}
