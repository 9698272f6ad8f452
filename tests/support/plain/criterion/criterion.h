/* The part of Criterion that the tests use, where Criterion itself cannot start its processes: under an emulator
 * (tests/cross). A test is a forked child. */
#ifndef STOA_PLAIN_CRITERION_H
#define STOA_PLAIN_CRITERION_H

#pragma GCC system_header /* macros without the arguments that pedantry wants */

#include <stdio.h>
#include <stdlib.h>

struct plain_options {
    int given;
    void (*init)(void), (*fini)(void);
};

struct plain_test {
    const char *suite, *name; /* name is null: what is said of the whole suite */
    void (*run)(void);
    struct plain_options options;
    struct plain_test *next;
};

void plain_add(struct plain_test *test);
/* A failed test goes on unless `fatal`. */
void plain_check(int passed, int fatal, const char *file, int line, const char *condition, const char *format, ...);
void plain_skip(void);

#define PLAIN_ADD(test)                                                                                                \
    __attribute__((constructor)) static void test##_add(void)                                                          \
    {                                                                                                                  \
        plain_add(&test);                                                                                              \
    }
#define Test(Suite, Name, ...)                                                                                         \
    static void Suite##_##Name##_run(void);                                                                            \
    static struct plain_test Suite##_##Name##_test = {                                                                 \
        #Suite, #Name, Suite##_##Name##_run, {.given = 1, ##__VA_ARGS__}, NULL};                                       \
    PLAIN_ADD(Suite##_##Name##_test)                                                                                   \
    static void Suite##_##Name##_run(void)
#define TestSuite(Suite, ...)                                                                                          \
    static struct plain_test Suite##_suite = {#Suite, NULL, NULL, {.given = 1, ##__VA_ARGS__}, NULL};                  \
    PLAIN_ADD(Suite##_suite)                                                                                           \
    struct plain_test

#define cr_expect(condition, ...) plain_check(!!(condition), 0, __FILE__, __LINE__, #condition, "" __VA_ARGS__)
#define cr_assert(condition, ...)                                                                                      \
    do {                                                                                                               \
        int passed_ = !!(condition);                                                                                   \
        plain_check(passed_, 1, __FILE__, __LINE__, #condition, "" __VA_ARGS__);                                       \
        if (!passed_)                                                                                                  \
            abort();                                                                                                   \
    } while (0)
#define cr_assert_fail(...)                                                                                            \
    do {                                                                                                               \
        plain_check(0, 1, __FILE__, __LINE__, "fails", "" __VA_ARGS__);                                                \
        abort();                                                                                                       \
    } while (0)
#define cr_skip_test(...) plain_skip()

#endif
