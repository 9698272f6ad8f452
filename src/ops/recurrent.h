/* What RNN, GRU and LSTM are made of: the operators around, and a cell, which takes one sequence a step on. */
#ifndef STOA_OPS_RECURRENT_H
#define STOA_OPS_RECURRENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"
#include "kernels/activation.h"

/* y = slope * f(scale * x) + offset */
struct recurrent_function {
    struct activation activation;
    float scale, slope, offset;
};
#define RECURRENT_FUNCTIONS 3
#define RECURRENT_ROWS 8 /* at most */

/* Sequences that take their steps together, in one direction. n is the hidden size; weights and biases are of all
 * gates, in ONNX's order. */
struct recurrent_state {
    size_t n, rows;
    const struct recurrent_function *functions;
    float clip;         /* of what the gates' functions get; infinite: none */
    bool coupled, late; /* attributes input_forget and linear_before_reset */
    const float *r;     /* [gates * n][n] */
    const float *sums;  /* [gates * n], of both biases; null: none */
    const float *b;     /* [2][gates * n]: W's and R's */
    const float *p;     /* [3 * n], peepholes; null: none */
    float *h;           /* [rows][n], the state */
    float *c;           /* [rows][n], LSTM: the cells; GRU: r * h */
    float *gates;       /* [rows][gates * n] */
    float *spare;       /* [n] */
    const float
        *x[RECURRENT_ROWS]; /* of each row [gates * n]: what the step's input gives; null where a sequence is over */
    struct pool *pool;
};

struct recurrent_cell {
    const char *type;
    size_t gates, functions;
    const char *defaults[RECURRENT_FUNCTIONS]; /* of the attribute activations */
    /* h and c of the sequences that are not over <- those after the step. */
    void (*step)(const struct recurrent_state *state);
};
extern const struct recurrent_cell stoa_rnn_cell, stoa_gru_cell, stoa_lstm_cell;

#endif
