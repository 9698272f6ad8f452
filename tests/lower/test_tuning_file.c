/* Tuning files: what is written is read again, what is torn or foreign is refused and changes nothing.
 *
 * snprintf and vsnprintf are replaced in this program by functions that have no memory when told to. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lower/tuning.h"
#include "support/allocator.h"
#include "support/temporary.h"

static char path[TEMPORARY_PATH];

static size_t prints, fail_at; /* the print, from 1, that fails; 0: none */

int vsnprintf(char *text, size_t size, const char *format, va_list arguments)
{
    static int (*real)(char *text, size_t size, const char *format, va_list arguments);
    if (!real) {
        void *found = dlsym(RTLD_NEXT, "vsnprintf");
        memcpy(&real, &found, sizeof real);
    }
    if (fail_at && ++prints == fail_at) {
        errno = ENOMEM;
        return -1;
    }
    return real(text, size, format, arguments);
}

int snprintf(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return used;
}

static void make_path(void)
{
    temporary_file("", path);
}

static void remove_path(void)
{
    unlink(path);
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct tuning_entry entry_of(const char *machine, size_t channels)
{
    struct tuning_entry entry = {
        .threads = 2,
        .shape = {.N = 1,
                  .C = channels,
                  .H = 7,
                  .W = 9,
                  .OC = 4,
                  .kernel = {3, 5},
                  .stride = {2, 1},
                  .dilation = {1, 1},
                  .pad = {0, 1, 2, 3},
                  .groups = 1},
        .seconds = {[STOA_LOWERING_VIEW] = 1.5e-6, [STOA_LOWERING_IM2COL] = 2e-6},
    };
    snprintf(entry.machine, sizeof entry.machine, "%s", machine);
    return entry;
}

Test(tuning_file, reads_what_it_wrote, .init = make_path, .fini = remove_path)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct stoa_tuning *tuning, *again;
    cr_assert(stoa_tuning_create(&memory.interface, NULL, &tuning) == STOA_OK);
    cr_assert(stoa_tuning_create(&memory.interface, NULL, &again) == STOA_OK);
    struct tuning_entry here = entry_of(tuning->machine, 3), elsewhere = entry_of("another-machine", 3);
    cr_assert(stoa_conv_shape_finish(&here.shape, NULL) == STOA_OK);
    elsewhere.shape = here.shape;
    elsewhere.seconds[STOA_LOWERING_VIEW] = 9;
    cr_assert(stoa_tuning_put(tuning, &here, NULL) == STOA_OK);
    cr_assert(stoa_tuning_put(tuning, &elsewhere, NULL) == STOA_OK);
    struct stoa_error error = {0};
    cr_assert(stoa_tuning_save(tuning, path, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_tuning_load(again, path, &error) == STOA_OK, "%s", error.message);

    cr_expect(again->count == 2 && stoa_tuning_count(again) == 1);
    const struct tuning_entry *found = stoa_tuning_find(again, &here.shape, 2);
    cr_assert(found);
    for (int i = 0; i < STOA_LOWERING_COUNT; i++)
        cr_expect(found->seconds[i] > here.seconds[i] - 1e-9 && found->seconds[i] < here.seconds[i] + 1e-9,
                  "%s: %g, was %g", stoa_lowering_name((enum stoa_lowering)i), found->seconds[i], here.seconds[i]);
    cr_expect(stoa_tuning_fastest(found) == STOA_LOWERING_VIEW);
    cr_expect(!stoa_tuning_find(again, &here.shape, 1), "another number of threads");
    struct conv_shape other = here.shape;
    other.C++;
    cr_expect(!stoa_tuning_find(again, &other, 2), "another shape");
    cr_expect(!stoa_tuning_find(NULL, &other, 2));
    stoa_tuning_free(tuning);
    stoa_tuning_free(again);
    cr_expect(memory.live == 0, "%zu blocks leak", memory.live);
}

#define HEAD "stoa-tuning 1\n"
#define SHAPE "m 1 1x3x8x8 4 3x3 1x1 1x1 0,0,0,0 1"
static const struct {
    const char *name, *text;
    enum stoa_status status;
    const char *words;
} files[] = {
    {"empty table", HEAD, STOA_OK, ""},
    {"one entry", HEAD SHAPE " view=100\n", STOA_OK, ""},
    {"empty file", "", STOA_ERROR_PARSE, "does not begin with 'stoa-tuning 1'"},
    {"another version", "stoa-tuning 2\n", STOA_ERROR_PARSE, "does not begin"},
    {"no times", HEAD SHAPE "\n", STOA_ERROR_PARSE, "line 2"},
    {"torn in a number", HEAD SHAPE " view=10", STOA_ERROR_PARSE, "line 2"},
    {"torn in a shape",
     HEAD SHAPE " view=100\n"
                "m 1 1x3x8",
     STOA_ERROR_PARSE, "line 3"},
    {"a number too long", HEAD "m 1 1x3x8x9999999999999999999 4 3x3 1x1 1x1 0,0,0,0 1 view=1\n", STOA_ERROR_PARSE,
     "line 2"},
    {"a negative number", HEAD "m 1 1x-3x8x8 4 3x3 1x1 1x1 0,0,0,0 1 view=1\n", STOA_ERROR_PARSE, "line 2"},
    {"an unknown lowering", HEAD SHAPE " magic=1\n", STOA_ERROR_PARSE, "line 2"},
    {"auto is none", HEAD SHAPE " auto=1\n", STOA_ERROR_PARSE, "line 2"},
    {"a good line and a bad one", HEAD SHAPE " view=100\nrubbish\n", STOA_ERROR_PARSE, "line 3"},
};

Test(tuning_file, refuses_what_it_cannot_read, .init = make_path, .fini = remove_path)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stoa_tuning *tuning;
        struct stoa_error error = {0};
        cr_assert(stoa_tuning_create(NULL, NULL, &tuning) == STOA_OK);
        write_text(files[i].text);
        enum stoa_status status = stoa_tuning_load(tuning, path, &error);
        cr_expect(status == files[i].status, "%s: %s: %s", files[i].name, stoa_status_name(status), error.message);
        cr_expect(strstr(error.message, files[i].words) != NULL, "%s: %s", files[i].name, error.message);
        cr_expect(status == STOA_OK || tuning->count == 0, "%s: half of it was taken", files[i].name);
        stoa_tuning_free(tuning);
    }
    struct stoa_tuning *tuning;
    cr_assert(stoa_tuning_create(NULL, NULL, &tuning) == STOA_OK);
    cr_expect(stoa_tuning_load(tuning, "/nowhere/tuning", NULL) == STOA_ERROR_IO);
    cr_expect(stoa_tuning_save(tuning, "/nowhere/tuning", NULL) == STOA_ERROR_IO);
    stoa_tuning_free(tuning);
}

/* The first print names the file; the other three are the entry. */
Test(tuning_file, a_lack_of_memory_is_told, .init = make_path, .fini = remove_path)
{
    struct stoa_tuning *tuning;
    cr_assert(stoa_tuning_create(NULL, NULL, &tuning) == STOA_OK);
    struct tuning_entry entry = entry_of(tuning->machine, 3);
    cr_assert(stoa_conv_shape_finish(&entry.shape, NULL) == STOA_OK);
    cr_assert(stoa_tuning_put(tuning, &entry, NULL) == STOA_OK);
    for (size_t at = 2; at <= 5; at++) {
        struct stoa_error error = {0};
        prints = 0;
        fail_at = at;
        enum stoa_status status = stoa_tuning_save(tuning, path, &error);
        fail_at = 0;
        cr_expect(status == (at <= 4 ? STOA_ERROR_MEMORY : STOA_OK), "%zu: %s", at, error.message);
    }
    stoa_tuning_free(tuning);
}
