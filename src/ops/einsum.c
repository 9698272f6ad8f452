/* Einsum of one or two operands: "ij,jk->ik" names the dimensions of each, those that the output does not name are
 * summed over. A dimension of 1 broadcasts, a label that one operand has twice means its diagonal. Two operands are a
 * contraction, one is a sum of a strided view, or a copy where nothing is summed. */
#include "ops/einsum.h"

#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "kernels/reduce.h"
#include "ops/check.h"
#include "ops/reduce.h"

static bool is_label(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool names(const struct einsum_term *term, char label)
{
    return memchr(term->labels, label, term->count) != NULL;
}

/* Reads labels up to what is none, moving *text there; null, or what is wrong. */
static const char *read_term(const char **text, struct einsum_term *term)
{
    const char *at = *text;
    size_t letters = 0;
    for (;; at++) {
        if (*at == ' ')
            continue;
        bool ellipsis = strncmp(at, "...", 3) == 0;
        if (!ellipsis && !is_label(*at))
            break;
        if (ellipsis && names(term, '.'))
            return "a term has two ellipses";
        letters += !ellipsis;
        if (letters > STOA_MAX_RANK)
            return "a term has more labels than a tensor has dimensions";
        term->labels[term->count++] = *at;
        at += ellipsis ? 2 : 0;
    }
    *text = at;
    return NULL;
}

/* Without "->": the ellipsis, then in the order of the alphabet what is named once. */
static void imply_output(struct einsum_params *params)
{
    struct einsum_term *output = &params->terms[EINSUM_Y];
    for (size_t i = 0; i < params->inputs; i++)
        if (names(&params->terms[i], '.') && !names(output, '.'))
            output->labels[output->count++] = '.';
    for (char label = 'A'; label <= 'z'; label++) {
        size_t count = 0;
        for (size_t i = 0; i < params->inputs; i++)
            for (size_t k = 0; k < params->terms[i].count; k++)
                count += params->terms[i].labels[k] == label;
        if (count == 1 && output->count <= STOA_MAX_RANK)
            output->labels[output->count++] = label;
    }
}

static const char *check_output(const struct einsum_params *params)
{
    const struct einsum_term *output = &params->terms[EINSUM_Y];
    if (stoa_einsum_is_diagonal(output))
        return "the output names a dimension twice";
    for (size_t k = 0; k < output->count; k++)
        if (output->labels[k] != '.' && !names(&params->terms[0], output->labels[k]) &&
            !names(&params->terms[1], output->labels[k]))
            return "the output names a dimension that no input has";
    return NULL;
}

static const char *read_equation(const char *text, struct einsum_params *params)
{
    const char *wrong;
    for (;;) {
        if (params->inputs == EINSUM_Y)
            return "only one or two operands are supported";
        if ((wrong = read_term(&text, &params->terms[params->inputs++])))
            return wrong;
        if (*text != ',')
            break;
        text++;
    }
    if (strncmp(text, "->", 2) == 0) {
        text += 2;
        if ((wrong = read_term(&text, &params->terms[EINSUM_Y])))
            return wrong;
    } else {
        imply_output(params);
    }
    return *text ? "it cannot be read" : check_output(params);
}

enum stoa_status stoa_einsum_parse(struct attribute_reader *reader, void *out)
{
    stoa_reader_require(reader, "equation");
    const char *equation = stoa_read_string(reader, "equation", "->");
    const char *wrong = read_equation(equation, out);
    if (wrong)
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute equation is \"%s\": %s", equation, wrong);
    return stoa_reader_finish(reader);
}

bool stoa_einsum_is_diagonal(const struct einsum_term *term)
{
    for (size_t i = 0; i < term->count; i++)
        if (memchr(term->labels + i + 1, term->labels[i], term->count - i - 1))
            return true;
    return false;
}

/* The labels of a tensor of that rank, an ellipsis standing for `ellipsis` dimensions. */
static size_t expand(const struct einsum_term *term, size_t ellipsis, char labels[2 * STOA_MAX_RANK])
{
    size_t rank = 0;
    for (size_t i = 0; i < term->count; i++) {
        if (term->labels[i] != '.')
            labels[rank++] = term->labels[i];
        for (size_t k = ellipsis; term->labels[i] == '.' && k > 0; k--)
            labels[rank++] = (char)k;
    }
    return rank;
}

static size_t index_of(const struct einsum_indices *indices, char label)
{
    size_t i = 0;
    while (i < indices->rank && indices->labels[i] != label)
        i++;
    return i;
}

static enum stoa_status add_input(const struct einsum_term *term, const struct stoa_tensor *tensor, size_t input,
                                  struct stoa_error *error, struct einsum_indices *indices)
{
    size_t letters = term->count - names(term, '.');
    char labels[2 * STOA_MAX_RANK], text[STOA_DIMS_TEXT];
    if (tensor->rank < letters || (tensor->rank > letters && !names(term, '.')))
        return stoa_fail(error, STOA_ERROR_SHAPE, "input %zu has dims %s, but attribute equation names %zu of them",
                         input, stoa_dims_text(tensor->rank, tensor->dims, text), letters);
    if (names(term, '.') && tensor->rank - letters > indices->ellipsis)
        indices->ellipsis = tensor->rank - letters;
    expand(term, tensor->rank - letters, labels);
    for (size_t k = 0; k < tensor->rank; k++) {
        size_t at = index_of(indices, labels[k]);
        if (at == STOA_MAX_RANK)
            return stoa_fail(error, STOA_ERROR_LIMIT, "attribute equation has more than %d indices", STOA_MAX_RANK);
        if (at == indices->rank) {
            indices->labels[indices->rank++] = labels[k];
            indices->dims[at] = 1;
        }
        bool again = memchr(labels, labels[k], k) != NULL;
        size_t *dim = &indices->dims[at];
        if (*dim != tensor->dims[k] && (again || (*dim != 1 && tensor->dims[k] != 1)))
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "input %zu has dims %s: dimension %zu goes with one of %zu by attribute equation", input,
                             stoa_dims_text(tensor->rank, tensor->dims, text), k, *dim);
        *dim = tensor->dims[k] == 1 ? *dim : tensor->dims[k];
    }
    return STOA_OK;
}

/* Once all dims are known. */
static void add_strides(const struct einsum_term *term, const struct stoa_tensor *tensor, size_t of,
                        struct einsum_indices *indices)
{
    char labels[2 * STOA_MAX_RANK];
    expand(term, tensor->rank - (term->count - names(term, '.')), labels);
    for (size_t k = 0; k < tensor->rank; k++) {
        size_t at = index_of(indices, labels[k]);
        if (tensor->dims[k] != indices->dims[at])
            continue; /* broadcast */
        indices->has[of][at] = true;
        indices->strides[of][at] += tensor->dims[k] == 1 ? 0 : tensor->strides[k];
    }
}

enum stoa_status stoa_einsum_indices(const struct einsum_params *params, const struct stoa_tensor *a,
                                     const struct stoa_tensor *b, struct stoa_tensor *y, bool set_output,
                                     struct stoa_error *error, struct einsum_indices *indices)
{
    const struct stoa_tensor *const inputs[] = {a, b};
    *indices = (struct einsum_indices){0};
    for (size_t i = 0; i < params->inputs; i++)
        STOA_TRY(add_input(&params->terms[i], inputs[i], i, error, indices));
    for (size_t i = 0; i < params->inputs; i++)
        add_strides(&params->terms[i], inputs[i], i, indices);

    char labels[2 * STOA_MAX_RANK];
    struct stoa_tensor output = {.dtype = a->dtype};
    output.rank = expand(&params->terms[EINSUM_Y], indices->ellipsis, labels);
    if (output.rank > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the output would have rank %zu, at most %d is taken", output.rank,
                         STOA_MAX_RANK);
    for (size_t k = 0; k < output.rank; k++)
        output.dims[k] = indices->dims[index_of(indices, labels[k])];
    if (set_output)
        *y = output;
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (!stoa_tensor_same_dims(y, &output))
        return stoa_fail(error, STOA_ERROR_SHAPE, "the gradient has dims %s, the output %s",
                         stoa_dims_text(y->rank, y->dims, mine), stoa_dims_text(output.rank, output.dims, its));
    add_strides(&params->terms[EINSUM_Y], y, EINSUM_Y, indices);
    return STOA_OK;
}

struct contraction stoa_einsum_contraction(const struct einsum_indices *indices, enum stoa_dtype dtype, size_t x,
                                           size_t y, size_t z)
{
    struct contraction contraction = {.dtype = dtype, .rank = indices->rank};
    for (size_t i = 0; i < indices->rank; i++) {
        contraction.dims[i] = indices->dims[i];
        contraction.x[i] = indices->strides[x][i];
        contraction.y[i] = y < EINSUM_TENSORS ? indices->strides[y][i] : 0;
        contraction.z[i] = indices->strides[z][i];
        contraction.summed[i] = !indices->has[z][i];
    }
    return contraction;
}

static enum stoa_status find(const struct op_call *call, bool set_output, struct stoa_error *error,
                             struct einsum_indices *indices)
{
    return stoa_einsum_indices(call->params, &call->inputs[0], call->input_count > 1 ? &call->inputs[1] : NULL,
                               &call->outputs[0], set_output, error, indices);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct einsum_params *params = call->params;
    const enum stoa_dtype dtype = call->inputs[0].dtype;
    struct einsum_indices indices;
    if (call->input_count != params->inputs)
        return stoa_fail(error, STOA_ERROR_GRAPH, "attribute equation has %zu operands, but there are %zu inputs",
                         params->inputs, call->input_count);
    if (!stoa_reduce_loops(dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input 0 is of type %s, only numbers are supported",
                         stoa_dtype_name(dtype));
    if (call->input_count > 1 && call->inputs[1].dtype != dtype)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input 1 is of type %s, input 0 of %s",
                         stoa_dtype_name(call->inputs[1].dtype), stoa_dtype_name(dtype));
    STOA_TRY(find(call, true, error, &indices));
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

static struct contraction contraction_of(const struct op_call *call, const struct einsum_indices *indices)
{
    return stoa_einsum_contraction(indices, call->inputs[0].dtype, EINSUM_A,
                                   call->input_count > 1 ? EINSUM_B : EINSUM_TENSORS, EINSUM_Y);
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    struct einsum_indices indices;
    STOA_TRY(find(call, false, error, &indices));
    if (call->input_count == 1)
        return STOA_OK;
    struct contraction contraction = contraction_of(call, &indices);
    return stoa_contraction_scratch(&contraction, error, &call->shared_scratch);
}

/* Y from A alone. */
static void run_one(const struct op_call *call, const struct contraction *contraction, struct pool *pool)
{
    const struct stoa_tensor *a = &call->inputs[0];
    struct reduce_nest nest = {.rank = contraction->rank};
    memcpy(nest.dims, contraction->dims, sizeof nest.dims);
    memcpy(nest.x_strides, contraction->x, sizeof nest.x_strides);
    memcpy(nest.y_strides, contraction->z, sizeof nest.y_strides);
    memcpy(nest.reduced, contraction->summed, sizeof nest.reduced);
    stoa_reduce(REDUCTION_SUM, &nest, a->dtype, a->data, call->outputs[0].data, pool);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct einsum_indices indices;
    STOA_TRY(find(call, false, error, &indices));
    struct contraction contraction = contraction_of(call, &indices);
    if (call->input_count == 1)
        run_one(call, &contraction, run->pool);
    else
        stoa_contraction_run(&contraction, call->inputs[0].data, call->inputs[1].data, call->outputs[0].data,
                             run->shared, run->pool);
    return STOA_OK;
}

static double macs(const struct op_call *call)
{
    struct einsum_indices indices;
    if (find(call, false, NULL, &indices) != STOA_OK)
        return 0;
    struct contraction contraction = contraction_of(call, &indices);
    return call->input_count > 1 ? stoa_contraction_macs(&contraction) : 0;
}

static const struct op_gradient gradients[] = {
    {"EinsumBackwardA", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {0}},
    {"EinsumBackwardB", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {1}},
};

static const struct op_report report = {.macs = macs};

const struct op stoa_op_einsum = {
    .type = "Einsum",
    .since = 12,
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .parameters = 1 << 0 | 1 << 1,
    .gradients = gradients,
    .gradient_count = sizeof gradients / sizeof *gradients,
    .params_size = sizeof(struct einsum_params),
    .parse = stoa_einsum_parse,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .report = &report,
};
