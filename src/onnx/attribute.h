/* AttributeProto to attribute. */
#ifndef STOA_ONNX_ATTRIBUTE_H
#define STOA_ONNX_ATTRIBUTE_H

#include "base/attributes.h"
#include "onnx/tensor.h"

/* Sets *attribute. Strings and lists lie in the message or the arena. Types that no operator of the engine takes
 * (graphs, lists of tensors, …) keep their kind and have no content, so that whoever reads them fails with a fitting
 * message. */
STOA_CHECKED enum stoa_status stoa_onnx_attribute(const Onnx__AttributeProto *message, const struct onnx_source *source,
                                                  struct arena *arena, struct stoa_error *error,
                                                  struct attribute *attribute);

#endif
