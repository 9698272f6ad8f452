/* A node's attributes as a model states them, and the reader through which operators take them. The reader remembers
 * the first error, so that an operator reads straight through and checks once, at stoa_reader_finish. An attribute
 * nobody asked for is an error too: nothing that a model says is dropped in silence. */
#ifndef STOA_BASE_ATTRIBUTES_H
#define STOA_BASE_ATTRIBUTES_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

/* Numbered as ONNX does (AttributeProto.AttributeType). */
enum attribute_kind {
    ATTRIBUTE_FLOAT = 1,
    ATTRIBUTE_INT = 2,
    ATTRIBUTE_STRING = 3,
    ATTRIBUTE_TENSOR = 4,
    ATTRIBUTE_GRAPH = 5,
    ATTRIBUTE_FLOATS = 6,
    ATTRIBUTE_INTS = 7,
    ATTRIBUTE_STRINGS = 8
};

/* Only the members of its kind are set. Everything is owned by whoever owns the attribute. */
struct attribute {
    const char *name;
    enum attribute_kind kind;
    int64_t integer;
    float number;
    const char *string;
    const int64_t *integers;    /* count of them */
    const float *numbers;       /* count of them */
    const char *const *strings; /* count of them */
    size_t count;
    const struct stoa_tensor *tensor; /* plain */
};

#define STOA_MAX_ATTRIBUTES 64

struct attributes {
    const struct attribute *items;
    size_t count; /* at most STOA_MAX_ATTRIBUTES */
};

struct attribute_reader {
    const struct attributes *attributes;
    int opset;                        /* the version of the operator set the node belongs to */
    size_t input_count, output_count; /* of the node, trailing absent ones not counted */
    struct stoa_error *error;
    enum stoa_status status;
    uint64_t used; /* bit i: attribute i was asked for */
};

struct attribute_reader stoa_reader(const struct attributes *attributes, int opset, size_t input_count,
                                    size_t output_count, struct stoa_error *error);

/* Each returns the attribute's value, or the fallback when it is absent or of the wrong kind or out of range (which is
 * then the reader's error). */
int64_t stoa_read_int(struct attribute_reader *reader, const char *name, int64_t fallback, int64_t least, int64_t most);
float stoa_read_float(struct attribute_reader *reader, const char *name, float fallback); /* NaN is refused */
const char *stoa_read_string(struct attribute_reader *reader, const char *name, const char *fallback);
const struct stoa_tensor *stoa_read_tensor(struct attribute_reader *reader, const char *name);
/* Copies at most `capacity` integers, each within [least, most]; returns how many there are, 0 when absent. */
size_t stoa_read_ints(struct attribute_reader *reader, const char *name, int64_t least, int64_t most, size_t capacity,
                      int64_t *values);
/* The same of floats, NaN being refused. */
size_t stoa_read_floats(struct attribute_reader *reader, const char *name, size_t capacity, float *values);
/* Sets at most `capacity` pointers to strings, which are the attribute's. */
size_t stoa_read_strings(struct attribute_reader *reader, const char *name, size_t capacity, const char **values);
/* The index of the string attribute among `choices` (null-terminated list); choices[0] when absent. */
size_t stoa_read_choice(struct attribute_reader *reader, const char *name, const char *const *choices);
/* Makes it an error that the attribute is absent; does not count as asking for it. */
void stoa_reader_require(struct attribute_reader *reader, const char *name);
/* Whether the attribute is there; does not count as asking for it. */
int stoa_reader_has(const struct attribute_reader *reader, const char *name);
/* Records an error of the caller's own, unless there is one already. */
void stoa_reader_fail(struct attribute_reader *reader, enum stoa_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The first error, or an error for an attribute that was not asked for, or STOA_OK. */
STOA_CHECKED enum stoa_status stoa_reader_finish(struct attribute_reader *reader);

#endif
