/* Operators called one at a time. */
#include "layers/wrap.h"

#include "base/status.h"

enum stoa_status stoa_layer_begin(struct layer_call *layer, const char *type, size_t inputs,
                                  const struct attribute *attributes, size_t attribute_count, struct stoa_error *error)
{
    *layer = (struct layer_call){.call = {.op = stoa_op_find(type, LAYER_OPSET, NULL),
                                          .params = layer->params.bytes,
                                          .input_count = inputs,
                                          .output_count = 1,
                                          .inputs = layer->inputs,
                                          .outputs = &layer->output}};
    layer->output.dtype = STOA_FLOAT;
    if (layer->call.op->params_size > sizeof layer->params)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the parameters of %s take %zu bytes", type,
                         layer->call.op->params_size);
    struct attributes list = {.items = attributes, .count = attribute_count};
    struct attribute_reader reader = stoa_reader(&list, LAYER_OPSET, inputs, 1, error);
    return layer->call.op->parse ? layer->call.op->parse(&reader, layer->params.bytes) : STOA_OK;
}
