/* What several threads do at once (together.c), and what a fork leaves of it. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gemm/gemm.h"
#include "threads/together.h"

Test(threads, together_is_as_one_after_the_other)
{
    for (size_t i = 0; i < together_count; i++) {
        const char *wrong = together_rows[i].run();
        cr_expect(!wrong, "%s: %s", together_rows[i].name, wrong);
    }
}

static int result_is(struct stoa_session *session, const float *expected)
{
    struct stoa_tensor y;
    return stoa_session_run(session, NULL) == STOA_OK && stoa_session_output_at(session, 0, NULL, &y) == STOA_OK &&
           memcmp(y.data, expected, OUT * sizeof(float)) == 0;
}

/* A child that uses the session, one made by itself of the same model, and frees both; or, if it is not to compute,
 * frees the session. */
static int child_lives(struct stoa_session *session, const struct stoa_model *model, const float *expected,
                       bool computes)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60); /* whoever hangs has failed */
        struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, C, SIZE, SIZE}};
        struct stoa_session *own;
        if (!computes) {
            stoa_session_free(session);
            _exit(0);
        }
        int fine = !session || result_is(session, expected);
        fine = fine && stoa_session_create(
                           model, &(struct stoa_session_options){.threads = 2, .inputs = &spec, .input_count = 1}, NULL,
                           &own) == STOA_OK;
        fine =
            fine && stoa_session_bind_input_at(own, 0, together_images[0], NULL) == STOA_OK && result_is(own, expected);
        spec.dims[0] = 2;
        fine = fine && (!session || stoa_session_reshape(session, &spec, 1, NULL) == STOA_OK);
        if (fine) {
            stoa_session_free(own);
            stoa_session_free(session);
        }
        _exit(fine ? 0 : 1);
    }
    int status = -1;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Test(threads, forks_before_during_and_after_use)
{
    struct stoa_model *model = together_model();
    float expected[OUT];
    struct stoa_tensor y;
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, C, SIZE, SIZE}};
    struct together_runner runner = {0};
    bool packs = stoa_gemm_small_limit() == 0;
    cr_assert(model);
    for (size_t threads = 1; threads <= 3; threads++) {
        struct stoa_session *session;
        cr_assert(stoa_session_create(
                      model, &(struct stoa_session_options){.threads = threads, .inputs = &spec, .input_count = 1},
                      NULL, &session) == STOA_OK);
        cr_assert(stoa_session_bind_input_at(session, 0, together_images[0], NULL) == STOA_OK);
        cr_assert(stoa_session_run(session, NULL) == STOA_OK);
        cr_assert(stoa_session_output_at(session, 0, NULL, &y) == STOA_OK);
        memcpy(expected, y.data, sizeof expected);
        stoa_session_free(session);

        cr_expect(child_lives(NULL, model, expected, true), "%zu threads: before", threads);
        cr_assert(stoa_session_create(
                      model, &(struct stoa_session_options){.threads = threads, .inputs = &spec, .input_count = 1},
                      NULL, &session) == STOA_OK);
        cr_assert(stoa_session_bind_input_at(session, 0, together_images[0], NULL) == STOA_OK);
        cr_expect(child_lives(session, model, expected, true), "%zu threads: created", threads);
        cr_expect(result_is(session, expected) && child_lives(session, model, expected, true), "%zu threads: after",
                  threads);

        pthread_t thread;
        runner = (struct together_runner){.session = session};
        cr_assert(pthread_create(&thread, NULL, together_run, &runner) == 0);
        while (!atomic_load(&runner.running))
            ;
        for (int i = 0; i < 10; i++)
            cr_expect(child_lives(session, model, expected, !packs), "%zu threads: during, %d", threads, i);
        atomic_store(&runner.stop, true);
        pthread_join(thread, NULL);
        cr_expect(runner.status == STOA_OK && result_is(session, expected), "%zu threads: the parent", threads);
        stoa_session_free(session);
    }
    stoa_model_free(model);
}
