/* Loops that hold vectors in registers by hand. Their files are compiled once for each instruction set
 * (kernels/meson.build says with what), with vectors as wide as its registers: vectors that the compiler has to split
 * are slow, and several times the code. The functions of a copy bear its name, STOA_ISA; callers get those of the best
 * copy for their CPU. Files of STOA_ISA_ONCE have no copy for the widest. */
#ifndef STOA_KERNELS_ISA_H
#define STOA_KERNELS_ISA_H

#include <stddef.h>
#include <stdint.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "base/vector.h"
#include "kernels/activation.h"

/* Floats of a register; where it is 16 there are 32 registers. */
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t lane_bits __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* *y <- at least `least`; NaN stays. */
static STOA_INLINE void at_least(float least, lanes *y)
{
    lanes low = least - (lanes){0};
#if defined(__AVX512F__)
    *y = (lanes)_mm512_max_ps((__m512)low, (__m512)*y);
#elif defined(__AVX__)
    *y = (lanes)_mm256_max_ps((__m256)low, (__m256)*y);
#else
    lane_bits below = *y < low;
    *y = (lanes)(((lane_bits)*y & ~below) | ((lane_bits)low & below));
#endif
}

/* *y <- between least and most; NaN stays. */
static STOA_INLINE void bound(float least, float most, lanes *y)
{
    at_least(least, y);
    lanes high = most - (lanes){0};
#if defined(__AVX512F__)
    *y = (lanes)_mm512_min_ps((__m512)high, (__m512)*y);
#elif defined(__AVX__)
    *y = (lanes)_mm256_min_ps((__m256)high, (__m256)*y);
#else
    lane_bits above = *y > high;
    *y = (lanes)(((lane_bits)*y & ~above) | ((lane_bits)high & above));
#endif
}

/* A value as it is in a register: a product is rounded, what is added to it an addition of its own; what comes from
 * memory is loaded once. */
static STOA_INLINE void in_register(lanes *value)
{
#if defined(__AVX512F__)
    __asm__("" : "+v"(*value));
#elif defined(__SSE__)
    __asm__("" : "+x"(*value));
#elif defined(__aarch64__)
    __asm__("" : "+w"(*value));
#else
    (void)value;
#endif
}

/* y[count] <- f(y) to the bit as stoa_activate has it, `count` at most 32 and known where this is inlined. */
static STOA_INLINE void squash(const struct squash *f, size_t count, lanes *y)
{
    if (f->swishes) {
        _Pragma("GCC unroll 32") for (size_t i = 0; i < count; i++)
        {
            lanes gate = y[i] * f->slope;
            in_register(&gate);
            gate += f->offset;
            bound(0, 1, &gate);
            y[i] *= gate;
        }
    } else if (f->given) {
        _Pragma("GCC unroll 32") for (size_t i = 0; i < count; i++) bound(f->least, f->most, &y[i]);
    }
}

/* best and nan <- with one more of what a maximum is taken of. Of NaN and a number either may be the larger one; `nan`
 * has all bits of lanes that saw one. */
static STOA_INLINE void larger(lanes in, lanes *best, lane_bits *nan)
{
    *nan |= in != in;
#if defined(__AVX512F__)
    *best = (lanes)_mm512_max_ps((__m512)*best, (__m512)in);
#elif defined(__AVX__)
    *best = (lanes)_mm256_max_ps((__m256)*best, (__m256)in);
#else
    lane_bits more = in > *best;
    *best = (lanes)(((lane_bits)*best & ~more) | ((lane_bits)in & more));
#endif
}

/* *sum += a * b, in sum's own register: left to itself, GCC 12 writes such sums over a or b, moves them back and spills
 * one, and the loop then waits for that. */
static STOA_INLINE void add_product(lanes a, lanes b, lanes *sum)
{
#if defined(__FMA__)
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(*sum) : "v"(a), "v"(b));
#else
    *sum += a * b;
#endif
}

/* sums[count] += *a * line[count], one after the other and with one register for *a, for no longer than that: where all
 * others hold sums, GCC 12 otherwise copies them about. */
static STOA_INLINE void add_products(const float *a, size_t count, const lanes *line, lanes *sums)
{
#if defined(__FMA__)
    if (count == 2) {
        lanes spread;
        __asm__("vbroadcastss %3, %2\n\tvfmadd231ps %4, %2, %0\n\tvfmadd231ps %5, %2, %1"
                : "+v"(sums[0]), "+v"(sums[1]), "=&v"(spread)
                : "m"(*a), "v"(line[0]), "v"(line[1]));
        return;
    }
#endif
    lanes all = *a - (lanes){0};
    _Pragma("GCC unroll 4") for (size_t v = 0; v < count; v++) add_product(all, line[v], &sums[v]);
}

#define STOA_JOIN_NOW(name, isa) name##_##isa
#define STOA_JOIN(name, isa) STOA_JOIN_NOW(name, isa)

#if !defined(STOA_ISA_FIRST)
#define STOA_CHOICE(name, parameters, arguments)
#elif defined(STOA_ISA_SEVERAL) && defined(STOA_ISA_ONCE)
#define STOA_CHOICE(name, parameters, arguments)                                                                       \
    void name##_avx2 parameters;                                                                                       \
    void name parameters                                                                                               \
    {                                                                                                                  \
        if (stoa_has_avx2())                                                                                           \
            name##_avx2 arguments;                                                                                     \
        else                                                                                                           \
            name##_baseline arguments;                                                                                 \
    }
#elif defined(STOA_ISA_SEVERAL)
#define STOA_CHOICE(name, parameters, arguments)                                                                       \
    void name##_avx2 parameters;                                                                                       \
    void name##_avx512 parameters;                                                                                     \
    void name parameters                                                                                               \
    {                                                                                                                  \
        if (stoa_has_wide_registers())                                                                                 \
            name##_avx512 arguments;                                                                                   \
        else if (stoa_has_avx2())                                                                                      \
            name##_avx2 arguments;                                                                                     \
        else                                                                                                           \
            name##_baseline arguments;                                                                                 \
    }
#else
#define STOA_CHOICE(name, parameters, arguments)                                                                       \
    void name parameters                                                                                               \
    {                                                                                                                  \
        name##_baseline arguments;                                                                                     \
    }
#endif

/* In front of the body of a function that is declared as `name`: the copy's own. The first copy also has `name` itself,
 * which passes its arguments on to the best. */
#define STOA_COPY(name, parameters, arguments)                                                                         \
    void STOA_JOIN(name, STOA_ISA) parameters;                                                                         \
    STOA_CHOICE(name, parameters, arguments)                                                                           \
    void STOA_JOIN(name, STOA_ISA) parameters

#endif
