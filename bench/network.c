/* Files around a model. */
#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoa/stoa.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "base/tensor.h"
#include "data/npy.h"

#define SIDE 224 /* of pictures whose size a model leaves open */

/* The tensor's dims as the model says, the open ones filled in. */
static enum stoa_status fill_dims(const struct stoa_value_info *info, size_t batch, struct stoa_error *error,
                                  struct stoa_tensor *tensor)
{
    *tensor = (struct stoa_tensor){.dtype = info->dtype, .rank = info->rank};
    if (info->dtype != STOA_FLOAT || !info->has_shape || info->rank == 0)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input '%s' is not a float tensor of known rank", info->name);
    for (size_t i = 0; i < info->rank; i++) {
        if (info->dims[i] >= 0)
            tensor->dims[i] = (size_t)info->dims[i];
        else if (i == 0)
            tensor->dims[i] = batch;
        else if (info->rank == 4 && i >= 2)
            tensor->dims[i] = SIDE;
        else
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input '%s' leaves dimension %zu open", info->name, i);
    }
    stoa_tensor_set_plain(tensor);
    return STOA_OK;
}

/* *values = what MODEL.bBATCH/NAME.npy holds, when there is such a file and its dims are the tensor's; else null. */
static enum stoa_status read_recorded(const char *model, size_t batch, const char *name,
                                      const struct stoa_tensor *wanted, struct stoa_error *error, float **values)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    char path[PATH_MAX];
    struct stoa_tensor tensor;
    int length = (int)strlen(model) - (int)strlen(".onnx");
    *values = NULL;
    if (length <= 0 ||
        snprintf(path, sizeof path, "%.*s.b%zu/%s.npy", length, model, batch, name) >= (int)sizeof path ||
        access(path, R_OK) != 0)
        return STOA_OK;
    STOA_TRY(stoa_npy_read(path, &allocator, error, &tensor, NULL));
    if (tensor.dtype == STOA_FLOAT && stoa_tensor_same_dims(&tensor, wanted))
        *values = tensor.data;
    else
        stoa_release(&allocator, tensor.data);
    return STOA_OK;
}

static enum stoa_status open_input(struct network *network, size_t index, const struct stoa_value_info *info,
                                   size_t batch, struct stoa_error *error, struct stoa_input_spec *spec)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct network_input *input = &network->inputs[index];
    struct random random = {.state = index + 1};
    struct stoa_tensor tensor;
    char name[32];
    size_t elements, used = 0;
    STOA_TRY(fill_dims(info, batch, error, &tensor));
    STOA_TRY(stoa_tensor_measure(&tensor, error, &elements, NULL));
    network->bytes += sizeof(float) * (double)elements;
    for (size_t i = 0; i < tensor.rank; i++)
        used += (size_t)snprintf(input->dims + used, sizeof input->dims - used, i ? "x%zu" : "%zu", tensor.dims[i]);
    *spec = (struct stoa_input_spec){.name = info->name, .rank = tensor.rank};
    memcpy(spec->dims, tensor.dims, sizeof spec->dims);
    snprintf(name, sizeof name, "input_%zu", index);
    STOA_TRY(read_recorded(network->path, batch, name, &tensor, error, &input->values));
    if (!input->values) {
        STOA_TRY(stoa_allocate_raw(&allocator, elements, sizeof(float), error, &input->values));
        stoa_random_fill(&random, elements, input->values);
    }
    if (snprintf(input->path, sizeof input->path, "%s/%s", network->folder, name) >= (int)sizeof input->path)
        return stoa_fail(error, STOA_ERROR_IO, "the path %.64s... is too long", network->folder);
    return stoa_bench_write_floats(input->path, elements, input->values, error);
}

/* Plans the model once here, to learn its output's size and its work. */
static enum stoa_status open_model(struct network *network, size_t batch, struct stoa_model *model,
                                   struct stoa_error *error)
{
    struct stoa_input_spec specs[NETWORK_INPUTS];
    struct stoa_value_info info;
    struct stoa_tensor output;
    struct stoa_session *session;
    network->input_count = stoa_model_input_count(model);
    if (network->input_count == 0 || network->input_count > NETWORK_INPUTS)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "it has %zu inputs, not 1 to %d", network->input_count,
                         NETWORK_INPUTS);
    for (size_t i = 0; i < network->input_count; i++) {
        STOA_TRY(stoa_model_input(model, i, error, &info));
        STOA_TRY(open_input(network, i, &info, batch, error, &specs[i]));
    }
    struct stoa_session_options options = {.threads = 1, .inputs = specs, .input_count = network->input_count};
    STOA_TRY(stoa_session_create(model, &options, error, &session));
    enum stoa_status status = stoa_model_output(model, 0, error, &info);
    if (status == STOA_OK)
        status = stoa_session_output(session, info.name, error, &output);
    if (status == STOA_OK && output.dtype != STOA_FLOAT)
        status = stoa_fail(error, STOA_ERROR_UNSUPPORTED, "output '%s' is not float", info.name);
    for (size_t i = 0; status == STOA_OK && i < stoa_session_step_count(session); i++) {
        struct stoa_step_info step;
        status = stoa_session_step(session, i, error, &step);
        if (status == STOA_OK) {
            network->macs += step.macs;
            network->bytes += sizeof(float) * (double)step.parameter_count;
        }
    }
    if (status == STOA_OK) {
        network->output_count = stoa_tensor_elements(&output);
        network->bytes += sizeof(float) * (double)network->output_count;
        status = read_recorded(network->path, batch, "output_0", &output, error, &network->expected);
    }
    stoa_session_free(session);
    return status;
}

/* Where onnxruntime-node is: $STOA_PEERS, or beside the build. */
static void find_peers(const char *home, char folder[PATH_MAX])
{
    char package[PATH_MAX + 64];
    const char *given = getenv("STOA_PEERS");
    if (snprintf(folder, PATH_MAX, given ? "%s" : "%s/../../peers", given ? given : home) >= PATH_MAX)
        folder[0] = '\0';
    snprintf(package, sizeof package, "%s/node_modules/onnxruntime-node", folder);
    if (access(package, R_OK) != 0)
        folder[0] = '\0';
}

enum stoa_status stoa_bench_network_open(const char *path, size_t batch, const char *home, struct stoa_error *error,
                                         struct network *network)
{
    struct stoa_model *model;
    const char *temporary = getenv("TMPDIR");
    *network = (struct network){0};
    find_peers(home, network->peers);
    if (!realpath(path, network->path))
        return stoa_fail(error, STOA_ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    /* mkdtemp puts other letters for the last six. */
    snprintf(network->folder, sizeof network->folder, "%.512s/stoa-bench-XXXXXX",
             temporary && temporary[0] ? temporary : "/tmp");
    if (!mkdtemp(network->folder)) {
        enum stoa_status status =
            stoa_fail(error, STOA_ERROR_IO, "cannot make a folder like %s: %s", network->folder, strerror(errno));
        network->folder[0] = '\0';
        return status;
    }
    snprintf(network->result, sizeof network->result, "%.1024s/output", network->folder);
    STOA_TRY(stoa_model_load(network->path, NULL, error, &model));
    enum stoa_status status = open_model(network, batch, model, error);
    stoa_model_free(model);
    return status;
}

void stoa_bench_network_close(struct network *network)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < NETWORK_INPUTS; i++) {
        stoa_release(&allocator, network->inputs[i].values);
        if (network->inputs[i].path[0])
            unlink(network->inputs[i].path);
    }
    stoa_release(&allocator, network->expected);
    if (network->folder[0]) {
        unlink(network->result);
        rmdir(network->folder);
    }
}

enum stoa_status stoa_bench_network_verify(const struct network *network, struct stoa_error *error)
{
    struct stoa_model *model;
    struct stoa_input_spec specs[NETWORK_INPUTS];
    const void *values[NETWORK_INPUTS];
    STOA_TRY(stoa_model_load(network->path, NULL, error, &model));
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < network->input_count; i++) {
        struct stoa_value_info info;
        const char *dims = network->inputs[i].dims;
        status = stoa_model_input(model, i, error, &info);
        specs[i] = (struct stoa_input_spec){.name = info.name};
        for (char *end; specs[i].rank < STOA_MAX_RANK && *dims; dims = *end ? end + 1 : end)
            specs[i].dims[specs[i].rank++] = strtoul(dims, &end, 10);
        values[i] = network->inputs[i].values;
    }
    if (status == STOA_OK) {
        struct stoa_session_options session = {.threads = 1, .inputs = specs, .input_count = network->input_count};
        status = stoa_verify(model, values, &(struct stoa_verify_options){.session = &session}, error);
    }
    stoa_model_free(model);
    return status;
}
