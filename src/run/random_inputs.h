/* Inputs for those who want a model to run, whatever on. */
#ifndef STOA_RUN_RANDOM_INPUTS_H
#define STOA_RUN_RANDOM_INPUTS_H

#include <stdint.h>
#include <stoa/session.h>

/* Binds each input of a session that is not bound: to data[i] where both are given, else to random numbers of the seed,
 * which only float inputs can be (ARGUMENT). *random, which whoever frees the session releases afterwards by
 * stoa_random_inputs_free, keeps them; set also on failure. */
STOA_CHECKED enum stoa_status stoa_random_inputs_bind(struct stoa_session *session, const void *const *data,
                                                      uint64_t seed, struct stoa_error *error, void ***random);
void stoa_random_inputs_free(const struct stoa_session *session, void **random);

#endif
