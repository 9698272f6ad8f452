/* Processes, pipes and lines. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/status.h"
#include "base/tensor.h"

#define SILENCE 600 /* seconds after which an engine is given up */

extern char **environ;

static int spawn(const char *const *argv, int in, int out, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    int failed = posix_spawnp(process, argv[0], &actions, NULL, stoa_read_only(argv), environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

enum stoa_status stoa_bench_engine_start(const char *const *argv, struct stoa_error *error, struct engine *engine)
{
    int question[2], answer[2];
    *engine = (struct engine){0};
    if (pipe2(question, O_CLOEXEC) != 0)
        return stoa_fail(error, STOA_ERROR_IO, "cannot make a pipe: %s", strerror(errno));
    if (pipe2(answer, O_CLOEXEC) != 0) {
        close(question[0]);
        close(question[1]);
        return stoa_fail(error, STOA_ERROR_IO, "cannot make a pipe: %s", strerror(errno));
    }
    int failed = spawn(argv, question[0], answer[1], &engine->process);
    close(question[0]);
    close(answer[1]);
    engine->to = question[1];
    engine->from = answer[0];
    if (!failed)
        return STOA_OK;
    close(engine->to);
    close(engine->from);
    engine->process = 0;
    return stoa_fail(error, STOA_ERROR_IO, "cannot start %s: %s", argv[0], strerror(failed));
}

static enum stoa_status send_line(struct engine *engine, const char *line, size_t length, struct stoa_error *error)
{
    while (length > 0) {
        ssize_t written = write(engine->to, line, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return stoa_fail(error, STOA_ERROR_IO, "it takes no more questions: %s", strerror(errno));
        line += written;
        length -= (size_t)written;
    }
    return STOA_OK;
}

static enum stoa_status receive_line(struct engine *engine, struct stoa_error *error, char line[ENGINE_LINE])
{
    for (;;) {
        char *end = memchr(engine->buffer, '\n', engine->held);
        if (end) {
            size_t length = (size_t)(end - engine->buffer);
            memcpy(line, engine->buffer, length);
            line[length] = '\0';
            engine->held -= length + 1;
            memmove(engine->buffer, end + 1, engine->held);
            return STOA_OK;
        }
        if (engine->held == sizeof engine->buffer)
            return stoa_fail(error, STOA_ERROR_IO, "its answer is longer than %d bytes", ENGINE_LINE);
        struct pollfd wait = {.fd = engine->from, .events = POLLIN};
        int ready = poll(&wait, 1, SILENCE * 1000);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return stoa_fail(error, STOA_ERROR_IO, "no answer for %d seconds", SILENCE);
        ssize_t got = read(engine->from, engine->buffer + engine->held, sizeof engine->buffer - engine->held);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return stoa_fail(error, STOA_ERROR_IO, "it ended without an answer");
        engine->held += (size_t)got;
    }
}

enum stoa_status stoa_bench_engine_ask(struct engine *engine, struct stoa_error *error, char answer[ENGINE_LINE],
                                       const char *format, ...)
{
    char line[ENGINE_LINE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line - 1)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "a question is longer than %d bytes", ENGINE_LINE);
    line[length++] = '\n';
    STOA_TRY(send_line(engine, line, (size_t)length, error));
    STOA_TRY(receive_line(engine, error, line));
    if (strncmp(line, "ok", 2) == 0 && (line[2] == ' ' || line[2] == '\0')) {
        memmove(answer, line + 2, strlen(line + 2) + 1);
        return STOA_OK;
    }
    return stoa_fail(error, STOA_ERROR_IO, "%.512s", strncmp(line, "error ", 6) == 0 ? line + 6 : line);
}

void stoa_bench_engine_stop(struct engine *engine)
{
    if (!engine->process)
        return;
    close(engine->to);
    close(engine->from);
    kill(engine->process, SIGKILL); /* it has nothing to put away */
    while (waitpid(engine->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    engine->process = 0;
}

size_t stoa_bench_peak_bytes(void)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lu", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return (size_t)kilobytes * 1024;
}
