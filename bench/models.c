/* Whole networks: Stoa and ONNX Runtime, each in processes of their own (engine.h), taking turns (runner.h). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"
#include "datafile.h"
#include "naive.h"
#include "network.h"
#include "runner.h"
#include "settle.h"
#include "suite.h"

#define TURN_SECONDS 40e-3
#define STARTS 3 /* fresh processes of each engine: the least of their times to make the model ready counts */
#define MAX_CONTENDERS (2 * BENCH_MAX_LIST)

struct player {
    struct runner runner;
    float *output; /* of one run */
};

/* Who takes part in one case. */
struct field {
    struct bench *bench;
    struct bench_case *c;
    struct network network;
    struct player players[MAX_CONTENDERS];
    size_t count;
};

static enum stoa_status start(const struct field *field, size_t threads, bool peer, struct stoa_error *error,
                              struct engine *engine, struct entry *entry)
{
    const struct network *network = &field->network;
    char program[PATH_MAX], answer[ENGINE_LINE];
    const char *const ours[] = {program, "serve", NULL};
    const char *const theirs[] = {"node", program, network->peers, NULL};
    snprintf(program, sizeof program, peer ? "%s/peers/onnxruntime.js" : "%s/stoa-bench", field->bench->home);
    STOA_TRY(stoa_bench_engine_start(peer ? theirs : ours, error, engine));
    for (size_t i = 0; i < network->input_count; i++)
        STOA_TRY(stoa_bench_engine_ask(engine, error, answer, "input %zu %s %s", i, network->inputs[i].dims,
                                       network->inputs[i].path));
    STOA_TRY(stoa_bench_engine_ask(engine, error, answer, "load %zu %s", threads, network->path));
    stoa_bench_take_load(answer, entry);
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
    struct player *player = &field->players[field->count++];
    struct entry *entry;
    struct stoa_error reason = {0};
    char answer[ENGINE_LINE];
    const char *name = peer ? "onnxruntime" : "stoa";
    STOA_TRY(stoa_bench_add_entry(field->c, name, name, error, &entry));
    *player = (struct player){.runner.entry = field->c->entry_count - 1};
    entry->threads = threads;
    entry->ours = !peer;
    if (peer && !network->peers[0]) {
        entry->state = ENTRY_ABSENT;
        stoa_bench_set(sizeof entry->message, entry->message, "onnxruntime-node was not found");
        return STOA_OK;
    }
    struct stoa_allocator allocator = stoa_allocator_default();
    STOA_TRY(stoa_allocate_raw(&allocator, network->output_count, sizeof(float), error, &player->output));
    size_t starts = field->bench->options.rounds < BENCH_LEAST_ROUNDS ? 1 : STARTS;
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < starts; i++) {
        stoa_bench_progress("starting", (double)i / (double)starts);
        stoa_bench_engine_stop(&player->runner.engine);
        status = start(field, threads, peer, &reason, &player->runner.engine, entry);
    }
    if (status == STOA_OK)
        status = stoa_bench_engine_ask(&player->runner.engine, &reason, answer, "output 0 %s", network->result);
    if (status == STOA_OK)
        status = stoa_bench_read_floats(network->result, network->output_count, &reason, player->output);
    stoa_bench_settle(player->runner.engine.process);
    if (status != STOA_OK) {
        entry->state = peer ? ENTRY_ABSENT : ENTRY_WRONG;
        stoa_bench_set(sizeof entry->message, entry->message, reason.message);
    }
    return STOA_OK;
}

static void judge(struct field *field, struct player *player, const float *expected, const char *whose)
{
    struct entry *entry = &field->c->entries[player->runner.entry];
    double difference, largest;
    if (entry->state != ENTRY_TIMED ||
        stoa_bench_right(field->network.output_count, player->output, expected, &difference, &largest))
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
    struct player *first = NULL, *peer = NULL;
    for (size_t i = 0; i < field->count; i++) {
        struct player *player = &field->players[i];
        struct entry *entry = &field->c->entries[player->runner.entry];
        if (entry->state != ENTRY_TIMED)
            continue;
        if (!entry->ours) {
            peer = player;
        } else if (!first) {
            first = player;
        } else if (memcmp(player->output, first->output, network->output_count * sizeof(float)) != 0) {
            entry->state = ENTRY_WRONG;
            snprintf(entry->message, sizeof entry->message, "not the same bits as with %zu threads",
                     field->c->entries[first->runner.entry].threads);
        }
    }
    if (first && !network->expected && !peer) {
        struct stoa_error reason;
        struct entry *entry = &field->c->entries[first->runner.entry];
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
    for (size_t i = 0; expected && i < field->count; i++)
        judge(field, &field->players[i], expected, whose);
    return STOA_OK;
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
    stoa_bench_set_rivals(field->c, line->target, line->threads_target);
    struct runner *runners[MAX_CONTENDERS];
    for (size_t i = 0; i < field->count; i++)
        runners[i] = &field->players[i].runner;
    return stoa_bench_runners_contend(options, TURN_SECONDS, runners, field->count, error, field->c);
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
        field->c->bytes = field->network.bytes;
        stoa_bench_set(sizeof field->c->shape, field->c->shape, field->network.inputs[0].dims);
        status = measure(field, line, error);
    }
    if (status == STOA_OK)
        bench->row(bench, field->c);
    else
        stoa_error_prefix(error, "%s: ", line->name);
    for (size_t i = 0; i < field->count; i++) {
        stoa_bench_engine_stop(&field->players[i].runner.engine);
        stoa_release(&allocator, field->players[i].output);
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
