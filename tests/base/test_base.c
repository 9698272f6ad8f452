/* Status, sizes, memory, tensors, attributes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/attributes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "support/allocator.h"

Test(base, a_status_has_a_name)
{
    for (int status = STOA_OK; status <= STOA_ERROR_CANCELLED; status++)
        cr_expect(strncmp(stoa_status_name((enum stoa_status)status), "STOA_", 5) == 0, "status %d", status);
}

Test(base, a_prefix_goes_in_front_and_never_overflows)
{
    struct stoa_error error = {0};
    cr_expect(stoa_fail(&error, STOA_ERROR_SHAPE, "pads[%d] is %d", 1, -2) == STOA_ERROR_SHAPE);
    stoa_error_prefix(&error, "node '%s': ", "c1");
    cr_expect(strcmp(error.message, "node 'c1': pads[1] is -2") == 0, "%s", error.message);
    for (int i = 0; i < 1000; i++)
        stoa_error_prefix(&error, "again and again: ");
    cr_expect(strlen(error.message) < sizeof error.message);
    cr_expect(stoa_fail(NULL, STOA_ERROR_IO, "nobody listens") == STOA_ERROR_IO);
}

Test(base, names_cannot_end_a_line)
{
    struct stoa_error error = {0};
    cr_expect(stoa_fail(&error, STOA_ERROR_GRAPH, "node '%s'", "a\nb\x1b[2J\x7f") == STOA_ERROR_GRAPH);
    stoa_error_prefix(&error, "model '%s\xc3\xa9': ", "\r");
    cr_expect(strcmp(error.message, "model '?\xc3\xa9': node 'a?b?[2J?'") == 0, "%s", error.message);
}

Test(base, allocators_without_functions_are_refused)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    void *memory = &error;
    allocator.release = NULL;
    cr_expect(stoa_allocate(&allocator, 1, 1, &error, &memory) == STOA_ERROR_ARGUMENT && !memory);
    cr_expect(strcmp(error.message, "the allocator's release is null") == 0, "%s", error.message);
    allocator.allocate = NULL;
    cr_expect(stoa_allocate(&allocator, 1, 1, &error, &memory) == STOA_ERROR_ARGUMENT && !memory);
}

Test(base, sizes_that_do_not_fit_are_refused)
{
    size_t size;
    cr_expect(stoa_size_mul(3, 4, &size) && size == 12);
    cr_expect(!stoa_size_mul(SIZE_MAX / 2, 3, &size));
    cr_expect(!stoa_size_add(SIZE_MAX, 1, &size));
    cr_expect(stoa_size_ceil_div(SIZE_MAX, 2) == SIZE_MAX / 2 + 1);
    cr_expect(stoa_size_round_up(65, 64) == 128);
}

Test(base, sizes_fall_into_equal_parts)
{
    static const struct {
        const char *name;
        size_t size, most, multiple, part;
    } rows[] = {
        {"nothing", 0, 64, 4, 1},         {"one part", 7, 64, 4, 7},          {"as large as it may be", 64, 64, 4, 64},
        {"two halves", 66, 64, 1, 33},    {"rounded up", 66, 64, 4, 36},      {"ones", 5, 1, 1, 1},
        {"the last smaller", 7, 3, 1, 3}, {"as many as fit", 130, 64, 4, 44}, {"most of SIZE_MAX", 9, SIZE_MAX, 1, 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t part = stoa_size_part(rows[i].size, rows[i].most, rows[i].multiple);
        cr_expect(part == rows[i].part, "%s: %zu, not %zu", rows[i].name, part, rows[i].part);
    }
}

static const struct {
    const char *name;
    struct stoa_tensor tensor;
    enum stoa_status status;
    size_t elements;
} measures[] = {
    {"scalar", {.dtype = STOA_FLOAT}, STOA_OK, 1},
    {"image", {.dtype = STOA_FLOAT, .rank = 4, .dims = {1, 3, 5, 7}}, STOA_OK, 105},
    {"empty", {.dtype = STOA_FLOAT, .rank = 2, .dims = {0, 9}}, STOA_OK, 0},
    {"product wraps to 0",
     {.dtype = STOA_FLOAT, .rank = 2, .dims = {(size_t)1 << 32, (size_t)1 << 32}},
     STOA_ERROR_LIMIT,
     0},
    {"bytes wrap", {.dtype = STOA_FLOAT, .rank = 1, .dims = {(size_t)1 << 62}}, STOA_ERROR_LIMIT, 0},
    {"0 hides no overflow",
     {.dtype = STOA_FLOAT, .rank = 3, .dims = {0, (size_t)1 << 40, (size_t)1 << 40}},
     STOA_ERROR_LIMIT,
     0},
};

Test(base, tensors_are_measured)
{
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        size_t elements = 0;
        struct stoa_error error;
        enum stoa_status status = stoa_tensor_measure(&measures[i].tensor, &error, &elements, NULL);
        cr_expect(status == measures[i].status, "%s: %s", measures[i].name, stoa_status_name(status));
        cr_expect(elements == measures[i].elements, "%s: %zu elements", measures[i].name, elements);
    }
}

Test(base, layouts_are_told_apart)
{
    struct stoa_tensor tensor = {.dtype = STOA_FLOAT, .rank = 4, .dims = {2, 3, 4, 5}};
    stoa_tensor_set_plain(&tensor);
    cr_expect(stoa_tensor_is_plain(&tensor) && !stoa_tensor_is_channels_last(&tensor));
    stoa_tensor_set_channels_last(&tensor);
    cr_expect(!stoa_tensor_is_plain(&tensor) && stoa_tensor_is_channels_last(&tensor));
    cr_expect(tensor.strides[1] == 1 && tensor.strides[3] == 3 && tensor.strides[2] == 15 && tensor.strides[0] == 60);
    struct stoa_tensor pixel = {.dtype = STOA_FLOAT, .rank = 4, .dims = {2, 3, 1, 1}};
    stoa_tensor_set_channels_last(&pixel);
    cr_expect(stoa_tensor_is_plain(&pixel), "one pixel lies the same both ways");
}

Test(base, arenas_give_back_everything)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct arena arena;
    stoa_arena_init(&arena, &memory.interface);
    for (size_t size = 0; size < 300000; size = size * 3 + 1) {
        char *block = NULL;
        cr_assert(stoa_arena_allocate(&arena, size, 1, NULL, &block) == STOA_OK);
        cr_expect((uintptr_t)block % 16 == 0);
        memset(block, 1, size);
    }
    const char *text = NULL;
    cr_assert(stoa_arena_string(&arena, "name and more", 4, NULL, &text) == STOA_OK);
    cr_expect(strcmp(text, "name") == 0);
    memory.fail_at = memory.calls + 1;
    void *refused;
    struct stoa_error error;
    cr_expect(stoa_arena_allocate(&arena, 1 << 20, 1, &error, &refused) == STOA_ERROR_MEMORY && !refused);
    cr_expect(stoa_arena_allocate(&arena, SIZE_MAX / 2, 3, &error, &refused) == STOA_ERROR_LIMIT && !refused);
    stoa_arena_deinit(&arena);
    cr_expect(memory.live == 0);
}

static const struct attribute some[] = {
    {.name = "axis", .kind = ATTRIBUTE_INT, .integer = 2},
    {.name = "pads", .kind = ATTRIBUTE_INTS, .integers = (const int64_t[]){1, -1}, .count = 2},
    {.name = "alpha", .kind = ATTRIBUTE_FLOAT, .number = NAN},
    {.name = "mode", .kind = ATTRIBUTE_STRING, .string = "cubic"},
};

static const struct {
    const char *name;
    size_t first, count;
    int ask; /* which of the reads below */
    enum stoa_status status;
    const char *words;
} reads[] = {
    {"in range", 0, 1, 0, STOA_OK, ""},
    {"out of range", 0, 1, 1, STOA_ERROR_ATTRIBUTE, "attribute axis is 2"},
    {"wrong kind", 1, 1, 2, STOA_ERROR_GRAPH, "attribute pads is of type INTS"},
    {"one value out of range", 1, 1, 3, STOA_ERROR_ATTRIBUTE, "attribute pads[1] is -1"},
    {"too many values", 1, 1, 4, STOA_ERROR_ATTRIBUTE, "has 2 values"},
    {"not a number", 2, 1, 5, STOA_ERROR_ATTRIBUTE, "attribute alpha is NaN"},
    {"not among the choices", 3, 1, 6, STOA_ERROR_ATTRIBUTE, "\"cubic\""},
    {"nobody asked", 0, 2, 0, STOA_ERROR_ATTRIBUTE, "attribute pads is not one"},
};

Test(base, attributes_are_read_once_and_checked)
{
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        struct stoa_error error = {0};
        struct attributes attributes = {.items = some + reads[i].first, .count = reads[i].count};
        struct attribute_reader reader = stoa_reader(&attributes, 13, 1, 1, &error);
        int64_t values[2];
        static const char *const choices[] = {"nearest", "linear", NULL};
        switch (reads[i].ask) {
        case 0:
            cr_expect(stoa_read_int(&reader, "axis", 0, 0, 3) == 2);
            cr_expect(stoa_read_int(&reader, "absent", 7, 0, 9) == 7);
            break;
        case 1:
            cr_expect(stoa_read_int(&reader, "axis", 0, 0, 1) == 0);
            break;
        case 2:
            stoa_read_int(&reader, "pads", 0, 0, 1);
            break;
        case 3:
            stoa_read_ints(&reader, "pads", 0, 9, 2, values);
            break;
        case 4:
            stoa_read_ints(&reader, "pads", -9, 9, 1, values);
            break;
        case 5:
            stoa_read_float(&reader, "alpha", 1);
            break;
        case 6:
            stoa_read_choice(&reader, "mode", choices);
            break;
        }
        enum stoa_status status = stoa_reader_finish(&reader);
        cr_expect(status == reads[i].status, "%s: %s", reads[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, reads[i].words), "%s: %s", reads[i].name, error.message);
    }
}

Test(base, files_that_are_none_are_refused)
{
    struct file_map map;
    struct stoa_error error;
    cr_expect(stoa_file_map("/dev/zero", &error, &map) == STOA_ERROR_IO && !map.data);
    cr_expect(strstr(error.message, "/dev/zero"));
    cr_expect(stoa_file_map("/", &error, &map) == STOA_ERROR_IO);
    cr_expect(stoa_file_map("no such file", &error, &map) == STOA_ERROR_IO);
}

/* Blocks that are the same become one; it lives as long as its last owner. */
Test(base, shared_blocks_are_merged)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    void *blocks[3];
    for (size_t i = 0; i < 3; i++) {
        cr_assert(stoa_shared_allocate(&memory.interface, 100, NULL, &blocks[i]) == STOA_OK);
        memset(blocks[i], i == 2, 100);
    }
    void *first = blocks[0], *other = blocks[2], *none = NULL;
    stoa_shared_merge(&memory.interface, 100, first, &blocks[1]);
    stoa_shared_merge(&memory.interface, 100, first, &blocks[2]);
    stoa_shared_merge(&memory.interface, 100, NULL, &blocks[2]);
    stoa_shared_merge(&memory.interface, 100, first, &none);
    stoa_shared_merge(&memory.interface, 100, first, &blocks[0]);
    cr_expect(blocks[1] == first && blocks[2] == other && !none && memory.live == 2);
    stoa_shared_release(&memory.interface, blocks[0]);
    cr_expect(memory.live == 2 && ((char *)blocks[1])[99] == 0);
    stoa_shared_release(&memory.interface, blocks[1]);
    stoa_shared_release(&memory.interface, blocks[2]);
    stoa_shared_release(&memory.interface, NULL);
    cr_expect(memory.live == 0);
}

Test(version, headers_and_library_are_of_the_same)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", STOA_VERSION_MAJOR, STOA_VERSION_MINOR, STOA_VERSION_PATCH);
    cr_expect(strcmp(text, stoa_version()) == 0, "headers %s, library %s", text, stoa_version());
    cr_expect(STOA_VERSION >= STOA_VERSION_NUMBER(0, 1, 0) && STOA_VERSION < STOA_VERSION_NUMBER(1000, 0, 0));
}
