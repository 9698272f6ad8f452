/* RNN, GRU and LSTM, a number at a time.
 *
 * Slack goes along from step to step: each number of the state has its own. A gate's sum of N terms is off by
 * N * sum |terms| and by what the state's numbers in it are off; a function of it by its own roundings and by what it
 * makes of both ends of where the sum may be; products and sums of such numbers as below. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "reference/internal.h"

enum { X, W, R, B, LENGTHS, FIRST_H, FIRST_C, PEEPHOLES };

struct number {
    double value, slack;
};

/* Slack may double with each step: it stays where it can still be multiplied. */
static struct number number(double value, double slack)
{
    return (struct number){value, fmin(slack, 0x1p400)};
}

static struct number product(struct number a, struct number b)
{
    double value = a.value * b.value, slack = fabs(a.value) * b.slack + fabs(b.value) * a.slack;
    return number(value, slack + a.slack * b.slack * 0x1p-24 + fabs(value) + REFERENCE_TINY);
}

static struct number sum(struct number a, struct number b)
{
    double value = a.value + b.value, slack = a.slack + b.slack;
    return number(value, slack + slack * 0x1p-24 + fabs(value));
}

static struct number complement(struct number a)
{
    return sum((struct number){1, 0}, (struct number){-a.value, a.slack});
}

static double affine(double x, const double *p, double *slack)
{
    double y = p[0] * x + p[1];
    *slack = fabs(p[0] * x) + fabs(y);
    return y;
}

/* alpha * tanh(beta * x): the argument's rounding weighs as the slope. */
static double scaled_tanh(double x, const double *p, double *slack)
{
    double t = tanh(p[1] * x);
    *slack = fabs(p[0]) * (9 * fabs(t) + fabs(p[1] * x) * (1 - t * t));
    return p[0] * t;
}

static const struct {
    const char *name;
    reference_function f;
    int parameters;
    float defaults[2];
} functions[] = {
    {"Sigmoid", stoa_reference_sigmoid_of},
    {"Tanh", stoa_reference_tanh_of},
    {"Relu", stoa_reference_relu_of},
    {"LeakyRelu", stoa_reference_leaky_relu_of, 1, {0.01f}},
    {"ThresholdedRelu", stoa_reference_thresholded_relu_of, 1, {1}},
    {"Elu", stoa_reference_elu_of, 1, {1}},
    {"HardSigmoid", stoa_reference_hard_sigmoid_of, 2, {0.2f, 0.5f}},
    {"Affine", affine, 2, {1, 0}},
    {"ScaledTanh", scaled_tanh, 2, {1, 1}},
    {"Softsign", stoa_reference_softsign_of},
    {"Softplus", stoa_reference_softplus_of},
};

struct gate_function {
    reference_function f;
    double p[2];
};

/* One direction of one sequence. */
struct sequence {
    size_t gates, hidden, input, length;
    bool late, coupled;
    double clip;
    const struct gate_function *functions;
    const double *w, *r, *b, *p; /* b and p may be null */
    struct number *h, *c, *next; /* [hidden] each */
};

/* The function of a number, clipped before if clip is finite. */
static struct number apply(const struct gate_function *function, double clip, struct number x)
{
    struct number y = {0, 0};
    double at = fmin(fmax(x.value, -clip), clip);
    at = isnan(x.value) ? x.value : at;
    y.value = function->f(at, function->p, &y.slack);
    stoa_reference_carry(function->f, at, x.slack, function->p, 0, y.value, &y.slack);
    return number(y.value, y.slack);
}

/* What gate `gate` of unit j gets of the step's input: w, x and the bias; the number of terms is the caller's. */
static double from_input(const struct sequence *s, size_t gate, size_t j, const double *x, double *magnitude)
{
    size_t row = gate * s->hidden + j;
    double total = s->b ? s->b[row] : 0;
    *magnitude = fabs(total);
    for (size_t i = 0; i < s->input; i++) {
        double term = s->w[row * s->input + i] * x[i];
        total += term;
        *magnitude += fabs(term);
    }
    return total;
}

/* And of the state, or of what stands for it. */
static double from_state(const struct sequence *s, size_t gate, size_t j, const struct number *h, double *magnitude,
                         double *slack)
{
    size_t row = gate * s->hidden + j;
    double total = s->b ? s->b[s->gates * s->hidden + row] : 0;
    *magnitude = fabs(total);
    *slack = 0;
    for (size_t k = 0; k < s->hidden; k++) {
        double weight = s->r[row * s->hidden + k], term = weight * h[k].value;
        total += term;
        *magnitude += fabs(term) + fabs(weight) * h[k].slack * 0x1p-24;
        *slack += fabs(weight) * h[k].slack;
    }
    return total;
}

static struct number gate_sum(const struct sequence *s, size_t gate, size_t j, const double *x, const struct number *h,
                              struct number further)
{
    double input, state, slack;
    double value = from_input(s, gate, j, x, &input) + from_state(s, gate, j, h, &state, &slack) + further.value;
    double terms = (double)(s->input + s->hidden + 4);
    return number(value, terms * (input + state + fabs(further.value) + REFERENCE_TINY) + slack + further.slack);
}

static struct number gate(const struct sequence *s, size_t gate, size_t function, size_t j, const double *x,
                          struct number further)
{
    return apply(&s->functions[function], s->clip, gate_sum(s, gate, j, x, s->h, further));
}

static void rnn_step(const struct sequence *s, const double *x)
{
    for (size_t j = 0; j < s->hidden; j++)
        s->next[j] = gate(s, 0, 0, j, x, (struct number){0, 0});
    memcpy(s->h, s->next, s->hidden * sizeof *s->h);
}

/* h = (1 - z) * candidate + z * h; c holds r * h, or r alone where that comes later. */
static void gru_step(const struct sequence *s, const double *x)
{
    const struct number none = {0, 0};
    for (size_t j = 0; j < s->hidden; j++) {
        s->c[j] = gate(s, 1, 0, j, x, none);
        if (!s->late)
            s->c[j] = product(s->c[j], s->h[j]);
    }
    for (size_t j = 0; j < s->hidden; j++) {
        struct number z = gate(s, 0, 0, j, x, none), total;
        if (s->late) {
            double input, state, slack;
            struct number before;
            total.value = from_input(s, 2, j, x, &input);
            total.slack = (double)(s->input + 2) * (input + REFERENCE_TINY);
            before.value = from_state(s, 2, j, s->h, &state, &slack);
            before.slack = (double)(s->hidden + 2) * (state + REFERENCE_TINY) + slack;
            /* The bias may join the sum last. */
            struct number gated = product(s->c[j], before);
            total.slack += fabs(gated.value) + fabs(total.value);
            total = sum(total, gated);
        } else {
            total = gate_sum(s, 2, j, x, s->c, none);
        }
        struct number candidate = apply(&s->functions[1], s->clip, total);
        s->next[j] = sum(product(complement(z), candidate), product(z, s->h[j]));
    }
    memcpy(s->h, s->next, s->hidden * sizeof *s->h);
}

static void lstm_step(const struct sequence *s, const double *x)
{
    enum { I, O, F, CELL };
    for (size_t j = 0; j < s->hidden; j++) {
        struct number peep[3] = {{0, 0}, {0, 0}, {0, 0}}; /* of i, o and f */
        for (size_t k = 0; s->p && k < 3; k += 2)
            peep[k] = product((struct number){s->p[k * s->hidden + j], 0}, s->c[j]);
        struct number i = gate(s, I, 0, j, x, peep[I]);
        struct number f = s->coupled ? complement(i) : gate(s, F, 0, j, x, peep[F]);
        struct number c = sum(product(f, s->c[j]), product(i, gate(s, CELL, 1, j, x, (struct number){0, 0})));
        if (s->p)
            peep[O] = product((struct number){s->p[s->hidden + j], 0}, c);
        struct number o = gate(s, O, 0, j, x, peep[O]);
        s->c[j] = c;
        s->next[j] = product(o, apply(&s->functions[2], INFINITY, c));
    }
    memcpy(s->h, s->next, s->hidden * sizeof *s->h);
}

static const struct cell {
    const char *type;
    size_t gates, functions;
    const char *defaults[3];
    void (*step)(const struct sequence *s, const double *x);
} cells[] = {
    {"RNN", 1, 1, {"Tanh"}, rnn_step},
    {"GRU", 3, 2, {"Sigmoid", "Tanh"}, gru_step},
    {"LSTM", 4, 3, {"Sigmoid", "Tanh", "Tanh"}, lstm_step},
};

static enum stoa_status read_functions(struct reference_run *run, const struct cell *cell, size_t count,
                                       struct gate_function *gates)
{
    const char *names[6];
    float numbers[2][6];
    size_t given[2], used[2] = {0, 0}, named = stoa_read_strings(&run->reader, "activations", 6, names);
    given[0] = stoa_read_floats(&run->reader, "activation_alpha", 6, numbers[0]);
    given[1] = stoa_read_floats(&run->reader, "activation_beta", 6, numbers[1]);
    for (size_t i = 0; i < count; i++) {
        const char *name = i < named ? names[i] : cell->defaults[i % cell->functions];
        size_t k = 0;
        while (k < sizeof functions / sizeof *functions && strcmp(functions[k].name, name) != 0)
            k++;
        if (k == sizeof functions / sizeof *functions)
            return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "the reference has no function %s", name);
        gates[i].f = functions[k].f;
        for (int p = 0; p < 2; p++)
            gates[i].p[p] = p < functions[k].parameters && used[p] < given[p] ? (double)numbers[p][used[p]++]
                                                                              : (double)functions[k].defaults[p];
    }
    return run->reader.status;
}

/* Puts numbers[n] into an output that is wanted. */
static void put(struct reference_tensor *y, size_t at, size_t n, const struct number *numbers)
{
    for (size_t j = 0; y && j < n; j++) {
        y->values[at + j] = numbers[j].value;
        y->slack[at + j] = numbers[j].slack;
    }
}

/* numbers[n] <- the values, exact; zeros where that is null. */
static void take(const double *values, size_t n, struct number *numbers)
{
    for (size_t j = 0; j < n; j++)
        numbers[j] = (struct number){values ? values[j] : 0, 0};
}

static const double *values_of(struct reference_run *run, size_t input, size_t offset)
{
    const struct reference_tensor *tensor = stoa_reference_input(run, input);
    return tensor ? tensor->values + offset : NULL;
}

enum stoa_status stoa_reference_recurrent(struct reference_run *run)
{
    static const char *const names[] = {"forward", "reverse", "bidirectional", NULL};
    const struct reference_tensor *x = stoa_reference_input(run, X), *r = stoa_reference_input(run, R);
    const struct cell *cell = cells;
    while (strcmp(cell->type, run->call->type) != 0)
        cell++;
    size_t way = stoa_read_choice(&run->reader, "direction", names), D = way == 2 ? 2 : 1;
    bool turned = stoa_read_int(&run->reader, "layout", 0, 0, 1);
    struct gate_function gates[6];
    struct sequence s = {.gates = cell->gates,
                         .late = stoa_read_int(&run->reader, "linear_before_reset", 0, 0, 1),
                         .coupled = stoa_read_int(&run->reader, "input_forget", 0, 0, 1),
                         .clip = (double)stoa_read_float(&run->reader, "clip", INFINITY)};
    STOA_TRY(read_functions(run, cell, D * cell->functions, gates));
    if (x->rank != 3 || r->rank != 3)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 0 and 2 must be of rank 3");
    size_t T = x->dims[turned], N = x->dims[!turned], I = x->dims[2], n = r->dims[2], all = cell->gates * n;
    const size_t elements[] = {T * N * I, D * all * I, D * all * n, D * 2 * all, N, D * N * n, D * N * n, D * 3 * n};
    for (size_t i = X; i <= PEEPHOLES; i++) {
        const struct reference_tensor *tensor = stoa_reference_input(run, i);
        if (tensor && stoa_reference_count(tensor) != elements[i])
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu has %zu elements, must have %zu", i,
                             stoa_reference_count(tensor), elements[i]);
    }
    s.hidden = n;
    s.input = I;

    struct reference_tensor *outputs[3] = {NULL}; /* Y, Y_h, Y_c */
    const size_t inner = turned ? D : N,
                 dims[][4] = {{turned ? N : T, turned ? T : D, inner, n}, {turned ? N : D, inner, n}};
    for (size_t i = 0; i < 3; i++)
        STOA_TRY(stoa_reference_output(run, i, STOA_FLOAT, i ? 3 : 4, dims[i > 0], &outputs[i]));
    STOA_TRY(stoa_allocate(run->allocator, 3 * n, sizeof *s.h, run->error, &s.h));
    s.c = s.h + n;
    s.next = s.c + n;

    for (size_t d = 0; d < D; d++)
        for (size_t b = 0; b < N; b++) {
            const struct reference_tensor *lengths = stoa_reference_input(run, LENGTHS);
            size_t place = (turned ? b * D + d : d * N + b) * n;
            s.length = lengths ? (size_t)fmin(fmax(lengths->values[b], 0), (double)T) : T;
            s.functions = gates + d * cell->functions;
            s.w = values_of(run, W, d * all * I);
            s.r = values_of(run, R, d * all * n);
            s.b = values_of(run, B, d * 2 * all);
            s.p = values_of(run, PEEPHOLES, d * 3 * n);
            take(values_of(run, FIRST_H, place), n, s.h);
            take(values_of(run, FIRST_C, place), n, s.c);
            for (size_t step = 0; step < s.length; step++) {
                size_t t = d == 1 || way == 1 ? s.length - 1 - step : step;
                cell->step(&s, x->values + (turned ? b * T + t : t * N + b) * I);
                put(outputs[0], (turned ? (b * T + t) * D + d : (t * D + d) * N + b) * n, n, s.h);
            }
            put(outputs[1], place, s.length ? n : 0, s.h);
            put(outputs[2], place, s.length ? n : 0, s.c);
        }
    stoa_release(run->allocator, s.h);
    return STOA_OK;
}
