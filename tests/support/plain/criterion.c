/* Runs the tests one after another, each in a child, and writes a TAP file where --tap=FILE names one. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77

static struct plain_test *tests;
static int failures; /* of the test that runs */

void plain_add(struct plain_test *test)
{
    test->next = tests;
    tests = test;
}

void plain_check(int passed, int fatal, const char *file, int line, const char *condition, const char *format, ...)
{
    if (passed)
        return;
    failures++;
    printf("%s:%d: %s: ", file, line, condition);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    if (fatal) {
        fflush(stdout);
        _exit(1);
    }
}

void plain_skip(void)
{
    _exit(SKIPPED);
}

static void call(void (*function)(void))
{
    if (function)
        function();
}

static void run(const struct plain_test *test)
{
    static const struct plain_options none;
    const struct plain_options *suite = &none;
    for (const struct plain_test *at = tests; at; at = at->next)
        if (!at->name && strcmp(at->suite, test->suite) == 0)
            suite = &at->options;
    call(suite->init);
    call(test->options.init);
    test->run();
    call(test->options.fini);
    call(suite->fini);
    fflush(stdout);
    _exit(failures > 0);
}

int main(int argc, char **argv)
{
    const char *path = "/dev/null";
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--tap=", 6) == 0)
            path = argv[i] + 6;
    FILE *tap = fopen(path, "w");
    if (!tap)
        return 2;
    int failed = 0;
    for (const struct plain_test *test = tests; test; test = test->next) {
        if (!test->name)
            continue;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0)
            run(test);
        int status = 1;
        if (child < 0 || waitpid(child, &status, 0) != child)
            status = 1;
        int fine = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SKIPPED);
        fprintf(tap, "%s - %s::%s\n", fine ? "ok" : "not ok", test->suite, test->name);
        if (!fine)
            printf("not ok: %s::%s (status %d)\n", test->suite, test->name, status);
        failed += !fine;
    }
    return fclose(tap) != 0 || failed > 0;
}
