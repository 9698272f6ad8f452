/* Stoa: a CNN engine for the CPU. This header brings in all of libstoa; <stoa/data.h> is that of libstoa-data.
 *
 * What holds everywhere:
 *
 * Calls that can fail return an enum stoa_status and take a struct stoa_error *, which may be null; results come last,
 * and are null, or as they were, after a failure. Nothing is printed, nothing ends the program, no state belongs to the
 * process: all there is hangs on the objects that callers create, and goes with their `_free`, which takes null.
 * Memory comes from the object's allocator alone (host.h). Pointers that are handed in are borrowed for the call,
 * unless their comment says copied, or otherwise. Functions that take a const object may be called on it from several
 * threads at once; others by one thread at a time.
 *
 * Structs that callers fill start zeroed, and a zero means the usual default, so that designated initialisers name what
 * matters: &(struct stoa_session_options){.threads = 2}. Sizes and layouts of all public structs stay as they are: what
 * later versions add takes the place of `reserved` members at their ends, where a zero means what was before. So
 * programs go on working with later libraries of the same soname without being compiled anew. Such words that are not
 * zero, because the program was compiled for a later version and uses what this library does not have, or because the
 * struct did not start zeroed, are STOA_ERROR_ARGUMENT. In structs that the library fills they are 0. struct
 * stoa_tensor, stoa_error, stoa_allocator, stoa_pool, stoa_log and stoa_value have none, nor have stoa_array, stoa_text
 * and stoa_steps_result of show.h: they are complete.
 * Enumerations grow at their ends; the COUNT members are those of the header. */
#ifndef STOA_STOA_H
#define STOA_STOA_H

#include <stoa/backward.h>
#include <stoa/blas.h>
#include <stoa/build.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>
#include <stoa/tuning.h>
#include <stoa/verify.h>
/* A library built without training has no headers of it. */
#if __has_include(<stoa/train.h>)
#include <stoa/gradient.h>
#include <stoa/loss.h>
#include <stoa/train.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers. */
#define STOA_VERSION_MAJOR 0
#define STOA_VERSION_MINOR 1
#define STOA_VERSION_PATCH 0
/* To compare with: #if STOA_VERSION >= STOA_VERSION_NUMBER(0, 2, 0). */
#define STOA_VERSION_NUMBER(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define STOA_VERSION STOA_VERSION_NUMBER(STOA_VERSION_MAJOR, STOA_VERSION_MINOR, STOA_VERSION_PATCH)

/* "major.minor.patch" of the library that is linked, which may be newer than the headers. Static. */
STOA_API const char *stoa_version(void);

#ifdef __cplusplus
}
#endif
#endif
