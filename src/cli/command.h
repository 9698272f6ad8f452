/* The subcommands of `stoa`, one file each. */
#ifndef STOA_CLI_COMMAND_H
#define STOA_CLI_COMMAND_H

#include "cli/settings.h"

/* Exit statuses: fine; the check or the run failed; the command was not understood. */
enum { CLI_FINE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Each does its work and returns an exit status; results go to stdout, messages to stderr. */
int stoa_cli_run(const struct settings *settings);
int stoa_cli_verify(const struct settings *settings);
int stoa_cli_info(const struct settings *settings);
/* Interrupted by SIGINT or SIGTERM it finishes its step, writes its checkpoint and returns 128 and the signal's number;
 * a second signal kills. */
int stoa_cli_train(const struct settings *settings);

/* words[0] says what to show. */
int stoa_cli_show(int count, char **words);

/* Becomes the benchmark suite; words[0] is the command's name, a null ends them. Returns only when that fails. */
int stoa_cli_bench(char **words);

#endif
