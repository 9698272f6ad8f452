/* What OpenBLAS is running on. The core's name tells which kernels it picked at start; on CPUs newer than itself it
 * picks the oldest, which costs a factor of six, so the better choice is worked out here from what the CPU can do. */
#include <stoa/blas.h>

#include <cblas.h>
#include <string.h>

#include "base/vector.h"
#include "gemm/blas.h"
#include "gemm/gemm.h"

/* Cores of the AVX-512 family: the ones with kernels for small matrices (OpenBLAS interface/gemm.c, SMALL_MATRIX_OPT).
 */
static bool has_small_kernels(const char *core)
{
    return strcmp(core, "SkylakeX") == 0 || strcmp(core, "Cooperlake") == 0 || strcmp(core, "SapphireRapids") == 0;
}

static const char *better_core(const char *core)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return has_small_kernels(core) ? NULL : "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return has_small_kernels(core) || strcmp(core, "Haswell") == 0 || strcmp(core, "Zen") == 0 ? NULL : "Haswell";
#else
    (void)core;
#endif
    return NULL;
}

void stoa_blas_describe(struct stoa_blas_info *info)
{
    const char *core = openblas_get_corename();
    *info = (struct stoa_blas_info){
        .config = openblas_get_config(),
        .core = core,
        .threads = openblas_get_num_threads(),
        .small_matrix = has_small_kernels(core),
        .better_core = better_core(core),
    };
}

void stoa_blas_set_threads(int threads)
{
    openblas_set_num_threads(threads);
}

enum gemm_kernels stoa_gemm_kernels(void)
{
    if (has_small_kernels(openblas_get_corename()))
        return GEMM_BLAS;
    return stoa_has_avx2() ? GEMM_OWN : GEMM_PACKED;
}

size_t stoa_gemm_small_limit(void)
{
    return stoa_gemm_kernels() != GEMM_PACKED ? GEMM_SMALL_LIMIT : 0;
}

size_t stoa_gemm_nt_small_limit(void)
{
    return stoa_gemm_kernels() == GEMM_BLAS ? GEMM_SMALL_LIMIT : 0;
}
