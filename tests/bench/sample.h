/* A record made up for tests. */
#ifndef TESTS_BENCH_SAMPLE_H
#define TESTS_BENCH_SAMPLE_H

#include "bench/record.h"
#include "support/temporary.h"

/* One case "layers", "res3", of Stoa and oneDNN's two algorithms in `rounds` rounds; Stoa takes `seconds` a run, direct
 * 1.5 and Winograd 1.2 times as long. A fourth entry is absent, a fifth wrong. stoa_bench_record_free. */
void sample_record(double seconds, size_t rounds, struct record *record);

/* Writes it as JSON to a new temporary file. */
void sample_write(const struct record *record, char path[TEMPORARY_PATH]);

#endif
