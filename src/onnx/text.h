/* Text in a model file. */
#ifndef STOA_ONNX_TEXT_H
#define STOA_ONNX_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Null if the bytes are UTF-8 without a zero byte (so that they can be a C string); otherwise what is wrong with them.
 */
const char *stoa_onnx_text_fault(const uint8_t *text, size_t size);

#endif
