/* Text of unknown origin as UTF-8. */
#ifndef STOA_BASE_UTF8_H
#define STOA_BASE_UTF8_H

#include <stddef.h>

/* clean <- text as far as it fits `room` bytes, its zero included (room >= 1), whole characters only. What is no UTF-8
 * becomes U+FFFD, a byte at a time; a character cut off by the text's end is left out. */
void stoa_utf8_copy(const char *text, size_t room, char *clean);

#endif
