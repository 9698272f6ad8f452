/* Getting the kernels that fit the CPU. */
#include "cli/blas_restart.h"

#include <stdlib.h>
#include <stoa/blas.h>
#include <unistd.h>

void stoa_cli_choose_blas(char **argv)
{
    struct stoa_blas_info info;
    stoa_blas_describe(&info);
    /* The variable is set when we come back, so this happens once. Where it cannot be done we are slow, not wrong. */
    if (info.better_core && !getenv("OPENBLAS_CORETYPE") && setenv("OPENBLAS_CORETYPE", info.better_core, 1) == 0) {
        execv("/proc/self/exe", argv);
        unsetenv("OPENBLAS_CORETYPE");
    }
    stoa_blas_set_threads(1);
}
