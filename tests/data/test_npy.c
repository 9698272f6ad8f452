/* .npy files: good ones to the bit, bad ones refused with a reason. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/tensor.h"
#include "data/npy.h"
#include "support/allocator.h"
#include "support/temporary.h"

struct bytes {
    uint8_t data[1024];
    size_t size;
};

/* A file of the given version and header text, followed by `payload` bytes 1, 2, 3… */
static struct bytes make_file(int major, const char *header, size_t payload)
{
    struct bytes file = {.data = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)major, 0}, .size = 8};
    size_t length = strlen(header);
    for (int i = 0; i < (major == 1 ? 2 : 4); i++)
        file.data[file.size++] = (uint8_t)(length >> (8 * i));
    memcpy(file.data + file.size, header, length);
    file.size += length;
    for (size_t i = 0; i < payload; i++)
        file.data[file.size++] = (uint8_t)(i + 1);
    return file;
}

static enum stoa_status decode(const struct bytes *file, struct counting_allocator *allocator, struct stoa_error *error,
                               struct stoa_tensor *tensor)
{
    /* A block of just that size, so that the sanitizer sees a read beyond it. */
    uint8_t *copy = malloc(file->size ? file->size : 1);
    cr_assert(copy);
    memcpy(copy, file->data, file->size);
    enum stoa_status status = stoa_npy_decode(copy, file->size, &allocator->interface, error, tensor, NULL);
    free(copy);
    return status;
}

static const struct {
    const char *name;
    int major;
    const char *header;
    size_t payload;
    enum stoa_dtype dtype;
    size_t rank, dims[4];
} good[] = {
    {"as NumPy writes it",
     1,
     "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }   \n",
     24,
     STOA_FLOAT,
     3,
     {1, 2, 3}},
    {"version 2", 2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 8, STOA_FLOAT, 1, {2}},
    {"scalar", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", 8, STOA_DOUBLE, 0, {0}},
    {"no elements", 1, "{'descr': '<i8', 'fortran_order': False, 'shape': (0, 4), }\n", 0, STOA_INT64, 2, {0, 4}},
    {"int32", 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }\n", 4, STOA_INT32, 2, {1, 1}},
    {"uint8", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n", 3, STOA_UINT8, 1, {3}},
    {"int8", 1, "{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }\n", 3, STOA_INT8, 1, {3}},
    {"int16", 1, "{'descr': '<i2', 'fortran_order': False, 'shape': (3,), }\n", 6, STOA_INT16, 1, {3}},
    {"uint16", 1, "{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }\n", 6, STOA_UINT16, 1, {3}},
    {"uint32", 1, "{'descr': '<u4', 'fortran_order': False, 'shape': (3,), }\n", 12, STOA_UINT32, 1, {3}},
    {"uint64", 1, "{'descr': '<u8', 'fortran_order': False, 'shape': (3,), }\n", 24, STOA_UINT64, 1, {3}},
    {"bool", 1, "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }\n", 3, STOA_BOOL, 1, {3}},
    {"keys in another order",
     1,
     "{\"shape\":(2,1),\"fortran_order\":False,\"descr\":\"<f4\"}",
     8,
     STOA_FLOAT,
     2,
     {2, 1}},
    {"Fortran order of a vector", 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", 8, STOA_FLOAT, 1, {2}},
};

Test(npy, good_files)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        struct stoa_error error = {0};
        struct stoa_tensor tensor;
        struct bytes file = make_file(good[i].major, good[i].header, good[i].payload);
        cr_assert(decode(&file, &allocator, &error, &tensor) == STOA_OK, "%s: %s", good[i].name, error.message);
        cr_expect(tensor.dtype == good[i].dtype, "%s", good[i].name);
        cr_expect(tensor.rank == good[i].rank && memcmp(tensor.dims, good[i].dims, tensor.rank * sizeof(size_t)) == 0,
                  "%s", good[i].name);
        cr_expect(stoa_tensor_is_plain(&tensor) && stoa_tensor_bytes(&tensor) == good[i].payload, "%s", good[i].name);
        for (size_t k = 0; k < good[i].payload; k++)
            cr_expect(((uint8_t *)tensor.data)[k] == k + 1, "%s: byte %zu", good[i].name, k);
        stoa_release(&allocator.interface, tensor.data);
        cr_expect(allocator.live == 0, "%s", good[i].name);
    }
}

Test(npy, float16_is_widened)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct stoa_tensor tensor;
    enum half half = HALF_NONE;
    struct bytes file = make_file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2), }\n", 4);
    /* The payload is 01 02 03 04: 0x0201 lies below the normal range, 0x0403 is the third above its beginning. */
    cr_assert(stoa_npy_decode(file.data, file.size, &allocator, &error, &tensor, &half) == STOA_OK, "%s",
              error.message);
    const float *values = tensor.data;
    cr_expect(tensor.dtype == STOA_FLOAT && tensor.rank == 2 && half == HALF_FLOAT16);
    cr_expect(values[0] == 0x201p-24F && values[1] == 0x403p-24F, "%a %a", (double)values[0], (double)values[1]);
    stoa_release(&allocator, tensor.data);
    file = make_file(1, "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2), }\n", 8);
    cr_expect(stoa_npy_decode(file.data, file.size, &allocator, &error, &tensor, NULL) == STOA_ERROR_DATA);
}

static const struct {
    const char *name, *header;
    size_t payload;
    enum stoa_status status;
    const char *words;
} bad[] = {
    {"big-endian", "{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", 8, STOA_ERROR_UNSUPPORTED, "'>f4'"},
    {"complex", "{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", 4, STOA_ERROR_UNSUPPORTED, "'<c8'"},
    {"pickled objects", "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 4, STOA_ERROR_UNSUPPORTED, "'|O'"},
    {"a structure", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8, STOA_ERROR_UNSUPPORTED,
     "descr"},
    {"Fortran order", "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", 16, STOA_ERROR_UNSUPPORTED,
     "fortran_order"},
    {"too few elements", "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 8, STOA_ERROR_DATA, "8 bytes"},
    {"too many elements", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 8, STOA_ERROR_DATA, "8 bytes"},
    {"elements beyond memory", "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}", 8,
     STOA_ERROR_LIMIT, "dimensions"},
    {"a product that wraps to 0", "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0,
     STOA_ERROR_LIMIT, "dimensions"},
    {"wraps behind a 0", "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", 0,
     STOA_ERROR_LIMIT, "dimensions"},
    {"a size of 30 digits", "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999999999999999999,)}", 8,
     STOA_ERROR_PARSE, "dimension 0"},
    {"a negative size", "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 8, STOA_ERROR_PARSE, "dimension 0"},
    {"rank 9", "{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 1, STOA_ERROR_LIMIT,
     "more than 8"},
    {"shape is a number", "{'descr': '<f4', 'fortran_order': False, 'shape': 2}", 8, STOA_ERROR_PARSE, "shape"},
    {"shape without commas", "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", 8, STOA_ERROR_PARSE, "shape"},
    {"no shape", "{'descr': '<f4', 'fortran_order': False}", 8, STOA_ERROR_PARSE, "missing"},
    {"shape twice", "{'shape': (2,), 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, STOA_ERROR_PARSE,
     "'shape'"},
    {"an unknown key", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8, STOA_ERROR_PARSE, "'x'"},
    {"fortran_order is 0", "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", 8, STOA_ERROR_PARSE, "fortran_order"},
    {"text behind", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 8, STOA_ERROR_PARSE, "after"},
    {"an open string", "{'descr", 0, STOA_ERROR_PARSE, "dictionary"},
    {"no dictionary", "hello", 0, STOA_ERROR_PARSE, "dictionary"},
    {"an empty header", "", 0, STOA_ERROR_PARSE, "dictionary"},
};

Test(npy, bad_headers)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        struct stoa_error error = {0};
        struct stoa_tensor tensor;
        struct bytes file = make_file(1, bad[i].header, bad[i].payload);
        enum stoa_status status = decode(&file, &allocator, &error, &tensor);
        cr_expect(status == bad[i].status, "%s: %s", bad[i].name, stoa_status_name(status));
        cr_expect(error.status == status && strstr(error.message, bad[i].words), "%s: %s", bad[i].name, error.message);
        cr_expect(tensor.data == NULL && allocator.live == 0, "%s", bad[i].name);
    }
}

Test(npy, bad_preambles)
{
    struct counting_allocator allocator;
    counting_allocator_init(&allocator);
    struct stoa_tensor tensor;
    struct bytes file = make_file(1, good[0].header, good[0].payload);
    file.data[1] = 'n';
    cr_expect(decode(&file, &allocator, NULL, &tensor) == STOA_ERROR_PARSE);
    file = make_file(1, good[0].header, good[0].payload);
    file.data[6] = 3;
    cr_expect(decode(&file, &allocator, NULL, &tensor) == STOA_ERROR_UNSUPPORTED);
    file = make_file(2, good[0].header, good[0].payload);
    file.data[11] = 0xff;
    cr_expect(decode(&file, &allocator, NULL, &tensor) == STOA_ERROR_PARSE);
    cr_expect(allocator.live == 0);
}

Test(npy, every_truncation)
{
    for (int major = 1; major <= 2; major++) {
        struct bytes file = make_file(major, good[0].header, good[0].payload);
        struct bytes whole = file;
        for (file.size = 0; file.size < whole.size; file.size++) {
            struct counting_allocator allocator;
            counting_allocator_init(&allocator);
            struct stoa_error error = {0};
            struct stoa_tensor tensor;
            enum stoa_status status = decode(&file, &allocator, &error, &tensor);
            cr_expect(status == STOA_ERROR_PARSE || status == STOA_ERROR_DATA, "%zu bytes: %s", file.size,
                      stoa_status_name(status));
            cr_expect(error.message[0] && tensor.data == NULL && allocator.live == 0, "%zu bytes", file.size);
        }
    }
}

Test(npy, out_of_memory)
{
    struct counting_allocator allocator;
    counting_allocator_init(&allocator);
    allocator.fail_at = 1;
    struct stoa_tensor tensor;
    struct bytes file = make_file(1, good[0].header, good[0].payload);
    cr_expect(decode(&file, &allocator, NULL, &tensor) == STOA_ERROR_MEMORY);
    cr_expect(tensor.data == NULL && allocator.live == 0);
}

static char directory[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];

static void enter_directory(void)
{
    temporary_folder(directory);
    snprintf(path, sizeof path, "%s/x.npy", directory);
}

static void leave_directory(void)
{
    unlink(path);
    cr_expect(rmdir(directory) == 0, "something was left in %s", directory);
}

Test(npy, written_files_read_back, .init = enter_directory, .fini = leave_directory)
{
    static const struct stoa_tensor rows[] = {
        {STOA_FLOAT, 4, {1, 2, 1, 3}},
        {STOA_FLOAT, 0, {0}},
        {STOA_DOUBLE, 1, {5}},
        {STOA_INT32, 2, {2, 3}},
        {STOA_INT64, 2, {0, 3}},
        {STOA_UINT8, 3, {3, 2, 1}},
        {STOA_INT16, 2, {3, 1}},
        {STOA_UINT16, 1, {3}},
        {STOA_UINT32, 1, {3}},
        {STOA_UINT64, 1, {3}},
        {STOA_INT8, 1, {1}},
        {STOA_BOOL, 1, {7}},
        {STOA_FLOAT, 8, {1, 1, 1, 1, 1, 1, 1, 2}},
    };
    uint8_t data[64];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + 1);
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stoa_tensor tensor = rows[i], read;
        struct stoa_error error = {0};
        stoa_tensor_set_plain(&tensor);
        tensor.data = data;
        cr_assert(stoa_npy_write(path, &tensor, &error) == STOA_OK, "row %zu: %s", i, error.message);
        cr_assert(stoa_npy_read(path, &allocator, &error, &read, NULL) == STOA_OK, "row %zu: %s", i, error.message);
        cr_expect(read.dtype == tensor.dtype && stoa_tensor_same_dims(&read, &tensor), "row %zu", i);
        cr_expect(memcmp(read.data, data, stoa_tensor_bytes(&tensor)) == 0, "row %zu", i);
        stoa_release(&allocator, read.data);
        struct stat info;
        cr_expect(stat(path, &info) == 0 && (info.st_size - (off_t)stoa_tensor_bytes(&tensor)) % 64 == 0,
                  "row %zu: the data do not start at a multiple of 64", i);
    }
}

Test(npy, failures_name_the_path_and_leave_nothing, .init = enter_directory, .fini = leave_directory)
{
    float value = 1;
    struct stoa_tensor tensor = {STOA_FLOAT, 1, {1}, {1}, &value}, read;
    struct stoa_error error = {0};
    struct stoa_allocator allocator = stoa_allocator_default();
    char missing[TEMPORARY_PATH + 16];
    snprintf(missing, sizeof missing, "%s/none/x.npy", directory);
    cr_expect(stoa_npy_write(missing, &tensor, &error) == STOA_ERROR_IO && strstr(error.message, missing));
    cr_expect(stoa_npy_write(directory, &tensor, &error) == STOA_ERROR_IO && strstr(error.message, directory));
    cr_expect(stoa_npy_write("/dev/full", &tensor, &error) == STOA_ERROR_IO && strstr(error.message, "/dev/full"));
    cr_expect(stoa_npy_read(missing, &allocator, &error, &read, NULL) == STOA_ERROR_IO &&
              strstr(error.message, missing));

    FILE *file = fopen(path, "w");
    cr_assert(file && fputs("no array", file) >= 0 && fclose(file) == 0);
    cr_expect(stoa_npy_read(path, &allocator, &error, &read, NULL) == STOA_ERROR_PARSE && strstr(error.message, path));

    struct stoa_tensor strided = {STOA_FLOAT, 2, {2, 2}, {1, 2}, &value};
    cr_expect(stoa_npy_write(path, &strided, &error) == STOA_ERROR_ARGUMENT && strstr(error.message, path));
}

/* A file size limit stands in for a full disk: the write that passes it fails. */
Test(npy, a_failed_write_keeps_the_old_file, .init = enter_directory, .fini = leave_directory)
{
    float values[256] = {7};
    struct stoa_tensor small = {STOA_FLOAT, 1, {1}, {1}, values}, large = {STOA_FLOAT, 1, {256}, {1}, values}, read;
    struct stoa_error error = {0};
    struct stoa_allocator allocator = stoa_allocator_default();
    cr_assert(stoa_npy_write(path, &small, &error) == STOA_OK);
    cr_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 500, .rlim_max = 500}) == 0);
    cr_expect(stoa_npy_write(path, &large, &error) == STOA_ERROR_IO && strstr(error.message, path), "%s",
              error.message);
    cr_assert(stoa_npy_read(path, &allocator, &error, &read, NULL) == STOA_OK, "%s", error.message);
    cr_expect(read.dims[0] == 1 && *(float *)read.data == 7);
    stoa_release(&allocator, read.data);
}
