/* Stoa: a CNN engine for the CPU. This header brings in all of libstoa; <stoa/data.h> is that of libstoa-data. */
#ifndef STOA_STOA_H
#define STOA_STOA_H

#include <stoa/blas.h>
#include <stoa/build.h>
#include <stoa/gradient.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/loss.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>
#include <stoa/train.h>
#include <stoa/tuning.h>
#include <stoa/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "major.minor.patch" of the library that is linked. */
STOA_API const char *stoa_version(void);

#ifdef __cplusplus
}
#endif
#endif
