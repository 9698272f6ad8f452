/* Seeded random numbers for tests. */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include "base/random.h"

#define random_bits stoa_random_bits
#define random_int stoa_random_int
#define random_normal stoa_random_normal
#define random_fill stoa_random_fill

#endif
