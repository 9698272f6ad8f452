/* What the options say to every suite. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

bool stoa_bench_selected(const struct bench *bench, const char *name)
{
    return !bench->options.filter || strstr(name, bench->options.filter);
}

const char *stoa_bench_list_path(const struct bench *bench, const char *relative, size_t size, char *path)
{
    if (bench->options.list)
        return bench->options.list;
    snprintf(path, size, "%s/%s", bench->home, relative);
    return path;
}
