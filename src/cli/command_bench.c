/* stoa bench: starts the benchmark suite, a program of its own, so that nobody who runs models carries what benchmarks
 * need. It lies beside this one in the build tree, or in libexec of an installation. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

/* folder <- where this program lies, without a slash behind. */
static int find_folder(char folder[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0)
        return -1;
    folder[length] = '\0';
    *strrchr(folder, '/') = '\0';
    return 0;
}

int stoa_cli_bench(char **words)
{
    /* Relative to the folder of `stoa`, so that trees can be moved: in the build tree, and in an installation. */
    static const char *const places[] = {"../../bench", STOA_LIBEXEC_FROM_BIN};
    char folder[PATH_MAX], path[PATH_MAX + 64];
    if (find_folder(folder) != 0) {
        fprintf(stderr, "stoa bench: cannot find out where this program lies: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s/%s/stoa-bench", folder, places[i]);
        if (access(path, X_OK) != 0)
            continue;
        execv(path, words);
        fprintf(stderr, "stoa bench: cannot start %s: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    fputs("stoa bench: the program stoa-bench is neither in this build tree nor installed; build with -Dbench=true\n",
          stderr);
    return CLI_FAILED;
}
