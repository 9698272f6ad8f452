/* A run as a Chrome trace: chrome://tracing and ui.perfetto.dev show it. */
#ifndef STOA_CLI_TRACE_H
#define STOA_CLI_TRACE_H

#include <stoa/session.h>
#include <stoa/status.h>

/* Writes the last run of a session made with options.profile, as a JSON object: a complete event for each step on the
 * thread "steps", with the node's name and its operator, lowering, output and multiply-adds as arguments; and for each
 * of the session's threads what it did of the step. Times are in microseconds. The file appears whole or not at all. */
STOA_CHECKED enum stoa_status stoa_cli_trace_write(const char *path, const struct stoa_session *session,
                                                   struct stoa_error *error);

#endif
