/* Floats as they lie in memory, in files that live for one measurement. */
#ifndef STOA_BENCH_RAWFILE_H
#define STOA_BENCH_RAWFILE_H

#include <stddef.h>
#include <stoa/status.h>

/* The file must hold exactly `count` floats. */
STOA_CHECKED enum stoa_status stoa_bench_read_floats(const char *path, size_t count, struct stoa_error *error,
                                                     float *values);
STOA_CHECKED enum stoa_status stoa_bench_write_floats(const char *path, size_t count, const float *values,
                                                      struct stoa_error *error);

#endif
