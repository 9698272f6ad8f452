/* Operands of a layer and of its twin: the same numbers, as floats as the layer has them and row-major in double. */
#ifndef TESTS_LAYERS_OPERANDS_H
#define TESTS_LAYERS_OPERANDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stoa/tensor.h>

#include "base/random.h"
#include "reference/reference.h"

#define MOST ((size_t)1 << 15)
#define OPERANDS 5

/* What a row of a test works on: buffers as the layer has them, and row-major for the twin. */
struct operands {
    const char *name;
    enum stoa_layout layout;
    struct reference_tensor inputs[OPERANDS], outputs[OPERANDS];
    struct attribute attributes[6];
    int64_t integers[6][4];
    size_t attribute_count;
    unsigned absent; /* bit i: the twin is not asked for output i */
    struct random random;
};

size_t operands_elements(const struct reference_tensor *tensor);
struct reference_tensor operands_image(size_t N, size_t C, size_t H, size_t W);
struct reference_tensor operands_matrix(size_t rows, size_t columns);
struct reference_tensor operands_vector(size_t count);
/* Random numbers for an operand, for both; the result is the layer's buffer. */
float *operands_fill(struct operands *bench, size_t operand, struct reference_tensor tensor, bool is_image);
/* One that the layer gave, as an operand of the twin's. */
void operands_take(struct operands *bench, size_t operand, struct reference_tensor tensor, bool is_image,
                   const float *from);
/* Computes the outputs. */
void operands_twin(struct operands *bench, const char *type, size_t inputs, size_t outputs);
/* Expects what a layer gave to be output number `output`, within its bound. */
void operands_compare(const struct operands *bench, size_t output, bool is_image, const float *given, const char *what);
/* Frees the first so many of each. */
void operands_clear(struct operands *bench, size_t inputs, size_t outputs);
/* Attributes; sizes are at least `least`. */
void operands_integers(struct operands *bench, const char *name, size_t count, const size_t *sizes, size_t least);
void operands_integer(struct operands *bench, const char *name, size_t value);
/* A workspace; null for 0 bytes. */
void *operands_aligned(size_t size);

#endif
