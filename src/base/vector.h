/* Wide vectors at run time: a function marked STOA_CLONES is compiled for several instruction sets, and the loader
 * picks the widest that the CPU has. Nothing is contracted or reassociated (-ffp-contract=off, no fast-math), so all
 * clones agree to the last bit. Meant for functions with a hot loop, not for what they call: a callee is cloned along
 * only where it is inlined (STOA_INLINE). */
#ifndef STOA_BASE_VECTOR_H
#define STOA_BASE_VECTOR_H

#include <stdbool.h>
#include <stdint.h> /* says whether the C library is glibc */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STOA_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STOA_SANITIZED
#endif

/* The choice is made by a resolver that runs while the program is being loaded: glibc has them, and sanitizers are not
 * ready yet when it runs. Instruction sets are named rather than CPUs ("arch="), which match those very CPUs alone. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__) && !defined(STOA_SANITIZED)
#define STOA_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
/* For what no network spends its time in: a third less code. */
#define STOA_FEW_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define STOA_CLONES
#define STOA_FEW_CLONES
#endif

/* Whether there are 32 registers of 16 floats: for loops that keep as many sums as there is room for. */
static inline bool stoa_has_wide_registers(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return __builtin_cpu_supports("avx512f");
#else
    return false;
#endif
}

/* Every CPU with AVX2 has FMA too, but an emulator may not. */
static inline bool stoa_has_avx2(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

#if defined(__GNUC__)
#define STOA_INLINE inline __attribute__((always_inline))
#else
#define STOA_INLINE inline
#endif

/* Compiled once and called, for what is large and rare. */
#if defined(__clang__)
#define STOA_RARE __attribute__((noinline))
#elif defined(__GNUC__)
#define STOA_RARE __attribute__((noinline, noclone))
#else
#define STOA_RARE
#endif

/* In front of a loop whose iterations do not depend on each other even where its arrays are the same. Clang is left to
 * find out at run time: it takes such a hint as an order, and warns where it does not vectorise. */
#if defined(__GNUC__) && !defined(__clang__)
#define STOA_INDEPENDENT _Pragma("GCC ivdep")
#else
#define STOA_INDEPENDENT
#endif

#endif
