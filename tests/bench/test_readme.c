/* The tables of the README are what the kept results give, so that no figure drifts. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/command.h"

#define BEGIN "<!-- bench:"

Test(readme, shows_the_results_that_are_kept)
{
    char path[4096], *readme = calloc(1, 1 << 20);
    snprintf(path, sizeof path, "%s/README.md", getenv("STOA_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    cr_assert(readme && file && fread(readme, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    size_t tables = 0, results = 0;
    for (const char *at = readme; (at = strstr(at, BEGIN)); at++)
        tables++;
    snprintf(path, sizeof path, "%s/bench/results", getenv("STOA_SOURCE_ROOT"));
    DIR *directory = opendir(path);
    cr_assert(directory, "no %s", path);
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!strstr(entry->d_name, ".json"))
            continue;
        snprintf(path, sizeof path, "%s/bench/results/%s", getenv("STOA_SOURCE_ROOT"), entry->d_name);
        const struct command_outcome *outcome = command_run((const char *const[]){"bench", "--table", path, NULL});
        cr_assert(outcome->status == 0, "%s", outcome->err);
        cr_expect(strncmp(outcome->out, BEGIN, strlen(BEGIN)) == 0, "%s", outcome->out);
        cr_expect(strstr(readme, outcome->out),
                  "README.md does not show what `stoa bench --table bench/results/%s` prints", entry->d_name);
        results++;
    }
    closedir(directory);
    cr_expect(tables == results, "README.md has %zu tables, bench/results %zu files", tables, results);
    free(readme);
}
