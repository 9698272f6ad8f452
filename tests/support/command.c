/* Starts the command with its two streams in files of memory, which hold any amount without anybody reading along. */
#include "support/command.h"

#include <criterion/criterion.h>
#include <spawn.h>
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

const struct command_outcome *command_run(const char *const *words)
{
    static struct command_outcome outcome;
    const char *command = getenv("STOA_COMMAND");
    cr_assert(command, "STOA_COMMAND is not set");
    char *argv[16] = {(char *)(size_t)command};
    for (size_t i = 0; i < 12 && words[i]; i++)
        argv[i + 1] = (char *)(size_t)words[i];
    int out = open_stream("out"), err = open_stream("err"), status;
    posix_spawn_file_actions_t actions;
    pid_t child;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    cr_assert(posix_spawn(&child, command, &actions, NULL, argv, environ) == 0, "cannot start %s", command);
    posix_spawn_file_actions_destroy(&actions);
    cr_assert(waitpid(child, &status, 0) == child);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    take_stream(out, sizeof outcome.out, outcome.out);
    take_stream(err, sizeof outcome.err, outcome.err);
    return &outcome;
}

const char *command_testdata(void)
{
    const char *directory = getenv("STOA_ONNX_TESTDATA");
    struct stat facts;
    cr_assert(directory, "STOA_ONNX_TESTDATA is not set");
    cr_assert(stat(directory, &facts) == 0 && S_ISDIR(facts.st_mode),
              "%s is no directory: install the Debian package libonnx-testdata, or configure with -Donnx_testdata_dir",
              directory);
    return directory;
}
