/* UTF-8 as RFC 3629 has it: shortest form only, no surrogates, nothing above U+10FFFF. */
#include "onnx/text.h"

/* The length of the valid sequence at `text`, or 0. */
static size_t sequence_length(const uint8_t *text, size_t size)
{
    uint8_t lead = text[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                    : lead >= 0xE0 && lead <= 0xEF ? 3
                    : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                   : 0;
    if (!length || length > size)
        return 0;
    uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < least || text[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (text[i] < 0x80 || text[i] > 0xBF)
            return 0;
    return length;
}

const char *stoa_onnx_text_fault(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        if (text[i] == 0)
            return "holds a zero byte";
        size_t length = sequence_length(text + i, size - i);
        if (!length)
            return "is not UTF-8";
        i += length;
    }
    return NULL;
}
