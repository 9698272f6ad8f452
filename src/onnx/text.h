/* Text in a model file. */
#ifndef STOA_ONNX_TEXT_H
#define STOA_ONNX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Null if the bytes are UTF-8 without a zero byte (so that they can be a C string); otherwise what is wrong with them.
 */
const char *stoa_onnx_text_fault(const uint8_t *text, size_t size);

static inline bool stoa_onnx_is_named(const char *text)
{
    return text && text[0];
}

/* That of ONNX's own operators, which has two names. */
static inline bool stoa_onnx_is_default_domain(const char *domain)
{
    return !stoa_onnx_is_named(domain) || strcmp(domain, "ai.onnx") == 0;
}

#endif
