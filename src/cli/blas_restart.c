/* Getting the kernels that fit the CPU. */
#include "cli/blas_restart.h"

#include <stdbool.h>
#include <stdlib.h>
#include <stoa/blas.h>
#include <unistd.h>

/* Whether the variable was unset and is set now. */
static bool set_variable(const char *name, const char *value)
{
    return value && !getenv(name) && setenv(name, value, 1) == 0;
}

void stoa_cli_choose_blas(char **argv, const char *openmp_threads)
{
    struct stoa_blas_info info;
    stoa_blas_describe(&info);
    /* The variables are set when we come back, so this happens once. Where it cannot be done we are slow, not wrong. */
    bool core = set_variable("OPENBLAS_CORETYPE", info.better_core);
    bool openmp = set_variable("OMP_NUM_THREADS", openmp_threads);
    if (core || openmp)
        execv("/proc/self/exe", argv);
    if (core)
        unsetenv("OPENBLAS_CORETYPE");
    if (openmp)
        unsetenv("OMP_NUM_THREADS");
    stoa_blas_set_threads(1);
}
