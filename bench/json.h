/* Records as JSON: schema.json in this folder says what stands where. */
#ifndef STOA_BENCH_JSON_H
#define STOA_BENCH_JSON_H

#include <stdio.h>
#include <stoa/status.h>

#include "record.h"

#define BENCH_FORMAT "stoa-bench 1"

/* One case a line, so that two files can be compared line by line. */
void stoa_bench_write_json(const struct record *record, FILE *out);

/* One line an entry, under a head line; the columns are the schema's names. */
void stoa_bench_write_csv(const struct record *record, FILE *out);

/* Reads what stoa_bench_write_json wrote; what can be derived from the samples is derived again. Anything else is
 * STOA_ERROR_DATA with the place that is not as it should be. On failure the record is empty. */
STOA_CHECKED enum stoa_status stoa_bench_read_json(const char *path, struct stoa_error *error, struct record *record);

#endif
