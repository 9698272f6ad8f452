/* Checkpoints, in the machine's own byte order (little-endian):
 *
 *     magic     "STOACKPT"
 *     head      struct head
 *     state     struct trainer_state
 *     tensors   for each parameter and running statistic: length of its name, name (padded to 8 bytes), whether it is
 *               trained, rank, dims
 *     arrays    for each of these: values; if trained, the optimiser's states and the accumulated gradient; the best
 *               values
 *     checksum  CRC-32 of all before
 *
 * Numbers are 64 bits, elements floats. The checksum comes first when reading: what passes it was written by us, unless
 * someone means harm, so everything is checked against the trainer and the file's size all the same, and nothing of the
 * trainer changes before all has been. */
#include <stdbool.h>
#include <string.h>

#include "base/crc.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/size.h"
#include "base/status.h"
#include "train/trainer.h"

#define MAGIC "STOACKPT"
#define MAGIC_SIZE 8
#define VERSION 1

struct head {
    uint64_t version;
    uint64_t bytes; /* of the file */
    uint64_t optimiser, states, accumulate;
    uint64_t tensors;
};
/* Both are written as they are. */
_Static_assert(sizeof(struct head) == 6 * 8, "no padding");
_Static_assert(sizeof(struct trainer_state) == 15 * 8, "no padding");

/* What the trainer would write. Each array of a tensor in turn, null behind the last. */
static float *array_of(const struct stoa_trainer *trainer, const struct trainer_tensor *tensor, size_t i)
{
    float *const trained[] = {trainer->states[0], trainer->states[1], trainer->sum};
    if (i == 0)
        return trainer->values + tensor->offset;
    for (size_t t = 0; tensor->trained && t < 3; t++)
        if (trained[t] && --i == 0)
            return trained[t] + tensor->offset;
    return trainer->state.has_best && i == 1 ? trainer->best + tensor->offset : NULL;
}

/* Bytes on their way to the file, small ones gathered. */
struct sink {
    struct file_writer *writer; /* null: they are counted only */
    struct crc crc;
    uint64_t bytes;
    size_t used;
    char buffer[4096];
};

static enum stoa_status flush(struct sink *sink, struct stoa_error *error)
{
    size_t used = sink->used;
    sink->used = 0;
    return used && sink->writer ? stoa_file_writer_write(sink->writer, sink->buffer, used, error) : STOA_OK;
}

static enum stoa_status put(struct sink *sink, const void *data, size_t size, struct stoa_error *error)
{
    sink->bytes += size;
    if (!sink->writer)
        return STOA_OK;
    stoa_crc_add(&sink->crc, data, size);
    if (size > sizeof sink->buffer - sink->used)
        STOA_TRY(flush(sink, error));
    if (size > sizeof sink->buffer)
        return stoa_file_writer_write(sink->writer, data, size, error);
    memcpy(sink->buffer + sink->used, data, size);
    sink->used += size;
    return STOA_OK;
}

static enum stoa_status put_number(struct sink *sink, uint64_t number, struct stoa_error *error)
{
    return put(sink, &number, sizeof number, error);
}

static enum stoa_status put_tensor(struct sink *sink, const struct trainer_tensor *tensor, struct stoa_error *error)
{
    static const char zeros[8];
    size_t length = strlen(tensor->name);
    STOA_TRY(put_number(sink, length, error));
    STOA_TRY(put(sink, tensor->name, length, error));
    STOA_TRY(put(sink, zeros, stoa_size_round_up(length, 8) - length, error));
    STOA_TRY(put_number(sink, tensor->trained, error));
    STOA_TRY(put_number(sink, tensor->rank, error));
    for (size_t d = 0; d < tensor->rank; d++)
        STOA_TRY(put_number(sink, tensor->dims[d], error));
    return STOA_OK;
}

static struct head head_of(const struct stoa_trainer *trainer, uint64_t bytes)
{
    return (struct head){.version = VERSION,
                         .bytes = bytes,
                         .optimiser = (uint64_t)trainer->options.optimiser,
                         .states = stoa_optimiser_states(&trainer->options),
                         .accumulate = trainer->options.accumulate,
                         .tensors = trainer->tensor_count};
}

static enum stoa_status put_all(const struct stoa_trainer *trainer, uint64_t bytes, struct sink *sink,
                                struct stoa_error *error)
{
    struct head head = head_of(trainer, bytes);
    STOA_TRY(put(sink, MAGIC, MAGIC_SIZE, error));
    STOA_TRY(put(sink, &head, sizeof head, error));
    STOA_TRY(put(sink, &trainer->state, sizeof trainer->state, error));
    for (size_t i = 0; i < trainer->tensor_count; i++)
        STOA_TRY(put_tensor(sink, &trainer->tensors[i], error));
    for (size_t i = 0; i < trainer->tensor_count; i++) {
        const float *array;
        for (size_t a = 0; (array = array_of(trainer, &trainer->tensors[i], a)); a++)
            STOA_TRY(put(sink, array, trainer->tensors[i].count * sizeof(float), error));
    }
    uint32_t crc = sink->crc.value;
    STOA_TRY(put(sink, &crc, sizeof crc, error));
    return flush(sink, error);
}

enum stoa_status stoa_trainer_save(const struct stoa_trainer *trainer, const char *path, struct stoa_error *error)
{
    if (!trainer || !path)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", trainer ? "path" : "trainer");
    struct sink measure = {.writer = NULL}, sink = {.writer = NULL};
    struct file_writer writer;
    STOA_TRY(put_all(trainer, 0, &measure, error));
    STOA_TRY(stoa_file_writer_begin(path, error, &writer));
    sink.writer = &writer;
    stoa_crc_init(&sink.crc);
    enum stoa_status status = put_all(trainer, measure.bytes, &sink, error);
    if (status == STOA_OK)
        return stoa_file_writer_finish(&writer, error);
    stoa_file_writer_abandon(&writer);
    return status;
}

/* The file from the inside. Reading beyond its end gives zeros and is remembered. */
struct source {
    const uint8_t *at;
    size_t left;
    bool short_of;
};

static const uint8_t *take(struct source *source, size_t size)
{
    if (size > source->left) {
        source->short_of = true;
        source->left = 0;
        return NULL;
    }
    const uint8_t *taken = source->at;
    source->at += size;
    source->left -= size;
    return taken;
}

static uint64_t take_number(struct source *source)
{
    uint64_t number = 0;
    const uint8_t *taken = take(source, sizeof number);
    if (taken)
        memcpy(&number, taken, sizeof number);
    return number;
}

/* Whether the bytes are all there and as they were written. */
static enum stoa_status check_whole(const struct file_map *file, const char *path, struct stoa_error *error,
                                    struct head *head, struct source *source)
{
    if (file->size < MAGIC_SIZE || memcmp(file->data, MAGIC, MAGIC_SIZE) != 0)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s is not a checkpoint", path);
    *source = (struct source){.at = file->data + MAGIC_SIZE, .left = file->size - MAGIC_SIZE};
    const uint8_t *taken = take(source, sizeof *head);
    if (!taken)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s is torn: it has only %zu bytes", path, file->size);
    memcpy(head, taken, sizeof *head);
    if (head->version != VERSION)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s: version is %llu, must be %d", path,
                         (unsigned long long)head->version, VERSION);
    if (head->bytes != file->size || source->left < sizeof(uint32_t))
        return stoa_fail(error, STOA_ERROR_PARSE, "%s is torn: it has %zu bytes, %llu were written", path, file->size,
                         (unsigned long long)head->bytes);
    size_t covered = file->size - sizeof(uint32_t);
    uint32_t written;
    memcpy(&written, file->data + covered, sizeof written);
    struct crc crc;
    stoa_crc_init(&crc);
    stoa_crc_add(&crc, file->data, covered);
    if (written != crc.value)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s is damaged: its checksum does not fit", path);
    source->left -= sizeof written;
    return STOA_OK;
}

static enum stoa_status check_head(const struct stoa_trainer *trainer, const struct head *head, const char *path,
                                   struct stoa_error *error)
{
    struct head own = head_of(trainer, head->bytes);
    const struct {
        const char *name;
        uint64_t there, here;
    } rows[] = {
        {"optimiser", head->optimiser, own.optimiser},
        {"count of optimiser states (momentum)", head->states, own.states},
        {"accumulate", head->accumulate, own.accumulate},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].there != rows[i].here)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s: %s is %llu, the trainer's is %llu", path, rows[i].name,
                             (unsigned long long)rows[i].there, (unsigned long long)rows[i].here);
    if (head->tensors != own.tensors)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s has %llu parameters and statistics, the model %llu", path,
                         (unsigned long long)head->tensors, (unsigned long long)own.tensors);
    return STOA_OK;
}

static enum stoa_status check_tensor(struct source *source, const struct trainer_tensor *tensor, const char *path,
                                     struct stoa_error *error)
{
    uint64_t length = take_number(source);
    size_t own = strlen(tensor->name);
    if (length != own)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s is of another model: it has no '%.200s' where that was expected",
                         path, tensor->name);
    const uint8_t *name = take(source, stoa_size_round_up(own, 8));
    if (!name || memcmp(name, tensor->name, own) != 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s is of another model: it has '%.*s' where '%.200s' was expected",
                         path, name ? (int)stoa_size_min(own, 200) : 0, name ? (const char *)name : "", tensor->name);
    uint64_t trained = take_number(source), rank = take_number(source);
    if (trained != tensor->trained)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s: '%.200s' is %strained there", path, tensor->name,
                         trained ? "" : "not ");
    bool same = rank == tensor->rank;
    for (size_t d = 0; same && d < tensor->rank; d++)
        same = take_number(source) == tensor->dims[d];
    return same ? STOA_OK : stoa_fail(error, STOA_ERROR_SHAPE, "%s: '%.200s' has other dims there", path, tensor->name);
}

static enum stoa_status check_state(const struct trainer_state *state, const struct head *head, const char *path,
                                    struct stoa_error *error)
{
    if (state->accumulated >= head->accumulate || state->has_best > 1 || state->position > state->batches)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s: its state contradicts itself", path);
    return STOA_OK;
}

/* What all arrays take, which is what must be left. */
static enum stoa_status check_arrays(const struct stoa_trainer *trainer, const struct trainer_state *state,
                                     const struct head *head, const struct source *source, const char *path,
                                     struct stoa_error *error)
{
    uint64_t elements = 0;
    for (size_t i = 0; i < trainer->tensor_count; i++) {
        const struct trainer_tensor *tensor = &trainer->tensors[i];
        uint64_t arrays = 1 + state->has_best + (tensor->trained ? head->states + (trainer->sum != NULL) : 0);
        elements += arrays * tensor->count; /* as many exist in memory, or nearly */
    }
    if (source->short_of || source->left != elements * sizeof(float))
        return stoa_fail(error, STOA_ERROR_PARSE, "%s has %zu bytes of arrays, must have %llu", path, source->left,
                         (unsigned long long)(elements * sizeof(float)));
    return STOA_OK;
}

static enum stoa_status load(struct stoa_trainer *trainer, const struct file_map *file, const char *path,
                             struct stoa_error *error)
{
    struct head head = {.version = 0};
    struct source source = {.at = NULL};
    struct trainer_state state = {0};
    STOA_TRY(check_whole(file, path, error, &head, &source));
    STOA_TRY(check_head(trainer, &head, path, error));
    const uint8_t *taken = take(&source, sizeof state);
    if (taken)
        memcpy(&state, taken, sizeof state);
    STOA_TRY(check_state(&state, &head, path, error));
    for (size_t i = 0; i < trainer->tensor_count; i++)
        STOA_TRY(check_tensor(&source, &trainer->tensors[i], path, error));
    STOA_TRY(check_arrays(trainer, &state, &head, &source, path, error));
    if (state.has_best && !trainer->best)
        STOA_TRY(stoa_allocate(&trainer->allocator, trainer->value_count, sizeof(float), error, &trainer->best));

    trainer->state = state;
    for (size_t i = 0; i < trainer->tensor_count; i++) {
        const struct trainer_tensor *tensor = &trainer->tensors[i];
        size_t bytes = tensor->count * sizeof(float);
        float *array;
        for (size_t a = 0; (array = array_of(trainer, tensor, a)); a++)
            memcpy(array, take(&source, bytes), bytes);
    }
    return STOA_OK;
}

enum stoa_status stoa_trainer_load(struct stoa_trainer *trainer, const char *path, struct stoa_error *error)
{
    if (!trainer || !path)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", trainer ? "path" : "trainer");
    struct file_map file;
    STOA_TRY(stoa_file_map(path, error, &file));
    enum stoa_status status = load(trainer, &file, path, error);
    stoa_file_unmap(&file);
    return status;
}
