/* The peak: fused multiply-adds on registers alone. The accumulators are as many as hide the latency of two units, and
 * few enough for the registers of each instruction set. */
#include "base/clock.h"
#include "machine.h"

#define CHAINS 12
#define ROUNDS 200000

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* name(seed): ROUNDS times CHAINS fused multiply-adds of whole vectors; the result keeps the loop alive. */
#define DEFINE_CHAINS(name, isa, vector, fused)                                                                        \
    __attribute__((target(isa), noinline)) static float name(float seed)                                               \
    {                                                                                                                  \
        vector sums[CHAINS], a = {0}, b = {0};                                                                         \
        a += seed;                                                                                                     \
        b += seed;                                                                                                     \
        for (int i = 0; i < CHAINS; i++)                                                                               \
            sums[i] = a + (float)i;                                                                                    \
        for (int round = 0; round < ROUNDS; round++) {                                                                 \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sums[i] = fused(sums[i], a, b);                  \
            __asm__ volatile("" : "+x"(a), "+x"(b));                                                                   \
        }                                                                                                              \
        vector sum = sums[0];                                                                                          \
        for (int i = 1; i < CHAINS; i++)                                                                               \
            sum += sums[i];                                                                                            \
        return sum[0];                                                                                                 \
    }

static inline __attribute__((always_inline, target("sse2"))) __m128 separate(__m128 x, __m128 a, __m128 b)
{
    return x * a + b;
}

DEFINE_CHAINS(chains_avx512, "avx512f", __m512, _mm512_fmadd_ps)
DEFINE_CHAINS(chains_fma, "avx2,fma", __m256, _mm256_fmadd_ps)
DEFINE_CHAINS(chains_sse, "sse2", __m128, separate)

static float run(float seed, double *lanes)
{
    if (__builtin_cpu_supports("avx512f")) {
        *lanes = 16;
        return chains_avx512(seed);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        *lanes = 8;
        return chains_fma(seed);
    }
    *lanes = 4;
    return chains_sse(seed);
}

#else

static float run(float seed, double *lanes)
{
    enum { LANES = 4 };
    float sums[CHAINS][LANES] = {{0}};
    *lanes = LANES;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < CHAINS; i++)
            for (int lane = 0; lane < LANES; lane++)
                sums[i][lane] = __builtin_fmaf(sums[i][lane], seed, seed);
    float sum = 0;
    for (int i = 0; i < CHAINS; i++)
        for (int lane = 0; lane < LANES; lane++)
            sum += sums[i][lane];
    return sum;
}

#endif

double stoa_bench_peak_gflops(void)
{
    double best = 0, lanes = 0;
    for (int attempt = 0; attempt < 20; attempt++) {
        volatile float seed = 0.5F, result;
        double begin = stoa_seconds();
        result = run(seed, &lanes);
        double gflops = 2e-9 * lanes * CHAINS * ROUNDS / (stoa_seconds() - begin);
        best = gflops > best ? gflops : best;
        (void)result;
    }
    return best;
}
