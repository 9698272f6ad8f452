/* .npy: a magic, a version, the header's length, the header (the text of a Python dictionary with the keys descr,
 * fortran_order and shape), then the elements. The header is read by a cursor that never leaves it; what it does not
 * understand is refused. Facts: NumPy's documentation of numpy.lib.format. */
#include "data/npy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/file_writer.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"

static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

/* The preamble of format 1.0: magic, version, two bytes of header length. The header ends where 64 divides. */
#define PREAMBLE_SIZE 10
#define HEADER_ALIGNMENT 64

static const struct {
    char descr[4];
    enum stoa_dtype dtype;
    enum half half; /* of files alone */
} descriptions[] = {
    {"<f4", STOA_FLOAT},  {"<f8", STOA_DOUBLE}, {"<i4", STOA_INT32},  {"<i8", STOA_INT64},
    {"<i2", STOA_INT16},  {"|i1", STOA_INT8},   {"<u8", STOA_UINT64}, {"<u4", STOA_UINT32},
    {"<u2", STOA_UINT16}, {"|u1", STOA_UINT8},  {"|b1", STOA_BOOL},   {"<f2", STOA_FLOAT, HALF_FLOAT16},
};
#define DESCRIPTION_COUNT (sizeof descriptions / sizeof descriptions[0])

struct cursor {
    const char *at, *end;
};

struct header {
    bool has_descr, has_order, has_shape;
    bool fortran_order;
    enum half half;
    struct stoa_tensor tensor;
};

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\t'))
        cursor->at++;
}

static bool take(struct cursor *cursor, char wanted)
{
    skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

static bool take_word(struct cursor *cursor, const char *word)
{
    size_t length = strlen(word);
    skip_space(cursor);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

/* A quoted string without escapes, shorter than `capacity`. */
static bool take_string(struct cursor *cursor, size_t capacity, char *text)
{
    char quote = take(cursor, '\'') ? '\'' : take(cursor, '"') ? '"' : 0;
    size_t length = 0;
    for (; quote && cursor->at < cursor->end; cursor->at++) {
        if (*cursor->at == quote) {
            cursor->at++;
            text[length] = '\0';
            return true;
        }
        if (*cursor->at == '\\' || length + 1 == capacity)
            return false;
        text[length++] = *cursor->at;
    }
    return false;
}

static bool take_size(struct cursor *cursor, size_t *size)
{
    skip_space(cursor);
    const char *first = cursor->at;
    *size = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++)
        if (!stoa_size_mul(*size, 10, size) || !stoa_size_add(*size, (size_t)(*cursor->at - '0'), size))
            return false;
    return cursor->at > first;
}

/* "()", "(3,)" or "(1, 3, 224, 224)", a comma at the end allowed. */
static enum stoa_status parse_shape(struct cursor *cursor, struct stoa_error *error, struct stoa_tensor *tensor)
{
    if (!take(cursor, '('))
        return stoa_fail(error, STOA_ERROR_PARSE, "npy header: shape is not a tuple");
    tensor->rank = 0;
    while (!take(cursor, ')')) {
        if (tensor->rank == STOA_MAX_RANK)
            return stoa_fail(error, STOA_ERROR_LIMIT, "npy header: shape has more than %d dimensions", STOA_MAX_RANK);
        if (!take_size(cursor, &tensor->dims[tensor->rank]))
            return stoa_fail(error, STOA_ERROR_PARSE, "npy header: shape's dimension %zu is not a size", tensor->rank);
        tensor->rank++;
        if (!take(cursor, ',')) {
            if (take(cursor, ')'))
                break;
            return stoa_fail(error, STOA_ERROR_PARSE, "npy header: shape is not a tuple");
        }
    }
    return STOA_OK;
}

static enum stoa_status parse_descr(struct cursor *cursor, struct stoa_error *error, struct header *header)
{
    char text[16];
    if (!take_string(cursor, sizeof text, text))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "npy header: descr is not a simple type");
    for (size_t i = 0; i < DESCRIPTION_COUNT; i++)
        if (strcmp(text, descriptions[i].descr) == 0) {
            header->tensor.dtype = descriptions[i].dtype;
            header->half = descriptions[i].half;
            return STOA_OK;
        }
    return stoa_fail(
        error, STOA_ERROR_UNSUPPORTED,
        "npy header: descr '%s' is not one of <f2 <f4 <f8 <i8 <i4 <i2 |i1 <u8 <u4 <u2 |u1 |b1 (convert it with astype)",
        text);
}

static enum stoa_status parse_entry(struct cursor *cursor, struct stoa_error *error, struct header *header)
{
    char key[16];
    if (!take_string(cursor, sizeof key, key) || !take(cursor, ':'))
        return stoa_fail(error, STOA_ERROR_PARSE, "npy header: not a dictionary of descr, fortran_order and shape");
    if (strcmp(key, "descr") == 0 && !header->has_descr) {
        header->has_descr = true;
        return parse_descr(cursor, error, header);
    }
    if (strcmp(key, "shape") == 0 && !header->has_shape) {
        header->has_shape = true;
        return parse_shape(cursor, error, &header->tensor);
    }
    if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
        header->has_order = true;
        header->fortran_order = take_word(cursor, "True");
        if (!header->fortran_order && !take_word(cursor, "False"))
            return stoa_fail(error, STOA_ERROR_PARSE, "npy header: fortran_order is neither True nor False");
        return STOA_OK;
    }
    return stoa_fail(error, STOA_ERROR_PARSE, "npy header: unexpected key '%s'", key);
}

static enum stoa_status parse_header(struct cursor cursor, struct stoa_error *error, struct header *header)
{
    *header = (struct header){0};
    if (!take(&cursor, '{'))
        return stoa_fail(error, STOA_ERROR_PARSE, "npy header: not a dictionary");
    while (!take(&cursor, '}')) {
        STOA_TRY(parse_entry(&cursor, error, header));
        if (!take(&cursor, ',')) {
            if (take(&cursor, '}'))
                break;
            return stoa_fail(error, STOA_ERROR_PARSE, "npy header: not a dictionary of descr, fortran_order and shape");
        }
    }
    skip_space(&cursor);
    if (cursor.at != cursor.end)
        return stoa_fail(error, STOA_ERROR_PARSE, "npy header: text after the dictionary");
    if (!header->has_descr || !header->has_order || !header->has_shape)
        return stoa_fail(error, STOA_ERROR_PARSE, "npy header: descr, fortran_order or shape is missing");
    /* With one dimension (or one element) the two orders are the same. */
    if (header->fortran_order && header->tensor.rank > 1)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "npy header: fortran_order is True (save it with numpy.ascontiguousarray)");
    return STOA_OK;
}

enum stoa_status stoa_npy_decode(const void *bytes, size_t size, const struct stoa_allocator *allocator,
                                 struct stoa_error *error, struct stoa_tensor *tensor, enum half *half)
{
    *tensor = (struct stoa_tensor){0};
    const uint8_t *file = bytes;
    if (size < PREAMBLE_SIZE || memcmp(file, magic, sizeof magic) != 0)
        return stoa_fail(error, STOA_ERROR_PARSE, "not a .npy file");
    unsigned major = file[6], minor = file[7];
    if ((major != 1 && major != 2) || minor != 0)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, ".npy format %u.%u is not 1.0 or 2.0", major, minor);

    size_t begin = major == 1 ? PREAMBLE_SIZE : PREAMBLE_SIZE + 2;
    size_t length = (size_t)file[8] | (size_t)file[9] << 8;
    if (major == 2)
        length |= size < begin ? 0 : (size_t)file[10] << 16 | (size_t)file[11] << 24;
    if (size < begin || length > size - begin)
        return stoa_fail(error, STOA_ERROR_PARSE, "npy header: %zu bytes, more than the file has", length);

    struct header header;
    struct cursor cursor = {.at = (const char *)file + begin, .end = (const char *)file + begin + length};
    STOA_TRY(parse_header(cursor, error, &header));

    size_t elements, held, left = size - begin - length;
    STOA_TRY(stoa_tensor_measure(&header.tensor, error, &elements, &held));
    size_t wanted = header.half ? elements * sizeof(uint16_t) : held;
    if (left != wanted)
        return stoa_fail(error, STOA_ERROR_DATA, "npy data: %zu bytes where the header's shape asks for %zu", left,
                         wanted);
    stoa_tensor_set_plain(&header.tensor);
    STOA_TRY(stoa_allocate_raw(allocator, held, 1, error, &header.tensor.data));
    if (header.half)
        stoa_half_widen_all(header.half, file + begin + length, elements, header.tensor.data);
    else if (wanted)
        memcpy(header.tensor.data, file + begin + length, wanted);
    *tensor = header.tensor;
    if (half)
        *half = header.half;
    return STOA_OK;
}

enum stoa_status stoa_npy_read(const char *path, const struct stoa_allocator *allocator, struct stoa_error *error,
                               struct stoa_tensor *tensor, enum half *half)
{
    *tensor = (struct stoa_tensor){0};
    struct file_map map;
    STOA_TRY(stoa_file_map(path, error, &map));
    enum stoa_status status = stoa_npy_decode(map.data, map.size, allocator, error, tensor, half);
    if (status != STOA_OK)
        stoa_error_prefix(error, "%s: ", path);
    stoa_file_unmap(&map);
    return status;
}

/* Writes the preamble and header of format 1.0 to text; returns their size. A shape of 8 dimensions stays far below the
 * capacity. */
static size_t format_header(const char *descr, const struct stoa_tensor *tensor, char text[512])
{
    char shape[256] = "(";
    size_t used = 1;
    for (size_t i = 0; i < tensor->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, i ? " %zu," : "%zu,", tensor->dims[i]);
    if (tensor->rank > 1)
        used--; /* only a single dimension needs its comma */
    snprintf(shape + used, sizeof shape - used, ")");

    int length = snprintf(text + PREAMBLE_SIZE, 512 - PREAMBLE_SIZE,
                          "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    size_t end = PREAMBLE_SIZE + (size_t)length;
    size_t total = stoa_size_round_up(end + 1, HEADER_ALIGNMENT);
    memset(text + end, ' ', total - 1 - end);
    text[total - 1] = '\n';

    memcpy(text, magic, sizeof magic);
    text[6] = 1;
    text[7] = 0;
    text[8] = (char)((total - PREAMBLE_SIZE) & 0xff);
    text[9] = (char)((total - PREAMBLE_SIZE) >> 8);
    return total;
}

enum stoa_status stoa_npy_write(const char *path, const struct stoa_tensor *tensor, struct stoa_error *error)
{
    const char *descr = NULL;
    for (size_t i = 0; i < DESCRIPTION_COUNT; i++)
        if (descriptions[i].dtype == tensor->dtype && !descriptions[i].half)
            descr = descriptions[i].descr;
    if (!descr)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "cannot write %s: .npy files of type %s are not written", path,
                         stoa_dtype_name(tensor->dtype));
    if (!stoa_tensor_is_plain(tensor))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "cannot write %s: the tensor is not row-major", path);

    char text[512];
    size_t header_size = format_header(descr, tensor, text);
    struct file_writer writer;
    STOA_TRY(stoa_file_writer_begin(path, error, &writer));
    enum stoa_status status = stoa_file_writer_write(&writer, text, header_size, error);
    if (status == STOA_OK)
        status = stoa_file_writer_write(&writer, tensor->data, stoa_tensor_bytes(tensor), error);
    if (status == STOA_OK)
        return stoa_file_writer_finish(&writer, error);
    stoa_file_writer_abandon(&writer);
    return status;
}
