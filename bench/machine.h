/* What a measurement depends on besides the code that is measured. */
#ifndef STOA_BENCH_MACHINE_H
#define STOA_BENCH_MACHINE_H

#include "record.h"

/* Everything but peak_gflops and copy_gbytes. */
void stoa_bench_describe_machine(struct machine *machine);

/* Billions of multiplications and additions a second of one thread, from a loop of fused multiply-adds in registers,
 * with the widest vectors the CPU has: what no product can exceed. The best of a few. */
double stoa_bench_peak_gflops(void);
/* Bytes copied a second by one thread, from and to memory beyond the caches, / 1e9; a byte counts once. 0 when there is
 * no memory for it. */
double stoa_bench_copy_gbytes(void);

#endif
