/* What the library is to the process it is loaded into: it exports what the headers declare and nothing else, has no
 * state and no constructors, and calls nothing that prints, ends the process or changes what belongs to it. As binutils
 * see it; sanitizers bring in things of their own. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if !defined(SANITIZED) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

/* The lines that a command on one of the libraries writes. */
static FILE *ask(const char *command, const char *variable)
{
    char line[4096];
    const char *library = getenv(variable);
    cr_assert(library, "%s is not set", variable);
    snprintf(line, sizeof line, command, library);
    FILE *output = popen(line, "r");
    cr_assert(output, "cannot start %s", line);
    return output;
}

static int is_declared(const char *name)
{
    char command[4096];
    snprintf(command, sizeof command, "grep -q '^STOA_API.*[ *]%s(' %s/include/stoa/*.h", name,
             getenv("STOA_SOURCE_ROOT"));
    return system(command) == 0;
}

Test(library, exports_what_the_headers_declare)
{
    char name[256], kind;
    size_t count = 0;
    FILE *output = ask("nm -D --defined-only %s", "STOA_SHARED");
    while (fscanf(output, "%*s %c %255s", &kind, name) == 2) {
        cr_expect(kind == 'T', "%s is exported as %c: data, or weak", name, kind);
        cr_expect(is_declared(name), "%s is exported, but no header declares it", name);
        count++;
    }
    pclose(output);
    cr_expect(count > 100, "%zu functions", count);
}

Test(library, calls_nothing_that_prints_or_ends_or_changes_the_process)
{
    static const char *const never[] = {"exit",         "_exit",      "quick_exit", "abort",     "raise",
                                        "kill",         "printf",     "puts",       "putchar",   "fprintf",
                                        "vfprintf",     "vprintf",    "perror",     "fputs",     "fputc",
                                        "fwrite",       "stdout",     "stderr",     "syslog",    "setenv",
                                        "putenv",       "unsetenv",   "signal",     "sigaction", "atexit",
                                        "__cxa_atexit", "on_exit",    "setlocale",  "chdir",     "umask",
                                        "fork",         "execv",      "system",     "popen",     "rand",
                                        "srand",        "strtok",     "setrlimit",  "dup2",      "pthread_atfork",
                                        "sleep",        "fesetround", "fesetenv",   "dlopen",    "sched_setaffinity"};
    char name[256];
    size_t count = 0;
    FILE *output = ask("nm -D --undefined-only %s", "STOA_SHARED");
    while (fscanf(output, "%*s %255s", name) == 1) {
        name[strcspn(name, "@")] = '\0';
        const char *plain = strncmp(name, "__", 2) == 0 && strstr(name, "_chk") ? name + 2 : name;
        for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
            size_t length = strlen(never[i]);
            int same = strcmp(name, never[i]) == 0 ||
                       (plain != name && strncmp(plain, never[i], length) == 0 && strcmp(plain + length, "_chk") == 0);
            cr_expect(!same, "the library calls %s", name);
        }
        count++;
    }
    pclose(output);
    cr_expect(count > 30, "%zu names", count);
}

Test(library, has_neither_state_nor_constructors)
{
    char section[256];
    unsigned long long size;
    size_t count = 0;
    FILE *output = ask("size -A %s | awk '$1 ~ /^\\./ { print $1, $2 }'", "STOA_ARCHIVE");
    while (fscanf(output, "%255s %llu", section, &size) == 2) {
        int constant = strncmp(section, ".data.rel.ro", 12) == 0;
        int state = strncmp(section, ".data", 5) == 0 || strncmp(section, ".bss", 4) == 0 ||
                    strncmp(section, ".tbss", 5) == 0 || strncmp(section, ".tdata", 6) == 0 ||
                    strncmp(section, ".init_array", 11) == 0 || strncmp(section, ".fini_array", 11) == 0 ||
                    strncmp(section, ".ctors", 6) == 0;
        cr_expect(constant || !state || size == 0, "section %s of %llu bytes", section, size);
        count++;
    }
    pclose(output);
    cr_expect(count > 300, "%zu sections", count);
}
#endif
