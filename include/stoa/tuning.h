/* Measured choices: which way of convolving is the fastest on this machine, found out by trying. Without them a cost
 * model chooses. What was measured can be kept in a file; it counts only for the machine and BLAS kernels it was
 * measured on. */
#ifndef STOA_TUNING_H
#define STOA_TUNING_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stoa_tuning;

/* An empty one. The allocator may be null (the C library's) and is copied. Not changed by sessions, any number of which
 * may be created with it at once; measuring and loading into it must not run beside. */
STOA_API STOA_CHECKED enum stoa_status stoa_tuning_create(const struct stoa_allocator *allocator,
                                                          struct stoa_error *error, struct stoa_tuning **tuning);
/* Sessions made with it may live on. Null is fine. */
STOA_API void stoa_tuning_free(struct stoa_tuning *tuning);
/* How many convolutions it knows for this machine. */
STOA_API size_t stoa_tuning_count(const struct stoa_tuning *tuning);

/* Measures those convolutions of a model, in a session of these options (may be null) on random inputs, that are not
 * known yet: the model is run `rounds` times (0: 5) in each way, in turn with the way it goes otherwise, and the median
 * of each layer's times, by how long that took, counts: so weights come from where they do in use, and a machine that
 * becomes slower in between misleads less. Two sessions are there at a time. *measured (may be null) = how many
 * convolutions were. A session then created with the same options and options.tuning takes the fastest. Ways that do
 * not stay within options.max_bytes are not tried; options.accuracy does not count, so that one table serves sessions
 * of either. Input i is data[i] (row-major, of the session's dims and type) where given; both `data` and its entries
 * may be null; float inputs become random numbers. */
STOA_API STOA_CHECKED enum stoa_status stoa_tune(struct stoa_tuning *tuning, const struct stoa_model *model,
                                                 const struct stoa_session_options *options, const void *const *data,
                                                 size_t rounds, struct stoa_error *error, size_t *measured);

/* Adds what a file holds. A file that does not exist is IO, one that is not understood PARSE; neither changes anything.
 */
STOA_API STOA_CHECKED enum stoa_status stoa_tuning_load(struct stoa_tuning *tuning, const char *path,
                                                        struct stoa_error *error);
/* Writes all it knows, that of other machines included; the file appears whole or not at all. */
STOA_API STOA_CHECKED enum stoa_status stoa_tuning_save(const struct stoa_tuning *tuning, const char *path,
                                                        struct stoa_error *error);

#ifdef __cplusplus
}
#endif
#endif
