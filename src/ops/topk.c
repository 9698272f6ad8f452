/* TopK: the k largest (smallest) elements of each line along an axis, and where they were. A line is gone through once,
 * with the best so far in a heap whose root is the worst of them; most elements do not get past it. Of equal elements
 * the first ones count and come first. The order is that of keys (kernels/select.h), so that NaN is larger than any
 * number. `sorted` = 0 leaves the order open: it is the same one.
 *
 * No gradients pass. */
#include <inttypes.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/select.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

#define CHUNK 256          /* keys made at a time */
#define TASK_ELEMENTS 8192 /* a task has about as many at least */

enum { VALUES, INDICES };

struct topk_params {
    int64_t axis, k;
    bool k_input; /* since opset 10 */
    bool least;
};

static enum stoa_status parse(struct attribute_reader *reader, void *out)
{
    struct topk_params *params = out;
    params->axis = stoa_read_int(reader, "axis", -1, -STOA_MAX_RANK, STOA_MAX_RANK);
    params->k_input = reader->opset >= 10;
    if (!params->k_input) {
        stoa_reader_require(reader, "k");
        params->k = stoa_read_int(reader, "k", 0, 0, INT64_MAX);
    }
    if (reader->opset >= 11) {
        params->least = !stoa_read_int(reader, "largest", 1, 0, 1);
        stoa_read_int(reader, "sorted", 1, 0, 1);
    }
    return stoa_reader_finish(reader);
}

static enum stoa_status read_k(const struct op_call *call, struct stoa_error *error, int64_t *k)
{
    const struct topk_params *params = call->params;
    size_t count = 1;
    *k = params->k;
    if (stoa_op_has_input(call, 1) != params->k_input)
        return stoa_fail(error, STOA_ERROR_GRAPH,
                         params->k_input ? "input K is missing"
                                         : "input K is there, before opset 10 it is an attribute");
    if (params->k_input)
        STOA_TRY(stoa_input_values(call, 1, "K", 1, error, k, &count));
    return count == 1 ? STOA_OK : stoa_fail(error, STOA_ERROR_SHAPE, "input K has no element, must have one");
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct topk_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    size_t axis;
    int64_t k;
    if (!stoa_select_loops(x->dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input X is of type %s, only numbers are supported",
                         stoa_dtype_name(x->dtype));
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    STOA_TRY(read_k(call, error, &k));
    if (k < 0 || (uint64_t)k > x->dims[axis])
        return stoa_fail(error, STOA_ERROR_SHAPE, "K is %" PRId64 ", but input X has %zu elements along axis %zu", k,
                         x->dims[axis], axis);
    for (size_t i = VALUES; i <= INDICES; i++)
        if (stoa_op_has_output(call, i)) {
            stoa_same_as_input(call, 0, i);
            call->outputs[i].dims[axis] = (size_t)k;
        }
    if (stoa_op_has_output(call, INDICES))
        call->outputs[INDICES].dtype = STOA_INT64;
    return STOA_OK;
}

struct item {
    uint64_t key;
    size_t index;
};

struct top {
    const char *x;
    char *values;
    int64_t *indices;
    const struct select_loops *loops;
    size_t size;             /* of an element */
    size_t length, k, inner; /* x[outer][length][inner] */
    size_t lines, lines_per_task;
    bool least;
    const struct op_run *run;
};

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    int64_t k;
    STOA_TRY(read_k(call, error, &k));
    call->worker_scratch = (size_t)k * sizeof(struct item);
    return STOA_OK;
}

static bool is_worse(struct item a, struct item b)
{
    return a.key < b.key || (a.key == b.key && a.index > b.index);
}

/* Lets the item sink from place i until none below it is worse. */
static void sink(struct item *heap, size_t count, size_t i, struct item item)
{
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        child += child + 1 < count && is_worse(heap[child + 1], heap[child]);
        if (!is_worse(heap[child], item))
            break;
        heap[i] = heap[child];
    }
    heap[i] = item;
}

/* heap[k] <- the best of the line, the best first */
static void find(const struct top *top, const char *x, struct item *heap)
{
    const size_t k = top->k;
    uint64_t keys[CHUNK];
    for (size_t first = 0; first < top->length; first += CHUNK) {
        size_t count = stoa_size_min(CHUNK, top->length - first);
        top->loops->keys(count, top->inner, x + first * top->inner * top->size, keys);
        for (size_t i = 0; i < count; i++) {
            struct item item = {.key = top->least ? ~keys[i] : keys[i], .index = first + i};
            if (item.index >= k) {
                if (item.key > heap[0].key)
                    sink(heap, k, 0, item);
                continue;
            }
            heap[item.index] = item;
            if (item.index + 1 == k)
                for (size_t j = k / 2; j-- > 0;)
                    sink(heap, k, j, heap[j]);
        }
    }
    for (size_t count = k; count-- > 1;) {
        struct item worst = heap[0];
        sink(heap, count, 0, heap[count]);
        heap[count] = worst;
    }
}

static void task(void *context, size_t task, size_t worker)
{
    const struct top *top = context;
    struct item *heap = stoa_op_worker(top->run, worker);
    size_t end = stoa_size_min((task + 1) * top->lines_per_task, top->lines);
    for (size_t line = task * top->lines_per_task; line < end; line++) {
        size_t outer = line / top->inner, inner = line % top->inner;
        const char *x = top->x + (outer * top->length * top->inner + inner) * top->size;
        find(top, x, heap);
        for (size_t i = 0; i < top->k; i++) {
            size_t to = (outer * top->k + i) * top->inner + inner;
            if (top->values)
                memcpy(top->values + to * top->size, x + heap[i].index * top->inner * top->size, top->size);
            if (top->indices)
                top->indices[to] = (int64_t)heap[i].index;
        }
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct topk_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    size_t axis;
    int64_t k;
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    STOA_TRY(read_k(call, error, &k));
    struct top top = {.x = x->data,
                      .values = stoa_op_has_output(call, VALUES) ? call->outputs[VALUES].data : NULL,
                      .indices = stoa_op_has_output(call, INDICES) ? call->outputs[INDICES].data : NULL,
                      .loops = stoa_select_loops(x->dtype),
                      .size = stoa_dtype_size(x->dtype),
                      .length = x->dims[axis],
                      .k = (size_t)k,
                      .inner = 1,
                      .least = params->least,
                      .run = run};
    if (k == 0)
        return STOA_OK;
    for (size_t i = axis + 1; i < x->rank; i++)
        top.inner *= x->dims[i];
    top.lines = stoa_tensor_elements(x) / top.length;
    top.lines_per_task = stoa_size_max(1, TASK_ELEMENTS / top.length);
    stoa_pool_run(run->pool, stoa_size_ceil_div(top.lines, top.lines_per_task), task, &top);
    return STOA_OK;
}

const struct op stoa_op_top_k = {
    .type = "TopK",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 2,
    .value_inputs = 1 << 1,
    .min_outputs = 1,
    .max_outputs = 2,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct topk_params),
    .parse = parse,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
