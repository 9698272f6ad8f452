#include "support/temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A template: mkstemps and mkdtemp put other letters for the six. */
static void name(const char *ending, char path[TEMPORARY_PATH])
{
    const char *place = getenv("TMPDIR");
    int length = snprintf(path, TEMPORARY_PATH, "%s/stoa-test-XXXXXX%s", place && place[0] ? place : "/tmp", ending);
    cr_assert(length < TEMPORARY_PATH, "TMPDIR is too long a path");
}

void temporary_file(const char *ending, char path[TEMPORARY_PATH])
{
    name(ending, path);
    int descriptor = mkstemps(path, (int)strlen(ending));
    cr_assert(descriptor >= 0, "no file %s", path);
    close(descriptor);
}

void temporary_folder(char path[TEMPORARY_PATH])
{
    name("", path);
    cr_assert(mkdtemp(path), "no folder %s", path);
}
