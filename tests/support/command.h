/* The built command, started as its users do, and the folders of ONNX's conformance cases. The environment names both:
 * STOA_COMMAND and STOA_ONNX_TESTDATA (the build option onnx_testdata). */
#ifndef TESTS_SUPPORT_COMMAND_H
#define TESTS_SUPPORT_COMMAND_H

#include <stddef.h>

struct command_outcome {
    int status; /* what it exited with, or minus the signal that ended it */
    char out[16384], err[4096];
};

#define COMMAND_WORDS 24
/* Runs the command with up to so many words, ended by a null if there are fewer. The outcome lasts until the next run.
 */
const struct command_outcome *command_run(const char *const *words);
/* The same with a signal sent to it once the file `sign` holds `lines` lines. */
const struct command_outcome *command_run_and_signal(const char *const *words, const char *sign, size_t lines,
                                                     int signal);
/* The same, killed (SIGKILL) once it has run so long, if it still does. */
const struct command_outcome *command_run_and_kill(const char *const *words, double seconds);

/* The directory of one of those folders ("node"), with a directory for each case, until the next call; fails the
 * running test, naming the package, when it is not there. */
const char *command_testdata(const char *folder);

#endif
