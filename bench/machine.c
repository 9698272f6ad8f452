/* The machine and the build. */
#include "machine.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoa/blas.h>
#include <string.h>

#include "base/clock.h"
#include "bench_build.h"
#include "bench_commit.h"
#include "contest.h"

static void read_cpu(size_t size, char *text)
{
    char line[256];
    stoa_bench_set(size, text, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value)
            continue;
        value += strspn(value, ": \t");
        value[strcspn(value, "\n")] = '\0';
        stoa_bench_set(size, text, value);
        break;
    }
    if (file)
        fclose(file);
}

/* Additions that wait for each other take one cycle each on every CPU there is. The addend is a register, because some
 * CPUs add small constants for nothing. */
static double measure_megahertz(void)
{
#if defined(__GNUC__)
    enum { ROUNDS = 1000000, UNROLLED = 8 };
    uint64_t sum = 0, addend = (uint64_t)time(NULL) | 1;
    double best = 0;
    for (int attempt = 0; attempt < 5; attempt++) {
        double begin = stoa_seconds();
        for (int i = 0; i < ROUNDS; i++)
            for (int j = 0; j < UNROLLED; j++) {
                sum += addend;
                __asm__ volatile("" : "+r"(sum), "+r"(addend));
            }
        double megahertz = 1e-6 * ROUNDS * UNROLLED / (stoa_seconds() - begin);
        best = megahertz > best ? megahertz : best;
    }
    return best;
#else
    return 0;
#endif
}

void stoa_bench_describe_machine(struct machine *machine)
{
    struct stoa_blas_info blas;
    stoa_blas_describe(&blas);
    *machine = (struct machine){.megahertz = measure_megahertz()};
    read_cpu(sizeof machine->cpu, machine->cpu);
    stoa_bench_set(sizeof machine->blas, machine->blas, blas.config);
    stoa_bench_set(sizeof machine->core, machine->core, blas.core);
    stoa_bench_set(sizeof machine->compiler, machine->compiler, BENCH_COMPILER);
    stoa_bench_set(sizeof machine->flags, machine->flags, BENCH_FLAGS);
    stoa_bench_set(sizeof machine->commit, machine->commit, BENCH_COMMIT);
}

double stoa_bench_copy_gbytes(void)
{
    size_t size = stoa_bench_evict_bytes();
    char *from = malloc(size), *to = malloc(size);
    double best = 0;
    if (from && to) {
        memset(from, 1, size);
        memset(to, 2, size);
        for (int attempt = 0; attempt < 5; attempt++) {
            double begin = stoa_seconds();
            memcpy(to, from, size);
            __asm__ volatile("" : : "r"(to) : "memory");
            double gbytes = 1e-9 * (double)size / (stoa_seconds() - begin);
            best = gbytes > best ? gbytes : best;
        }
    }
    free(from);
    free(to);
    return best;
}
