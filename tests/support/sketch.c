/* A node at a time, each on values drawn before. */
#include "support/sketch.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_ELEMENTS 1500 /* of a value that is drawn from */

static size_t draw(struct sketch *sketch, size_t least, size_t most)
{
    return (size_t)stoa_random_int(&sketch->random, (int64_t)least, (int64_t)most);
}

__attribute__((format(printf, 2, 3))) static void line(struct sketch *sketch, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(sketch->text + sketch->length, sizeof sketch->text - sketch->length, format, arguments);
    va_end(arguments);
    sketch->length += (size_t)length;
    cr_assert(sketch->length < sizeof sketch->text);
}

/* Registers the next value, which the line before has named. */
static void made(struct sketch *sketch, size_t rank, size_t a, size_t b, size_t c, size_t d)
{
    cr_assert(sketch->count < SKETCH_VALUES);
    sketch->values[sketch->count++] = (struct sketch_value){.rank = rank, .dims = {a, b, c, d}};
}

static size_t elements(const struct sketch_value *value)
{
    size_t product = 1;
    for (size_t d = 0; d < value->rank; d++)
        product *= value->dims[d];
    return product;
}

static bool same(const struct sketch_value *a, const struct sketch_value *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

/* Another value of the same dims, or v itself. */
static size_t partner(struct sketch *sketch, size_t v)
{
    size_t start = draw(sketch, 0, sketch->count - 1);
    for (size_t i = 0; i < sketch->count; i++) {
        size_t other = (start + i) % sketch->count;
        if (same(&sketch->values[v], &sketch->values[other]))
            return other;
    }
    return v;
}

static void any_shape(struct sketch *sketch, size_t v)
{
    static const char *const elementwise[] = {"Relu", "Sigmoid", "Identity",    "Dropout",  "Softmax",
                                              "Clip", "Tanh",    "HardSigmoid", "LeakyRelu"};
    const struct sketch_value value = sketch->values[v];
    size_t n = sketch->count, rank = value.rank;
    switch (draw(sketch, 0, 4)) {
    case 0:
        line(sketch, "v%zu = Add(v%zu, v%zu)\n", n, v, partner(sketch, v));
        break;
    case 1:
        line(sketch, "v%zu = Mul(v%zu, v%zu)\n", n, partner(sketch, v), v);
        break;
    case 2: { /* one element a channel, or a column, or one for all, on either side */
        static const char *const operators[] = {"Mul", "Sub", "Add", "Div"};
        const char *name = operators[draw(sketch, 0, 3)], *rest = rank == 4 && draw(sketch, 0, 3) ? ",1,1" : "";
        size_t other = rank == 4 && *rest ? value.dims[1] : value.dims[rank - 1];
        /* Not over what may come close to 0: nobody could say how far off the quotient may be. */
        bool left = strcmp(name, "Div") != 0 && draw(sketch, 0, 1);
        line(sketch, "const c%zu f32+[%zu%s]\nv%zu = %s(", n, draw(sketch, 0, 1) ? other : 1, rest, n, name);
        line(sketch, left ? "c%zu, v%zu)\n" : "v%zu, c%zu)\n", left ? n : v, left ? v : n);
        break;
    }
    default:
        line(sketch, "v%zu = %s(v%zu)\n", n, elementwise[draw(sketch, 0, 8)], v);
        break;
    }
    made(sketch, rank, value.dims[0], value.dims[1], value.dims[2], value.dims[3]);
}

static void convolve(struct sketch *sketch, size_t v)
{
    const size_t *dims = sketch->values[v].dims;
    size_t n = sketch->count, C = dims[1], outputs = draw(sketch, 1, 20), groups = 1, weights = n;
    size_t kernel = 1 + 2 * draw(sketch, 0, 2), stride = draw(sketch, 0, 3) ? 1 : 2;
    size_t least = dims[2] < dims[3] ? dims[2] : dims[3], pad = draw(sketch, 0, kernel);
    if (least + 2 * pad < kernel)
        pad = kernel;
    switch (draw(sketch, 0, 7)) {
    case 0:
        groups = outputs = C;
        break;
    case 1:
        groups = C % 2 == 0 ? 2 : 1;
        outputs *= groups;
        break;
    }
    line(sketch, "const w%zu f32[%zu,%zu,%zu,%zu]\n", n, outputs, C / groups, kernel, kernel);
    if (draw(sketch, 0, 5) == 0) /* weights that are known when it runs */
        line(sketch, "m%zu = ReduceMean(v0) axes=[0,1,2,3]\nu%zu = Add(w%zu, m%zu)\n", n, n, n, n);
    else
        weights = SIZE_MAX;
    line(sketch, "v%zu = Conv(v%zu, %s%zu) strides=[%zu,%zu] pads=[%zu,%zu,%zu,%zu] group=%zu\n", n, v,
         weights == n ? "u" : "w", n, stride, stride, pad, pad, pad, pad, groups);
    made(sketch, 4, dims[0], outputs, (dims[2] + 2 * pad - kernel) / stride + 1,
         (dims[3] + 2 * pad - kernel) / stride + 1);
    const struct sketch_value y = sketch->values[n];
    for (size_t times = draw(sketch, 0, 3), size = 2; times >= 2 && y.dims[2] >= size && y.dims[3] >= size;
         times--, size *= 2) {
        n = sketch->count;
        line(sketch, "v%zu = MaxPool(v%zu) kernel_shape=[2,2] strides=[2,2]\n", n, n - 1);
        made(sketch, 4, y.dims[0], y.dims[1], y.dims[2] / size, y.dims[3] / size);
    }
}

/* What networks are made of: a convolution, a norm, a sum, an activation, some of them. */
static void block(struct sketch *sketch, size_t v)
{
    static const char *const activations[] = {"Relu", "Clip", "HardSigmoid", "Sigmoid"};
    const struct sketch_value value = sketch->values[v];
    size_t C = value.dims[1], from = v, n = sketch->count, convolution = n;
    line(sketch, "const w%zu f32[%zu,%zu,1,1]\nv%zu = Conv(v%zu, w%zu)\n", n, C, C, n, v, n);
    made(sketch, 4, value.dims[0], C, value.dims[2], value.dims[3]);
    for (int part = 0; part < 4; part++) {
        n = sketch->count;
        v = n - 1;
        if (draw(sketch, 0, 2) == 0)
            continue;
        if (part == 0)
            line(sketch,
                 "const s%zu f32+[%zu]\nconst b%zu f32[%zu]\nv%zu = BatchNormalization(v%zu, s%zu, b%zu, b%zu, s%zu)\n",
                 n, C, n, C, n, v, n, n, n, n);
        else if (part == 1)
            line(sketch, "v%zu = Add(v%zu, v%zu)\n", n, draw(sketch, 0, 1) ? from : partner(sketch, v), v);
        else if (part == 2)
            line(sketch, "v%zu = %s(v%zu)\n", n, activations[draw(sketch, 0, 3)], v);
        else
            line(sketch, "v%zu = Mul(v%zu, v%zu)\n", n, v, v > convolution ? v - 1 : from);
        made(sketch, 4, value.dims[0], C, value.dims[2], value.dims[3]);
    }
}

static void pool(struct sketch *sketch, size_t v)
{
    const size_t *dims = sketch->values[v].dims;
    size_t n = sketch->count, kernel = dims[2] >= 2 && dims[3] >= 2 ? 2 : 1;
    if (draw(sketch, 0, 2) == 0) {
        line(sketch, "v%zu = GlobalAveragePool(v%zu)\n", n, v);
        made(sketch, 4, dims[0], dims[1], 1, 1);
        /* A squeeze-and-excitation block. */
        line(sketch, "v%zu = Mul(v%zu, v%zu)\n", n + 1, v, n);
        made(sketch, 4, dims[0], dims[1], dims[2], dims[3]);
        return;
    }
    if (draw(sketch, 0, 1)) {
        line(sketch, "v%zu = MaxPool(v%zu) kernel_shape=[%zu,%zu]\n", n, v, kernel, kernel);
        made(sketch, 4, dims[0], dims[1], dims[2] - kernel + 1, dims[3] - kernel + 1);
        return;
    }
    size_t pad = draw(sketch, 0, kernel - 1), stride = draw(sketch, 1, 2), ceiling = draw(sketch, 0, 1), size[2];
    line(sketch, "v%zu = AveragePool(v%zu) kernel_shape=[%zu,%zu] pads=[%zu,0,0,0] strides=[%zu,%zu] ", n, v, kernel,
         kernel, pad, stride, stride);
    line(sketch, "count_include_pad=%zu ceil_mode=%zu\n", draw(sketch, 0, 1), ceiling);
    for (size_t i = 0; i < 2; i++) {
        size_t before = i ? 0 : pad, room = dims[2 + i] + before - kernel;
        size[i] = (room + (ceiling ? stride - 1 : 0)) / stride + 1;
        size[i] -= (size[i] - 1) * stride >= dims[2 + i] + before; /* a window that begins beyond the image */
    }
    made(sketch, 4, dims[0], dims[1], size[0], size[1]);
}

/* Several ways from one image, joined along channels, perhaps with the image or with one of them again. */
static void fork_and_join(struct sketch *sketch, size_t v)
{
    const struct sketch_value value = sketch->values[v];
    size_t parts = 0, channels = 0, names[4];
    for (size_t ways = draw(sketch, 1, 3); ways > 0; ways--) {
        size_t n = sketch->count, outputs = draw(sketch, 1, 6),
               from = parts && !draw(sketch, 0, 2) ? names[parts - 1] : v;
        size_t inputs = sketch->values[from].dims[1];
        line(sketch, "const w%zu f32[%zu,%zu,1,1]\nv%zu = Conv(v%zu, w%zu)\n", n, outputs, inputs, n, from, n);
        made(sketch, 4, value.dims[0], outputs, value.dims[2], value.dims[3]);
        names[parts++] = n;
        channels += outputs;
    }
    if (draw(sketch, 0, 1)) {
        names[parts] = draw(sketch, 0, 1) ? v : names[0];
        channels += sketch->values[names[parts++]].dims[1];
    }
    line(sketch, "v%zu = Concat(", sketch->count);
    for (size_t i = 0; i < parts; i++)
        line(sketch, "v%zu%s", names[i], i + 1 < parts ? ", " : ") axis=1\n");
    made(sketch, 4, value.dims[0], channels, value.dims[2], value.dims[3]);
}

static void join(struct sketch *sketch, size_t v)
{
    const struct sketch_value value = sketch->values[v];
    size_t n = sketch->count, axis = draw(sketch, 0, value.rank - 1), other = partner(sketch, v);
    line(sketch, "v%zu = Concat(v%zu, v%zu) axis=%zu\n", n, v, other, axis);
    struct sketch_value joined = value;
    joined.dims[axis] *= 2;
    made(sketch, joined.rank, joined.dims[0], joined.dims[1], joined.dims[2], joined.dims[3]);
}

static void split(struct sketch *sketch, size_t v)
{
    const struct sketch_value value = sketch->values[v];
    size_t n = sketch->count, axis = draw(sketch, 0, value.rank - 1);
    if (value.dims[axis] < 2) {
        any_shape(sketch, v);
        return;
    }
    size_t first = draw(sketch, 1, value.dims[axis] - 1);
    line(sketch, "const s%zu i64{%zu,%zu}\nv%zu, v%zu = Split(v%zu, s%zu) axis=%zu\n", n, first,
         value.dims[axis] - first, n, n + 1, v, n, axis);
    for (int i = 0; i < 2; i++) {
        struct sketch_value part = value;
        part.dims[axis] = i ? value.dims[axis] - first : first;
        made(sketch, part.rank, part.dims[0], part.dims[1], part.dims[2], part.dims[3]);
    }
}

static void transpose(struct sketch *sketch, size_t v)
{
    static const size_t orders[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {0, 1, 3, 2}, {3, 2, 1, 0}, {1, 0, 2, 3}};
    const struct sketch_value value = sketch->values[v];
    size_t n = sketch->count;
    if (value.rank == 2) {
        line(sketch, "v%zu = Transpose(v%zu)\n", n, v);
        made(sketch, 2, value.dims[1], value.dims[0], 0, 0);
        return;
    }
    const size_t *order = orders[draw(sketch, 0, 4)];
    line(sketch, "v%zu = Transpose(v%zu) perm=[%zu,%zu,%zu,%zu]\n", n, v, order[0], order[1], order[2], order[3]);
    made(sketch, 4, value.dims[order[0]], value.dims[order[1]], value.dims[order[2]], value.dims[order[3]]);
}

/* An image to rows, often with a product behind, as classifiers end. */
static void flatten(struct sketch *sketch, size_t v)
{
    const size_t *dims = sketch->values[v].dims;
    size_t n = sketch->count, columns = dims[1] * dims[2] * dims[3];
    if (draw(sketch, 0, 1))
        line(sketch, "v%zu = Flatten(v%zu)\n", n, v);
    else
        line(sketch, "const s%zu i64{%zu,-1}\nv%zu = Reshape(v%zu, s%zu)\n", n, dims[0], n, v, n);
    made(sketch, 2, dims[0], columns, 0, 0);
}

static void multiply(struct sketch *sketch, size_t v)
{
    const size_t *dims = sketch->values[v].dims;
    size_t n = sketch->count, outputs = draw(sketch, 1, 9), rows = dims[0], columns = dims[1];
    if (draw(sketch, 0, 1)) {
        line(sketch, "const w%zu f32[%zu,%zu]\nv%zu = MatMul(v%zu, w%zu)\n", n, columns, outputs, n, v, n);
    } else {
        bool turned = draw(sketch, 0, 3) == 0;
        line(sketch, "const w%zu f32[%zu,%zu]\nv%zu = Gemm(v%zu, w%zu) transB=1 transA=%d\n", n, outputs,
             turned ? rows : columns, n, v, n, turned);
        rows = turned ? columns : rows;
    }
    made(sketch, 2, rows, outputs, 0, 0);
}

/* Rows to an image again. */
static void unflatten(struct sketch *sketch, size_t v)
{
    const size_t *dims = sketch->values[v].dims;
    size_t n = sketch->count, factor = dims[1] % 3 == 0 ? 3 : dims[1] % 2 == 0 ? 2 : 1;
    line(sketch, "const s%zu i64{%zu,%zu,%zu,1}\nv%zu = Reshape(v%zu, s%zu)\n", n, dims[0], factor, dims[1] / factor, n,
         v, n);
    made(sketch, 4, dims[0], factor, dims[1] / factor, 1);
}

static void reduce(struct sketch *sketch, size_t v)
{
    const size_t *dims = sketch->values[v].dims;
    size_t n = sketch->count, keep = draw(sketch, 0, 1);
    line(sketch, "v%zu = ReduceMean(v%zu) axes=[2,3] keepdims=%zu\n", n, v, keep);
    made(sketch, keep ? 4 : 2, dims[0], dims[1], 1, 1);
}

/* One image to one image, in other ways. */
static void image(struct sketch *sketch, size_t v)
{
    const struct sketch_value value = sketch->values[v];
    size_t n = sketch->count, N = value.dims[0], C = value.dims[1], H = value.dims[2], W = value.dims[3];
    switch (draw(sketch, 0, 6)) {
    case 0:
        line(sketch, "v%zu = LRN(v%zu) size=3\n", n, v);
        break;
    case 1:
        line(sketch, "const w%zu f32[%zu,1,1]\nv%zu = PRelu(v%zu, w%zu)\n", n, C, n, v, n);
        break;
    case 2:
        line(sketch, "const w%zu f32[%zu]\nconst b%zu f32[%zu]\nv%zu = InstanceNormalization(v%zu, w%zu, b%zu)\n", n, C,
             n, C, n, v, n, n);
        break;
    case 3: { /* zeros, mostly, that a convolution or an average reads */
        bool taken = H > 1 && !draw(sketch, 0, 5);
        size_t top = taken ? 0 : draw(sketch, 0, 3), right = draw(sketch, 0, 3);
        line(sketch, "const s%zu i64{0,0,%s%zu,0,0,0,1,%zu}\nconst z%zu f32(%d)\nv%zu = Pad(v%zu, s%zu, z%zu)\n", n,
             taken ? "-" : "", taken ? 1 : top, right, n, draw(sketch, 0, 4) == 0, n, v, n, n);
        H = H + 1 + top - taken;
        W += right;
        made(sketch, 4, N, C, H, W);
        if (draw(sketch, 0, 2))
            convolve(sketch, n);
        else
            pool(sketch, n);
        return;
    }
    case 4: {
        size_t first = draw(sketch, 0, C - 1);
        line(sketch, "const a%zu i64{%zu}\nconst e%zu i64{%zu}\nconst x%zu i64{1}\n", n, first, n, C, n);
        line(sketch, "v%zu = Slice(v%zu, a%zu, e%zu, x%zu)\n", n, v, n, n, n);
        C -= first;
        break;
    }
    case 5: {
        size_t outputs = draw(sketch, 1, 6);
        line(sketch, "const w%zu f32[%zu,%zu,2,2]\nv%zu = ConvTranspose(v%zu, w%zu) strides=[2,1]\n", n, C, outputs, n,
             v, n);
        C = outputs;
        H = (H - 1) * 2 + 2;
        W += 1;
        break;
    }
    default:
        line(sketch, "v%zu = GlobalMaxPool(v%zu)\n", n, v);
        H = W = 1;
        break;
    }
    made(sketch, 4, N, C, H, W);
}

static void add_node(struct sketch *sketch)
{
    static void (*const images[])(struct sketch *, size_t) = {
        any_shape,     any_shape,     image, image, convolve, convolve,  block,   block,
        fork_and_join, fork_and_join, pool,  join,  split,    transpose, flatten, reduce};
    static void (*const rows[])(struct sketch *, size_t) = {any_shape, join,     split,    transpose,
                                                            multiply,  multiply, unflatten};
    /* Mostly from the newest, so that graphs become deep. */
    size_t v = draw(sketch, 0, 2) ? sketch->count - 1 : draw(sketch, 0, sketch->count - 1);
    if (elements(&sketch->values[v]) > MAX_ELEMENTS)
        v = 0;
    if (sketch->values[v].rank == 4)
        images[draw(sketch, 0, sizeof images / sizeof *images - 1)](sketch, v);
    else
        rows[draw(sketch, 0, sizeof rows / sizeof *rows - 1)](sketch, v);
}

void sketch_network(struct sketch *sketch, uint64_t seed)
{
    *sketch = (struct sketch){.random = {.state = seed}};
    size_t N = draw(sketch, 1, 3), C = draw(sketch, 1, 18), H = draw(sketch, 1, 7), W = draw(sketch, 1, 7);
    line(sketch, "input v0 f32[%zu,%zu,%zu,%zu]\nconst v1 f32[%zu,%zu,%zu,%zu]\n", N, C, H, W, N, C, H, W);
    made(sketch, 4, N, C, H, W);
    made(sketch, 4, N, C, H, W);
    for (size_t nodes = draw(sketch, 1, 14); nodes > 0; nodes--)
        add_node(sketch);
    line(sketch, "output v%zu\n", sketch->count - 1);
    size_t last = sketch->count - 1;
    for (size_t outputs = draw(sketch, 0, 3); outputs > 0 && last > 0; outputs--) {
        last = draw(sketch, 0, last - 1);
        line(sketch, "output v%zu\n", last);
    }
}
