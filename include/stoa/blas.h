/* What BLAS computes the products, and how to get its best. Its settings are the process's own, so the library only
 * ever reads them; the two things a program should see to are told here. */
#ifndef STOA_BLAS_H
#define STOA_BLAS_H

#include <stddef.h>
#include <stoa/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stoa_blas_info {
    const char *config; /* the library's own description of its version and build */
    const char *core;   /* the kernels it runs on, such as "SkylakeX" */
    int threads;        /* its own thread count; Stoa is fastest when it is 1, since Stoa's pool does the threading */
    int small_matrix; /* whether it has kernels that skip packing for small products; else, with AVX2, Stoa does them */
    /* Null when the kernels fit the CPU. Otherwise the name of better ones: old versions do not know new CPUs and fall
     * back to kernels several times slower. Start the program with OPENBLAS_CORETYPE set to this name to get them. */
    const char *better_core;
    size_t reserved[4];
};

/* Thread-safe. The strings are static. */
STOA_API void stoa_blas_describe(struct stoa_blas_info *info);

/* Sets BLAS's own thread count for the whole process. A program that does no BLAS of its own calls this once with 1,
 * before it creates sessions. Not thread-safe. */
STOA_API void stoa_blas_set_threads(int threads);

#ifdef __cplusplus
}
#endif
#endif
