/* A line at a time; attributes and constants are read by op_text. */
#include "support/onnx_net.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/tensor.h"
#include "support/op_text.h"

static void write_names(struct onnx_writer *writer, unsigned field, char *names)
{
    char *rest = NULL;
    for (char *name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
        onnx_text(writer, field, strcmp(name, "-") == 0 ? "" : name);
}

static void write_attribute(struct onnx_writer *writer, const struct attribute *attribute)
{
    onnx_begin(writer, NODE_ATTRIBUTE);
    onnx_text(writer, ATTRIBUTE_NAME, attribute->name);
    onnx_int(writer, ATTRIBUTE_TYPE, attribute->kind);
    if (attribute->kind == ATTRIBUTE_FLOAT)
        onnx_float(writer, ATTRIBUTE_F, attribute->number);
    else if (attribute->kind == ATTRIBUTE_INT)
        onnx_int(writer, ATTRIBUTE_I, attribute->integer);
    else if (attribute->kind == ATTRIBUTE_STRING)
        onnx_text(writer, ATTRIBUTE_S, attribute->string);
    for (size_t i = 0; i < attribute->count; i++)
        if (attribute->kind == ATTRIBUTE_FLOATS)
            onnx_float(writer, ATTRIBUTE_LIST_OF_FLOATS, attribute->numbers[i]);
        else if (attribute->kind == ATTRIBUTE_STRINGS)
            onnx_text(writer, ATTRIBUTE_LIST_OF_STRINGS, attribute->strings[i]);
        else
            onnx_int(writer, ATTRIBUTE_LIST_OF_INTS, attribute->integers[i]);
    onnx_end(writer);
}

/* The lines that follow are the branch's graph. */
static void begin_branch(struct onnx_writer *writer, const char *name)
{
    onnx_begin(writer, NODE_ATTRIBUTE);
    onnx_text(writer, ATTRIBUTE_NAME, name);
    onnx_int(writer, ATTRIBUTE_TYPE, 5);
    onnx_begin(writer, ATTRIBUTE_G);
}

/* "} else {", and "}", which ends the node, too. */
static void end_branch(struct onnx_writer *writer, const char *text)
{
    onnx_end(writer);
    onnx_end(writer);
    if (strcmp(text, "} else {") == 0)
        begin_branch(writer, "else_branch");
    else
        onnx_end(writer);
}

static void write_node(struct onnx_writer *writer, char *text, struct arena *arena)
{
    char *equals = strstr(text, " = "), *open = strchr(text, '('), *close = strchr(text, ')'), name[64];
    cr_assert(equals && open && close, "OUTPUTS = TYPE(INPUTS) ATTRIBUTES: %s", text);
    *equals = *open = *close = '\0';
    onnx_begin(writer, GRAPH_NODE);
    snprintf(name, sizeof name, "node_%.*s", (int)strcspn(text, ","), text);
    onnx_text(writer, NODE_NAME, name);
    onnx_text(writer, NODE_OP_TYPE, equals + 3);
    write_names(writer, NODE_INPUT, open + 1);
    write_names(writer, NODE_OUTPUT, text);
    if (strcmp(close + 1, " {") == 0) {
        begin_branch(writer, "then_branch");
        return;
    }
    struct attributes attributes = op_text_attributes(close + 1, arena);
    for (size_t i = 0; i < attributes.count; i++)
        write_attribute(writer, &attributes.items[i]);
    onnx_end(writer);
}

/* "NAME TYPE[DIMS]": the name is cut off, and the rest returned. */
static char *split(char *text)
{
    char *blank = strchr(text, ' ');
    cr_assert(blank, "NAME TYPE[DIMS]: %s", text);
    *blank = '\0';
    return blank + 1;
}

static void write_constant(struct onnx_writer *writer, char *text, unsigned seed, struct arena *arena)
{
    struct op_text_input inputs[OP_TEXT_MAX_INPUTS];
    cr_assert(op_text_inputs(split(text), seed, arena, inputs) == 1, "%s", text);
    const struct stoa_tensor *tensor = &inputs[0].tensor;
    onnx_tensor_begin(writer, GRAPH_INITIALIZER, text, (int)tensor->dtype, NULL);
    for (size_t i = 0; i < tensor->rank; i++)
        onnx_int(writer, TENSOR_DIMS, (int64_t)tensor->dims[i]);
    onnx_bytes(writer, TENSOR_RAW_DATA, tensor->data, stoa_tensor_bytes(tensor));
    onnx_end(writer);
}

static void write_input(struct onnx_writer *writer, char *text, struct arena *arena)
{
    char *type = split(text), *open = strchr(type, '['), *rest = NULL;
    struct op_text_input inputs[OP_TEXT_MAX_INPUTS];
    char alone[8];
    cr_assert(open && open - type < 5, "%s", type);
    snprintf(alone, sizeof alone, "%.*s{}", (int)(open - type), type); /* the type, without elements */
    cr_assert(op_text_inputs(alone, 0, arena, inputs) == 1);
    onnx_begin(writer, GRAPH_INPUT);
    onnx_text(writer, INFO_NAME, text);
    onnx_begin(writer, INFO_TYPE);
    onnx_begin(writer, TYPE_TENSOR);
    onnx_int(writer, TYPE_TENSOR_ELEM_TYPE, (int)inputs[0].tensor.dtype);
    onnx_begin(writer, TYPE_TENSOR_SHAPE);
    for (char *dim = strtok_r(open, "[,]", &rest); dim; dim = strtok_r(NULL, "[,]", &rest)) {
        onnx_begin(writer, SHAPE_DIM);
        if (*dim == '?')
            onnx_text(writer, DIM_PARAM, "N");
        else
            onnx_int(writer, DIM_VALUE, strtoll(dim, NULL, 10));
        onnx_end(writer);
    }
    for (int i = 0; i < 4; i++)
        onnx_end(writer);
}

void onnx_net(struct onnx_writer *writer, const char *text, int64_t opset)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct arena arena;
    stoa_arena_init(&arena, &allocator);
    onnx_int(writer, MODEL_IR_VERSION, 8);
    onnx_opset(writer, NULL, opset);
    onnx_begin(writer, MODEL_GRAPH);
    unsigned seed = 7;
    for (const char *line = text; *line;) {
        char buffer[512];
        size_t length = strcspn(line, "\n");
        cr_assert(length < sizeof buffer);
        memcpy(buffer, line, length);
        buffer[length] = '\0';
        line += length + (line[length] == '\n');
        if (strncmp(buffer, "input ", 6) == 0)
            write_input(writer, buffer + 6, &arena);
        else if (strncmp(buffer, "const ", 6) == 0)
            write_constant(writer, buffer + 6, seed++, &arena);
        else if (strncmp(buffer, "output ", 7) == 0)
            onnx_info(writer, GRAPH_OUTPUT, buffer + 7, NULL);
        else if (*buffer == '}')
            end_branch(writer, buffer);
        else if (*buffer)
            write_node(writer, buffer, &arena);
    }
    onnx_end(writer);
    stoa_arena_deinit(&arena);
}
