/* Starts the command with its two streams in files of memory, which hold any amount without anybody reading along. */
#include "support/command.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int open_stream(const char *name)
{
    int stream = memfd_create(name, MFD_CLOEXEC);
    cr_assert(stream >= 0, "cannot make a file for %s", name);
    return stream;
}

/* text <- what the stream holds, cut to fit; closes it. */
static void take_stream(int stream, size_t capacity, char *text)
{
    ssize_t length = pread(stream, text, capacity - 1, 0);
    cr_assert(length >= 0);
    text[length] = '\0';
    close(stream);
}

/* Waits until the file holds so many lines, or the child is gone. */
static void await_lines(pid_t child, const char *path, size_t lines)
{
    siginfo_t info = {.si_pid = 0};
    for (size_t seen = 0; seen < lines && info.si_pid == 0; usleep(1000)) {
        FILE *file = fopen(path, "r");
        seen = 0;
        for (int c; file && (c = fgetc(file)) != EOF;)
            seen += c == '\n';
        if (file)
            fclose(file);
        cr_assert(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
    }
}

/* A command that runs, and where its streams go. */
struct running {
    pid_t child;
    int out, err;
};

static struct running start(const char *const *words)
{
    struct running running = {.out = open_stream("out"), .err = open_stream("err")};
    const char *command = getenv("STOA_COMMAND");
    cr_assert(command, "STOA_COMMAND is not set");
    char *argv[COMMAND_WORDS + 2] = {(char *)(size_t)command};
    for (size_t i = 0; i < COMMAND_WORDS && words[i]; i++)
        argv[i + 1] = (char *)(size_t)words[i];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, running.out, 1);
    posix_spawn_file_actions_adddup2(&actions, running.err, 2);
    cr_assert(posix_spawn(&running.child, command, &actions, NULL, argv, environ) == 0, "cannot start %s", command);
    posix_spawn_file_actions_destroy(&actions);
    return running;
}

static const struct command_outcome *finish(const struct running *running)
{
    static struct command_outcome outcome;
    int status;
    cr_assert(waitpid(running->child, &status, 0) == running->child);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    take_stream(running->out, sizeof outcome.out, outcome.out);
    take_stream(running->err, sizeof outcome.err, outcome.err);
    return &outcome;
}

const struct command_outcome *command_run(const char *const *words)
{
    struct running running = start(words);
    return finish(&running);
}

const struct command_outcome *command_run_and_signal(const char *const *words, const char *sign, size_t lines,
                                                     int signal)
{
    struct running running = start(words);
    await_lines(running.child, sign, lines);
    cr_assert(kill(running.child, signal) == 0);
    return finish(&running);
}

const struct command_outcome *command_run_and_kill(const char *const *words, double seconds)
{
    struct running running = start(words);
    usleep((useconds_t)(seconds * 1e6));
    cr_assert(kill(running.child, SIGKILL) == 0); /* also where it has ended: it has not been waited for */
    return finish(&running);
}

const char *command_testdata(const char *folder)
{
    static char directory[PATH_MAX];
    const char *root = getenv("STOA_ONNX_TESTDATA");
    struct stat facts;
    cr_assert(root, "STOA_ONNX_TESTDATA is not set");
    snprintf(directory, sizeof directory, "%s/%s", root, folder);
    cr_assert(stat(directory, &facts) == 0 && S_ISDIR(facts.st_mode),
              "%s is no directory: install the Debian package libonnx-testdata, or configure with -Donnx_testdata",
              directory);
    return directory;
}
