/* The scan of the wire format: what it refuses, and the skeleton it writes. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "onnx.pb-c.h"
#include "onnx/guard.h"
#include "onnx/text.h"
#include "support/allocator.h"
#include "support/onnx_writer.h"

#define NO_LIMIT SIZE_MAX

static void write_conv(struct onnx_writer *writer)
{
    onnx_model_begin(writer);
    onnx_info(writer, GRAPH_INPUT, "x", (const int64_t[]){1, 4, 5, 5, 0});
    onnx_info(writer, GRAPH_OUTPUT, "y", (const int64_t[]){1, 2, 5, 5, 0});
    onnx_weights(writer, "w", (const int64_t[]){2, 4, 1, 1, 0});
    onnx_node_begin(writer, "Conv", "x,w", "y");
    onnx_ints(writer, "strides", 2, (const int64_t[]){1, 1});
    onnx_end(writer);
    onnx_end(writer);
}

Test(guard, the_skeleton_is_the_message_with_references_for_raw_data)
{
    struct onnx_writer writer = {0};
    write_conv(&writer);
    onnx_text(&writer, 6, "documentation, left out");
    onnx_text(&writer, 99, "a field of the future, left out");
    onnx_begin(&writer, 14); /* metadata_props, left out with what is in it */
    onnx_text(&writer, 1, "key");
    onnx_text(&writer, 2, "value");
    onnx_end(&writer);

    struct stoa_error error = {0};
    struct skeleton skeleton;
    struct stoa_allocator allocator = stoa_allocator_default();
    cr_assert(stoa_onnx_guard(writer.data, writer.size, ONNX_MODEL, NO_LIMIT, &allocator, &error, &skeleton) == STOA_OK,
              "%s", error.message);
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, skeleton.size, skeleton.data);
    cr_assert(model && model->graph);
    cr_expect(model->ir_version == 8 && model->n_opset_import == 1 && model->opset_import[0]->version == 13);
    cr_expect(!model->doc_string && model->base.n_unknown_fields == 0);
    cr_expect(model->graph->n_node == 1 && strcmp(model->graph->node[0]->op_type, "Conv") == 0);
    cr_expect(model->graph->node[0]->attribute[0]->n_ints == 2);
    cr_expect(model->graph->n_input == 1 && model->graph->n_output == 1 && model->graph->n_initializer == 1);

    const Onnx__TensorProto *tensor = model->graph->initializer[0];
    struct raw_reference reference;
    cr_assert(tensor->raw_data.len == sizeof reference);
    memcpy(&reference, tensor->raw_data.data, sizeof reference);
    cr_assert(reference.size == 32 && reference.offset + reference.size <= writer.size);
    float first;
    memcpy(&first, writer.data + reference.offset, sizeof first);
    cr_expect(first == 1 && tensor->n_dims == 4 && strcmp(tensor->name, "w") == 0);

    onnx__model_proto__free_unpacked(model, NULL);
    stoa_release(&allocator, skeleton.data);
    onnx_free(&writer);
}

static void tag(struct onnx_writer *writer, unsigned field, unsigned wire)
{
    onnx_varint(writer, field << 3 | wire);
}

static void eleven_byte_number(struct onnx_writer *writer)
{
    tag(writer, MODEL_IR_VERSION, 0);
    onnx_raw(writer, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11);
}

static void six_byte_length(struct onnx_writer *writer)
{
    tag(writer, MODEL_GRAPH, 2);
    onnx_raw(writer, "\x80\x80\x80\x80\x80\x00", 6);
}

static void six_byte_tag(struct onnx_writer *writer)
{
    onnx_raw(writer, "\x88\x80\x80\x80\x80\x00\x01", 7);
}

static void length_of_2_31(struct onnx_writer *writer)
{
    tag(writer, MODEL_GRAPH, 2);
    onnx_varint(writer, UINT64_C(1) << 31);
}

static void length_beyond_the_parent(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    tag(writer, GRAPH_NODE, 2);
    onnx_varint(writer, 10);
    onnx_end(writer);
    onnx_raw(writer, "0123456789", 10);
}

/* What protobuf-c takes for field 7, the graph: it drops what is beyond 32 bits. */
static void tag_beyond_32_bits(struct onnx_writer *writer)
{
    onnx_raw(writer, "\xba\x80\x80\x80\x10\x00", 6);
}

static void start_group(struct onnx_writer *writer)
{
    tag(writer, 99, 3);
}

static void end_group(struct onnx_writer *writer)
{
    tag(writer, MODEL_GRAPH, 4);
}

static void wire_type_6(struct onnx_writer *writer)
{
    tag(writer, 99, 6);
}

static void field_number_0(struct onnx_writer *writer)
{
    onnx_int(writer, 0, 1);
}

static void number_as_text(struct onnx_writer *writer)
{
    onnx_text(writer, MODEL_IR_VERSION, "8");
}

static void text_as_number(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_NODE);
    onnx_int(writer, NODE_OP_TYPE, 7);
    onnx_end(writer);
    onnx_end(writer);
}

static void float_cut_short(struct onnx_writer *writer)
{
    tag(writer, 99, 5);
    onnx_raw(writer, "abc", 3);
}

static void packed_cut_short(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_INITIALIZER);
    onnx_bytes(writer, TENSOR_FLOAT_DATA, "abcde", 5);
    onnx_end(writer);
    onnx_end(writer);
}

static void packed_number_cut_short(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_INITIALIZER);
    onnx_bytes(writer, TENSOR_INT64_DATA, "\x01\x80", 2);
    onnx_end(writer);
    onnx_end(writer);
}

static void graph_twice(struct onnx_writer *writer)
{
    for (int i = 0; i < 2; i++) {
        onnx_begin(writer, MODEL_GRAPH);
        onnx_end(writer);
    }
}

static void version_twice(struct onnx_writer *writer)
{
    onnx_int(writer, MODEL_IR_VERSION, 8);
    onnx_int(writer, MODEL_IR_VERSION, 8);
}

static void both_of_a_oneof(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_INPUT);
    onnx_begin(writer, INFO_TYPE);
    onnx_begin(writer, TYPE_TENSOR);
    onnx_end(writer);
    onnx_begin(writer, TYPE_SEQUENCE);
    onnx_end(writer);
    for (int i = 0; i < 3; i++)
        onnx_end(writer);
}

static void sparse_initializer(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_SPARSE_INITIALIZER);
    onnx_end(writer);
    onnx_end(writer);
}

static void segment(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_INITIALIZER);
    onnx_begin(writer, TENSOR_SEGMENT);
    onnx_end(writer);
    onnx_end(writer);
    onnx_end(writer);
}

static void overlong_utf8(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_NODE);
    onnx_int(writer, 99, 1);
    onnx_text(writer, NODE_INPUT, "fine");
    onnx_bytes(writer, NODE_INPUT, "\xC0\x80", 2);
    onnx_end(writer);
    onnx_end(writer);
}

static void page(struct onnx_writer *writer)
{
    onnx_raw(writer, "<html>", 6);
}

static void archive(struct onnx_writer *writer)
{
    onnx_raw(writer, "PK\3\4", 4);
}

static void end_cut_off(struct onnx_writer *writer)
{
    onnx_int(writer, MODEL_IR_VERSION, 8);
    onnx_varint(writer, MODEL_GRAPH << 3 | 2);
    onnx_varint(writer, 100);
}

static const struct {
    const char *name;
    void (*write)(struct onnx_writer *writer);
    enum stoa_status status;
    const char *words;
} rows[] = {
    {"11-byte number", eleven_byte_number, STOA_ERROR_PARSE, "ir_version (byte 0): a number is longer than 10 bytes"},
    {"6-byte length", six_byte_length, STOA_ERROR_PARSE, "graph (byte 0): a number is longer than 5 bytes"},
    {"6-byte tag", six_byte_tag, STOA_ERROR_PARSE, "the file (byte 0): a number is longer than 5 bytes"},
    {"a tag beyond 32 bits", tag_beyond_32_bits, STOA_ERROR_PARSE, "field number 536870919 is not possible"},
    {"length 2^31", length_of_2_31, STOA_ERROR_PARSE, "graph (byte 0): is 2147483648 bytes long"},
    {"length beyond the parent", length_beyond_the_parent, STOA_ERROR_PARSE, "graph.node[0] (byte 2): is 10 bytes"},
    {"start of a group", start_group, STOA_ERROR_PARSE, "(byte 0): has wire type 3"},
    {"end of a group", end_group, STOA_ERROR_PARSE, "graph (byte 0): has wire type 4"},
    {"wire type 6", wire_type_6, STOA_ERROR_PARSE, "has wire type 6"},
    {"field number 0", field_number_0, STOA_ERROR_PARSE, "field number 0"},
    {"number as text", number_as_text, STOA_ERROR_PARSE, "ir_version (byte 0): has wire type 2, must be 0"},
    {"text as number", text_as_number, STOA_ERROR_PARSE, "graph.node[0].op_type (byte 4): has wire type 0"},
    {"float cut short", float_cut_short, STOA_ERROR_PARSE, "ends within a number"},
    {"packed floats cut short", packed_cut_short, STOA_ERROR_PARSE, "initializer[0].float_data"},
    {"packed numbers cut short", packed_number_cut_short, STOA_ERROR_PARSE, "initializer[0].int64_data"},
    {"graph twice", graph_twice, STOA_ERROR_PARSE, "graph (byte 2): is given twice"},
    {"ir_version twice", version_twice, STOA_ERROR_PARSE, "ir_version (byte 2): is given twice"},
    {"two members of a oneof", both_of_a_oneof, STOA_ERROR_PARSE, "graph.input[0].type.sequence_type"},
    {"sparse initialiser", sparse_initializer, STOA_ERROR_UNSUPPORTED, "graph.sparse_initializer[0]"},
    {"segment", segment, STOA_ERROR_UNSUPPORTED, "graph.initializer[0].segment"},
    {"a page that was not found", page, STOA_ERROR_PARSE, "has wire type 4, must be 2; no ONNX file begins like this"},
    {"an archive", archive, STOA_ERROR_PARSE,
     "(byte 2): field number 0 is not possible; no ONNX file begins like this"},
    {"an end cut off", end_cut_off, STOA_ERROR_PARSE, "graph (byte 2): is 100 bytes long, but only 0 are left"},
    {"over-long UTF-8", overlong_utf8, STOA_ERROR_PARSE, "graph.node[0].input[1] (byte 13): is not UTF-8"},
};

Test(guard, malformed_files_are_refused_with_path_and_place)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct onnx_writer writer = {0};
        rows[i].write(&writer);
        struct stoa_error error = {0};
        struct skeleton skeleton;
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        enum stoa_status status =
            stoa_onnx_guard(writer.data, writer.size, ONNX_MODEL, NO_LIMIT, &allocator.interface, &error, &skeleton);
        cr_expect(status == rows[i].status, "%s: %s: %s", rows[i].name, stoa_status_name(status), error.message);
        cr_expect(strstr(error.message, rows[i].words), "%s: %s", rows[i].name, error.message);
        cr_expect(!skeleton.data && allocator.live == 0, "%s: leaked", rows[i].name);
        onnx_free(&writer);
    }
}

Test(guard, a_file_is_at_most_2_gib)
{
    struct stoa_error error = {0};
    struct skeleton skeleton;
    struct stoa_allocator allocator = stoa_allocator_default();
    cr_expect(stoa_onnx_guard((const uint8_t *)"", (size_t)1 << 31, ONNX_MODEL, NO_LIMIT, &allocator, &error,
                              &skeleton) == STOA_ERROR_LIMIT);
}

Test(guard, unpacking_cost_is_bounded)
{
    struct onnx_writer writer = {0};
    write_conv(&writer);
    struct stoa_error error = {0};
    struct skeleton skeleton;
    struct stoa_allocator allocator = stoa_allocator_default();
    cr_expect(stoa_onnx_guard(writer.data, writer.size, ONNX_MODEL, 1000, &allocator, &error, &skeleton) ==
              STOA_ERROR_LIMIT);
    cr_expect(strstr(error.message, "more than 1000 bytes"), "%s", error.message);
    onnx_free(&writer);
}

/* The least limit that lets the file through. */
static size_t cost_of(void (*write)(struct onnx_writer *writer))
{
    struct onnx_writer writer = {0};
    write(&writer);
    size_t refused = 0, enough = 1 << 20;
    while (enough - refused > 1) {
        struct skeleton skeleton;
        struct stoa_allocator allocator = stoa_allocator_default();
        size_t limit = (refused + enough) / 2;
        enum stoa_status status =
            stoa_onnx_guard(writer.data, writer.size, ONNX_MODEL, limit, &allocator, NULL, &skeleton);
        *(status == STOA_OK ? &enough : &refused) = limit;
        stoa_release(&allocator, skeleton.data);
    }
    onnx_free(&writer);
    return enough;
}

static void one_number(struct onnx_writer *writer)
{
    onnx_int(writer, MODEL_IR_VERSION, 8);
}

static void two_numbers(struct onnx_writer *writer)
{
    onnx_int(writer, MODEL_IR_VERSION, 8);
    onnx_int(writer, 5, 1); /* model_version */
}

static void producer(struct onnx_writer *writer)
{
    onnx_text(writer, 2, "a producer's name");
}

static void empty_graph(struct onnx_writer *writer)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_end(writer);
}

static void tensor_of(struct onnx_writer *writer, unsigned field, const void *bytes, size_t size)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_begin(writer, GRAPH_INITIALIZER);
    onnx_bytes(writer, field, bytes, size);
    onnx_end(writer);
    onnx_end(writer);
}

static void packed_dims(struct onnx_writer *writer)
{
    tensor_of(writer, TENSOR_DIMS, "\x01\xAC\x02\x07", 4); /* 1, 300, 7 */
}

static void packed_int32(struct onnx_writer *writer)
{
    tensor_of(writer, TENSOR_INT32_DATA, "\x01\xAC\x02\x07", 4);
}

static void packed_floats(struct onnx_writer *writer)
{
    tensor_of(writer, TENSOR_FLOAT_DATA, "0123456789ab", 12);
}

static void packed_doubles(struct onnx_writer *writer)
{
    tensor_of(writer, TENSOR_DOUBLE_DATA, "0123456789abcdef", 16);
}

static void weights(struct onnx_writer *writer)
{
    static const char bytes[1000];
    tensor_of(writer, TENSOR_RAW_DATA, bytes, sizeof bytes);
}

static void version_and_what_is_left_out(struct onnx_writer *writer)
{
    one_number(writer);
    onnx_text(writer, 6, "documentation");
    onnx_text(writer, 99, "a field of the future");
    onnx_begin(writer, 14); /* metadata_props */
    onnx_text(writer, 1, "key");
    onnx_end(writer);
}

#define TENSOR (sizeof(Onnx__GraphProto) + sizeof(Onnx__TensorProto))
static const struct {
    const char *name;
    void (*write)(struct onnx_writer *writer);
    size_t fields, bytes; /* that the unpacker sees, and that their values take */
} costs[] = {
    {"numbers", two_numbers, 2, 0},
    {"text", producer, 1, 17},
    {"a message", empty_graph, 1, sizeof(Onnx__GraphProto)},
    {"packed numbers, of one byte or two", packed_dims, 3, TENSOR + 3 * sizeof(int64_t)},
    {"packed numbers of 32 bits", packed_int32, 3, TENSOR + 3 * sizeof(int32_t)},
    {"packed floats", packed_floats, 3, TENSOR + 3 * sizeof(float)},
    {"packed doubles", packed_doubles, 3, TENSOR + 2 * sizeof(double)},
    {"weights, whose place alone is kept", weights, 3, TENSOR + sizeof(struct raw_reference)},
    {"what is left out", version_and_what_is_left_out, 1, 0},
};

Test(guard, each_field_costs_what_unpacking_it_takes)
{
    size_t field = cost_of(one_number);
    cr_expect(field >= sizeof(void *) + sizeof(int64_t));
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        size_t cost = cost_of(costs[i].write);
        cr_expect(cost == costs[i].fields * field + costs[i].bytes, "%s: %zu, not %zu", costs[i].name, cost,
                  costs[i].fields * field + costs[i].bytes);
    }
}

static const struct {
    const char *name, *text;
    size_t size;
    int valid;
} texts[] = {
    {"empty", "", 0, 1},
    {"ASCII", "conv1", 5, 1},
    {"two bytes", "\xC3\xA9", 2, 1},
    {"three bytes", "\xE2\x82\xAC", 3, 1},
    {"four bytes", "\xF0\x9F\x8F\x9B", 4, 1},
    {"largest", "\xF4\x8F\xBF\xBF", 4, 1},
    {"zero byte", "a\0b", 3, 0},
    {"lone continuation", "\x80", 1, 0},
    {"cut short", "\xE2\x82", 2, 0},
    {"over-long", "\xE0\x80\xAF", 3, 0},
    {"surrogate", "\xED\xA0\x80", 3, 0},
    {"above U+10FFFF", "\xF4\x90\x80\x80", 4, 0},
    {"no lead byte", "\xFF", 1, 0},
    {"bad continuation", "\xF0\x9F\x8F\x41", 4, 0},
};

Test(guard, text_is_utf8_without_zero_bytes)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_expect((stoa_onnx_text_fault((const uint8_t *)texts[i].text, texts[i].size) == NULL) == texts[i].valid, "%s",
                  texts[i].name);
}
