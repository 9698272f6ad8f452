/* Whether a text is JSON, told without any memory: of a text that it did not take, cJSON does not say whether that was
 * the text's fault or an allocation's. */
#ifndef STOA_SHOW_JSON_H
#define STOA_SHOW_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it begins with a value as cJSON takes them for certain: not those nested deeper than 64, with numbers of more
 * than 60 characters, or with halves of surrogate pairs. */
bool stoa_json_begins(const char *text, size_t size);

#endif
