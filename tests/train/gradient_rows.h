/* Rows of small networks whose gradients must be derivatives: difference quotients against the twin, the twin against
 * the engine (stoa_gradient_check). */
#ifndef TESTS_TRAIN_GRADIENT_ROWS_H
#define TESTS_TRAIN_GRADIENT_ROWS_H

#include <stddef.h>
#include <stoa/gradient.h>

struct gradient_row {
    const char *name;
    const char *inputs; /* dims of x, then of a second input z */
    const char *body;   /* y from x and z */
    enum stoa_loss loss;
    double label_smoothing, margin;
};

/* Fails the running test, naming the net (support/net.h), where a gradient is none. Of the row only the loss counts. */
void gradient_net_check(const char *name, const char *text, const struct gradient_row *loss, unsigned long seed);
/* The same for each row. */
void gradient_rows_check(const struct gradient_row *rows, size_t count);

#endif
