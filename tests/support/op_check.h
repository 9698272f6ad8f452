/* Checks one operator against its naive twin: builds the call a row describes, runs the engine's operator on it (inputs
 * of rank 3 and more plain and channels-last, as its layout says; 1 and 3 workers, which must agree to the bit) and
 * compares each output element with the twin's within the twin's slack. Rows are text (op_text.h), so that a table of
 * cases reads as one. */
#ifndef TESTS_SUPPORT_OP_CHECK_H
#define TESTS_SUPPORT_OP_CHECK_H

#include <stddef.h>
#include <stoa/layers.h>
#include <stoa/status.h>

struct op_row {
    const char *name; /* says what is special about the row */
    const char *type;
    int opset;
    const char *attributes;
    const char *inputs;
    size_t outputs;    /* 0: 1 */
    unsigned unwanted; /* bit i: output i is absent */
    double macs;       /* multiply-adds that it reports; 0: whatever it does */
};

/* Fails the running Criterion test, naming the row, where the two differ. */
void op_check(const struct op_row *row);
/* The same with one lowering forced (Conv, ConvTranspose). */
void op_check_lowering(const struct op_row *row, enum stoa_lowering lowering);

/* A row that is to be refused: the status, and what the message must contain. */
struct op_refusal {
    struct op_row row;
    enum stoa_status status;
    const char *words;
};

/* Expects the refusal at parse, infer, prepare or run. */
void op_check_refused(const struct op_refusal *refusal);

#define COUNT(table) (sizeof(table) / sizeof *(table))

#endif
