/* The README's example is the file that is compiled and run. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *read_whole(const char *relative)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", getenv("STOA_SOURCE_ROOT"), relative);
    FILE *file = fopen(path, "r");
    cr_assert(file, "cannot read %s", path);
    char *text = calloc(1, 1 << 20);
    cr_assert(text && fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

Test(house, the_readme_shows_the_example_that_is_compiled)
{
    char *readme = read_whole("README.md"), *example = read_whole("tests/examples/embed.c");
    char *begin = strstr(readme, "```c\n");
    cr_assert(begin, "README.md has no C example");
    begin += strlen("```c\n");
    char *end = strstr(begin, "```");
    cr_assert(end);
    *end = '\0';
    cr_expect(strcmp(begin, example) == 0, "the README's example is not tests/examples/embed.c");
    free(readme);
    free(example);
}

Test(house, every_path_the_readme_names_is_there)
{
    char *readme = read_whole("README.md"), path[4096];
    size_t named = 0;
    for (char *at = readme; (at = strstr(at, "`src/")); named++) {
        size_t length = strcspn(++at, "`");
        snprintf(path, sizeof path, "%s/%.*s", getenv("STOA_SOURCE_ROOT"), (int)length, at);
        cr_expect(access(path, F_OK) == 0, "README.md names %.*s", (int)length, at);
        at += length;
    }
    cr_expect(named > 10, "README.md names %zu paths under src", named);
    free(readme);
}
