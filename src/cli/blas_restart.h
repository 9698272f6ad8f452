/* What our own programs (the command, the benchmarks) do about BLAS before they start. */
#ifndef STOA_CLI_BLAS_RESTART_H
#define STOA_CLI_BLAS_RESTART_H

/* Sets BLAS to one thread, since Stoa does the threading; and when BLAS runs on kernels much slower than this CPU
 * allows and OPENBLAS_CORETYPE is not set, sets that and starts the program again with the same arguments, because BLAS
 * reads it only while it is loaded. `openmp_threads` (may be null) does the same for OMP_NUM_THREADS, which peers that
 * use OpenMP read. Call it in main before other threads are made. */
void stoa_cli_choose_blas(char **argv, const char *openmp_threads);

#endif
