/* What the README says is so: its example, the paths it names, its operators. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops/op.h"

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

/* Operators that are none of the engine's table: the importer makes something else of them. */
static const char *const imported[] = {"Constant"};

static bool is_operator(const char *name)
{
    bool known = false;
    for (size_t i = 0; !known && i < sizeof imported / sizeof *imported; i++)
        known = strcmp(imported[i], name) == 0;
    if (!known)
        stoa_op_find(name, 0, &known);
    return known;
}

/* Names of the second column, that is words with a capital at the front, outside of parentheses. */
static size_t read_names(char *table, char *end, const char **names, size_t most)
{
    size_t count = 0;
    *end = '\0';
    char *line_rest, *word_rest;
    for (char *line = strtok_r(table, "\n", &line_rest); line; line = strtok_r(NULL, "\n", &line_rest)) {
        char *cell = line[0] == '|' ? strchr(line + 1, '|') : NULL;
        for (char *open = cell; open && (open = strchr(open, '('));)
            while (*open && *open != ')')
                *open++ = ' ';
        for (char *word = cell ? strtok_r(cell, " ,|)", &word_rest) : NULL; word;
             word = strtok_r(NULL, " ,|)", &word_rest))
            if (word[0] >= 'A' && word[0] <= 'Z') {
                cr_assert(count < most);
                names[count++] = word;
            }
    }
    return count;
}

Test(house, the_readme_names_every_operator_and_no_other)
{
    const char *names[512];
    char *readme = read_whole("README.md");
    char *begin = strstr(readme, "\n## Operators\n");
    cr_assert(begin);
    begin = strstr(begin, "\n| | |\n");
    cr_assert(begin, "README.md has no table of operators");
    char *end = strstr(begin, "\n\n");
    cr_assert(end);
    size_t count = read_names(begin, end, names, sizeof names / sizeof *names);
    for (size_t i = 0; i < count; i++) {
        cr_expect(is_operator(names[i]), "README.md names %s, which is no operator of the engine", names[i]);
        for (size_t other = 0; other < i; other++)
            cr_expect(strcmp(names[i], names[other]) != 0, "README.md names %s twice", names[i]);
    }
    for (const struct op *const *op = stoa_op_table; *op; op++) {
        size_t i = 0;
        while (i < count && strcmp(names[i], (*op)->type) != 0)
            i++;
        cr_expect(i < count, "README.md does not name %s", (*op)->type);
    }
    free(readme);
}
