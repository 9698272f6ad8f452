/* JSON against a schema: of JSON Schema, what bench/schema.json uses. */
#ifndef TESTS_BENCH_SCHEMA_H
#define TESTS_BENCH_SCHEMA_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* Null when `value` is as the schema says, else the place and what is wrong there; lasts until the next call. A keyword
 * the checker does not know is wrong too, so that no rule goes unchecked. */
const char *schema_check(const cJSON *schema, const cJSON *value);

/* The file, parsed; fails the running test when it cannot be. Relative paths start at the source's root. */
cJSON *schema_read_file(const char *path);

#endif
