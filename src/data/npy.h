/* NumPy's .npy files, format 1.0 and 2.0: one array of numbers or bool. */
#ifndef STOA_DATA_NPY_H
#define STOA_DATA_NPY_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/half.h"

/* Reads an array into a plain tensor whose data the caller releases with stoa_release; on failure data is null.
 * float16 is widened to float, which *half (may be null) then says.
 * Big-endian files, other types (strings, structures, complex numbers) and Fortran order with more than one dimension
 * are STOA_ERROR_UNSUPPORTED; a file longer or shorter than its header says is STOA_ERROR_DATA. */
STOA_CHECKED enum stoa_status stoa_npy_read(const char *path, const struct stoa_allocator *allocator,
                                            struct stoa_error *error, struct stoa_tensor *tensor, enum half *half);
/* The same from memory; messages do not name a file. */
STOA_CHECKED enum stoa_status stoa_npy_decode(const void *bytes, size_t size, const struct stoa_allocator *allocator,
                                              struct stoa_error *error, struct stoa_tensor *tensor, enum half *half);
/* Writes a plain tensor as format 1.0; the file appears whole or not at all. */
STOA_CHECKED enum stoa_status stoa_npy_write(const char *path, const struct stoa_tensor *tensor,
                                             struct stoa_error *error);

#endif
