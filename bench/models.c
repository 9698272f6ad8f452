/* Whole networks: Stoa and ONNX Runtime, each in processes of their own (engine.h), taking turns. An engine sleeps
 * while another has its turn: before it is the next one's, the last one's spinning threads have given up. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "contest.h"
#include "datafile.h"
#include "engine.h"
#include "naive.h"
#include "network.h"
#include "settle.h"
#include "suite.h"

#define TURN_SECONDS 40e-3
#define STARTS 3     /* fresh processes of each engine: the least of their times to make the model ready counts */
#define MAX_RUNS 100 /* of a turn */
#define MAX_CONTENDERS (2 * BENCH_MAX_LIST)

struct runner {
    struct engine engine;
    size_t entry;
    float *output; /* of one run */
};

/* Who takes part in one case. */
struct field {
    struct bench *bench;
    struct bench_case *c;
    struct network network;
    struct runner runners[MAX_CONTENDERS];
    struct contender contenders[MAX_CONTENDERS];
    size_t runner_count, count;
};

static enum stoa_status turn(void *context, const struct turn *turn, struct stoa_error *error, double *seconds)
{
    struct runner *runner = context;
    char answer[ENGINE_LINE], *rest = answer;
    /* The first run of a warm turn finds what the others left in the caches, and is left out. */
    size_t runs = turn->cold ? 1 : stoa_size_min(turn->runs + 1, MAX_RUNS);
    STOA_TRY(stoa_bench_engine_ask(&runner->engine, error, answer, "run %zu %zu", runs,
                                   turn->cold ? stoa_bench_evict_bytes() : 0));
    double times[MAX_RUNS];
    for (size_t i = 0; i < runs; i++) {
        times[i] = 1e-9 * strtod(rest, &rest);
        if (!(times[i] > 0))
            return stoa_fail(error, STOA_ERROR_IO, "its times are not understood: %.64s", answer);
    }
    size_t left_out = turn->cold ? 0 : 1;
    *seconds = stoa_bench_quantile(runs - left_out, times + left_out, 0.5);
    stoa_bench_settle(runner->engine.process);
    return STOA_OK;
}

static enum stoa_status start(const struct field *field, size_t threads, bool peer, struct stoa_error *error,
                              struct engine *engine, struct entry *entry)
{
    const struct network *network = &field->network;
    char program[PATH_MAX], answer[ENGINE_LINE], *rest;
    const char *const ours[] = {program, "serve", NULL};
    const char *const theirs[] = {"node", program, network->peers, NULL};
    snprintf(program, sizeof program, peer ? "%s/peers/onnxruntime.js" : "%s/stoa-bench", field->bench->home);
    STOA_TRY(stoa_bench_engine_start(peer ? theirs : ours, error, engine));
    for (size_t i = 0; i < network->input_count; i++)
        STOA_TRY(stoa_bench_engine_ask(engine, error, answer, "input %zu %s %s", i, network->inputs[i].dims,
                                       network->inputs[i].path));
    STOA_TRY(stoa_bench_engine_ask(engine, error, answer, "load %zu %s", threads, network->path));
    double setup = strtod(answer, &rest);
    entry->setup = entry->setup > 0 && entry->setup < setup ? entry->setup : setup;
    entry->base = strtod(rest, NULL);
    /* Twice: memory that is taken during the first run and kept for the next is part of running. */
    STOA_TRY(stoa_bench_engine_ask(engine, error, answer, "run 2 0"));
    STOA_TRY(stoa_bench_engine_ask(engine, error, answer, "peak"));
    entry->peak = strtod(answer, NULL);
    return STOA_OK;
}

/* Starts the engine and keeps the last of its processes, with its result. Stoa failing is as bad as Stoa being wrong; a
 * peer that fails is as good as absent. */
static enum stoa_status add(struct field *field, size_t threads, bool peer, struct stoa_error *error)
{
    const struct network *network = &field->network;
    struct runner *runner = &field->runners[field->runner_count++];
    struct entry *entry;
    struct stoa_error reason = {0};
    char answer[ENGINE_LINE];
    const char *name = peer ? "onnxruntime" : "stoa";
    STOA_TRY(stoa_bench_add_entry(field->c, name, name, error, &entry));
    *runner = (struct runner){.entry = field->c->entry_count - 1};
    entry->threads = threads;
    entry->ours = !peer;
    if (peer && !network->peers[0]) {
        entry->state = ENTRY_ABSENT;
        stoa_bench_set(sizeof entry->message, entry->message, "onnxruntime-node was not found");
        return STOA_OK;
    }
    struct stoa_allocator allocator = stoa_allocator_default();
    STOA_TRY(stoa_allocate_raw(&allocator, network->output_count, sizeof(float), error, &runner->output));
    size_t starts = field->bench->options.rounds < BENCH_LEAST_ROUNDS ? 1 : STARTS;
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < starts; i++) {
        stoa_bench_progress("starting", (double)i / (double)starts);
        stoa_bench_engine_stop(&runner->engine);
        status = start(field, threads, peer, &reason, &runner->engine, entry);
    }
    if (status == STOA_OK)
        status = stoa_bench_engine_ask(&runner->engine, &reason, answer, "output 0 %s", network->result);
    if (status == STOA_OK)
        status = stoa_bench_read_floats(network->result, network->output_count, &reason, runner->output);
    stoa_bench_settle(runner->engine.process);
    if (status != STOA_OK) {
        entry->state = peer ? ENTRY_ABSENT : ENTRY_WRONG;
        stoa_bench_set(sizeof entry->message, entry->message, reason.message);
    }
    return STOA_OK;
}

static void judge(struct field *field, struct runner *runner, const float *expected, const char *whose)
{
    struct entry *entry = &field->c->entries[runner->entry];
    double difference, largest;
    if (entry->state != ENTRY_TIMED ||
        stoa_bench_right(field->network.output_count, runner->output, expected, &difference, &largest))
        return;
    entry->state = ENTRY_WRONG;
    snprintf(entry->message, sizeof entry->message, "off by %g from %s, whose largest is %g", difference, whose,
             largest);
}

/* Right is what agrees with the recorded output; where there is none, what agrees with another engine; where there is
 * none either, what the naive reference confirms layer by layer. And Stoa's results must be the same to the bit for any
 * number of threads. */
static enum stoa_status judge_all(struct field *field, struct stoa_error *error)
{
    struct network *network = &field->network;
    struct runner *first = NULL, *peer = NULL;
    for (size_t i = 0; i < field->runner_count; i++) {
        struct runner *runner = &field->runners[i];
        struct entry *entry = &field->c->entries[runner->entry];
        if (entry->state != ENTRY_TIMED)
            continue;
        if (!entry->ours) {
            peer = runner;
        } else if (!first) {
            first = runner;
        } else if (memcmp(runner->output, first->output, network->output_count * sizeof(float)) != 0) {
            entry->state = ENTRY_WRONG;
            snprintf(entry->message, sizeof entry->message, "not the same bits as with %zu threads",
                     field->c->entries[first->entry].threads);
        }
    }
    if (first && !network->expected && !peer) {
        struct stoa_error reason;
        struct entry *entry = &field->c->entries[first->entry];
        enum stoa_status status = stoa_bench_network_verify(network, &reason);
        if (status == STOA_ERROR_MISMATCH) {
            entry->state = ENTRY_WRONG;
            stoa_bench_set(sizeof entry->message, entry->message, reason.message);
        } else if (status != STOA_OK) {
            return stoa_fail(error, status, "%s", reason.message);
        }
    }
    const float *expected = network->expected ? network->expected : peer ? peer->output : first ? first->output : NULL;
    const char *whose = network->expected ? "the recorded output" : peer ? "ONNX Runtime's output" : "Stoa's output";
    for (size_t i = 0; expected && i < field->runner_count; i++)
        judge(field, &field->runners[i], expected, whose);
    return STOA_OK;
}

/* What is compared with what: peers with Stoa on as many threads, one thread with more. */
static void set_rivals(struct bench_case *c, const struct model_line *line)
{
    for (size_t i = 0; i < c->entry_count; i++)
        for (size_t j = 0; j < c->entry_count; j++) {
            struct entry *entry = &c->entries[i];
            const struct entry *stoa = &c->entries[j];
            if (!stoa->ours || i == j)
                continue;
            if (!entry->ours && entry->threads == stoa->threads) {
                entry->rival = j;
                entry->target = line->target;
            } else if (entry->ours && entry->threads == 1 && stoa->threads > 1 && entry->rival == BENCH_NONE) {
                entry->rival = j;
                entry->target = stoa->threads == 2 ? line->threads_target : 0;
            }
        }
}

static enum stoa_status measure(struct field *field, const struct model_line *line, struct stoa_error *error)
{
    const struct bench_options *options = &field->bench->options;
    for (size_t i = 0; i < options->threads.count; i++) {
        STOA_TRY(add(field, options->threads.items[i], false, error));
        if (stoa_bench_against(options, "onnxruntime"))
            STOA_TRY(add(field, options->threads.items[i], true, error));
    }
    STOA_TRY(judge_all(field, error));
    set_rivals(field->c, line);
    for (size_t i = 0; i < field->runner_count; i++)
        if (field->c->entries[field->runners[i].entry].state == ENTRY_TIMED)
            field->contenders[field->count++] =
                (struct contender){.entry = field->runners[i].entry, .context = &field->runners[i], .turn = turn};
    return stoa_bench_contest(options, TURN_SECONDS, field->contenders, field->count, error, field->c);
}

static enum stoa_status bench_model(struct bench *bench, const struct model_line *line, const char *path, size_t batch,
                                    struct stoa_error *error)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct field *field = calloc(1, sizeof *field);
    if (!field)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory");
    field->bench = bench;
    enum stoa_status status = stoa_bench_network_open(path, batch, bench->home, error, &field->network);
    if (status == STOA_OK)
        status = stoa_bench_add_case(&bench->record, "models", line->name, error, &field->c);
    if (status == STOA_OK) {
        field->c->batch = batch;
        field->c->cold = bench->options.cold;
        field->c->flops = 2 * field->network.macs;
        stoa_bench_set(sizeof field->c->shape, field->c->shape, field->network.inputs[0].dims);
        status = measure(field, line, error);
    }
    if (status == STOA_OK)
        bench->row(bench, field->c);
    else
        stoa_error_prefix(error, "%s: ", line->name);
    for (size_t i = 0; i < field->runner_count; i++) {
        stoa_bench_engine_stop(&field->runners[i].engine);
        stoa_release(&allocator, field->runners[i].output);
    }
    stoa_bench_network_close(&field->network);
    free(field);
    return status;
}

static enum stoa_status bench_batches(struct bench *bench, const struct model_line *line, const char *path,
                                      struct stoa_error *error)
{
    const struct size_list *batches = &bench->options.batch;
    if (batches->count == 0)
        return bench_model(bench, line, path, 1, error);
    for (size_t i = 0; i < batches->count; i++)
        STOA_TRY(bench_model(bench, line, path, batches->items[i], error));
    return STOA_OK;
}

/* The file's name without folder and ".onnx". */
static void name_of(const char *path, char name[BENCH_NAME])
{
    const char *slash = strrchr(path, '/');
    stoa_bench_set(BENCH_NAME, name, slash ? slash + 1 : path);
    char *dot = strstr(name, ".onnx");
    if (dot)
        *dot = '\0';
}

static enum stoa_status bench_list(struct bench *bench, struct stoa_error *error)
{
    static struct model_line lines[BENCH_MAX_CASES];
    char path[PATH_MAX];
    const char *folder = getenv("STOA_MODELS");
    size_t count;
    STOA_TRY(stoa_bench_read_models(stoa_bench_list_path(bench, "models/models.txt", sizeof path, path), error, &count,
                                    lines));
    for (size_t i = 0; i < count; i++) {
        if (!stoa_bench_selected(bench, lines[i].name))
            continue;
        if (folder)
            snprintf(path, sizeof path, "%s/%s.onnx", folder, lines[i].name);
        else
            snprintf(path, sizeof path, "%s/../../models/%s.onnx", bench->home, lines[i].name);
        if (access(path, R_OK) != 0) {
            fprintf(stderr, "stoa bench models: skipping %s: there is no %s\n", lines[i].name, path);
            continue;
        }
        STOA_TRY(bench_batches(bench, &lines[i], path, error));
    }
    return STOA_OK;
}

enum stoa_status stoa_bench_models(struct bench *bench, struct stoa_error *error)
{
    const struct bench_options *options = &bench->options;
    if (options->model_count == 0)
        return bench_list(bench, error);
    for (size_t i = 0; i < options->model_count; i++) {
        struct model_line line = {{0}};
        name_of(options->models[i], line.name);
        STOA_TRY(bench_batches(bench, &line, options->models[i], error));
    }
    return STOA_OK;
}
