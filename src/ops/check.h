/* The checks that many operators make of their inputs. Messages call an input by its name in ONNX's definition. */
#ifndef STOA_OPS_CHECK_H
#define STOA_OPS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

#include "ops/op.h"

/* The input, if present, is of float; STOA_ERROR_UNSUPPORTED otherwise. */
STOA_CHECKED enum stoa_status stoa_check_float(const struct op_call *call, size_t input, const char *name,
                                               struct stoa_error *error);
/* The input, if present, is known while planning (or running already); STOA_ERROR_UNSUPPORTED otherwise. */
STOA_CHECKED enum stoa_status stoa_check_known(const struct op_call *call, size_t input, const char *name,
                                               struct stoa_error *error);
/* The input has at least that rank. */
STOA_CHECKED enum stoa_status stoa_check_least_rank(const struct op_call *call, size_t input, const char *name,
                                                    size_t least, struct stoa_error *error);
/* The input has the dims [size], `meaning` says what size is ("C of input X"). */
STOA_CHECKED enum stoa_status stoa_check_vector(const struct op_call *call, size_t input, const char *name, size_t size,
                                                const char *meaning, struct stoa_error *error);
/* *axis = the value of the attribute or input `name`, which may count from the end of `rank` axes. With `past`, rank
 * itself is fine. */
STOA_CHECKED enum stoa_status stoa_check_axis(const char *name, int64_t value, size_t rank, bool past,
                                              struct stoa_error *error, size_t *axis);
/* The output takes the input's dtype and dims. */
void stoa_same_as_input(const struct op_call *call, size_t input, size_t output);

#endif
