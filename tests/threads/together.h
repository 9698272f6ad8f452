/* What several threads do at once. Without Criterion, so that a program of it can be built with ThreadSanitizer. */
#ifndef TESTS_THREADS_TOGETHER_H
#define TESTS_THREADS_TOGETHER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stoa/stoa.h>

enum { SESSIONS = 8, RUNS = 4, C = 3, SIZE = 24, OUT = 10, MOST_BATCH = 3, IMAGE = C * SIZE * SIZE };

/* Runs one of them; null, or what does not hold. */
struct together {
    const char *name;
    const char *(*run)(void);
};
extern const struct together together_rows[];
extern const size_t together_count;

/* Inputs, and a model of them with one of each kind of step: x [N][C][SIZE][SIZE] to y [N][OUT]. Null: it failed. */
extern float together_images[SESSIONS][MOST_BATCH * IMAGE];
struct stoa_model *together_model(void);

/* Runs a session, which is bound, until it fails or is to stop. */
struct together_runner {
    struct stoa_session *session;
    atomic_bool running, stop;
    enum stoa_status status;
};

void *together_run(void *runner);

#endif
