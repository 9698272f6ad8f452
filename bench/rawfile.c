#include "rawfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

enum stoa_status stoa_bench_read_floats(const char *path, size_t count, struct stoa_error *error, float *values)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return stoa_fail(error, STOA_ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    size_t got = fread(values, sizeof *values, count, file);
    int more = got == count ? fgetc(file) : 0;
    fclose(file);
    if (got != count || more != EOF)
        return stoa_fail(error, STOA_ERROR_DATA, "%s does not hold %zu floats", path, count);
    return STOA_OK;
}

enum stoa_status stoa_bench_write_floats(const char *path, size_t count, const float *values, struct stoa_error *error)
{
    FILE *file = fopen(path, "wb");
    size_t put = file ? fwrite(values, sizeof *values, count, file) : 0;
    if (!file || (fclose(file) != 0) || put != count)
        return stoa_fail(error, STOA_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    return STOA_OK;
}
