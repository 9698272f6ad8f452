/* The trace's events, one a line. */
#include "cli/trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file_writer.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/report.h"

static void write_event(const char *name, size_t thread, double begin, double seconds, FILE *out)
{
    fputs(",\n{\"name\":", out);
    stoa_cli_write_json(name, out);
    fprintf(out, ",\"ph\":\"X\",\"pid\":1,\"tid\":%zu,\"ts\":%.3f,\"dur\":%.3f,\"args\":{", thread, 1e6 * begin,
            1e6 * seconds);
}

static void write_thread(size_t thread, const char *name, FILE *out)
{
    fprintf(out,
            "%s\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%zu,\"args\":{\"name\":", thread ? "," : "",
            thread);
    stoa_cli_write_json(name, out);
    fputs("}}", out);
}

static enum stoa_status write_step(const struct stoa_session *session, size_t index, struct stoa_error *error,
                                   FILE *out)
{
    struct stoa_step_info step;
    char dims[STOA_DIMS_TEXT];
    STOA_TRY(stoa_session_step(session, index, error, &step));
    write_event(step.node[0] ? step.node : step.type, 0, step.begin, step.seconds, out);
    fputs("\"type\":", out);
    stoa_cli_write_json(step.type, out);
    fputs(",\"how\":", out);
    stoa_cli_write_json(step.how, out);
    fprintf(out, ",\"output\":\"%s\",\"macs\":%.0f}}", stoa_dims_text(step.output->rank, step.output->dims, dims),
            step.macs);
    for (size_t worker = 0; worker < stoa_session_worker_count(session); worker++) {
        struct stoa_worker_info part;
        STOA_TRY(stoa_session_worker(session, index, worker, error, &part));
        if (part.seconds <= 0)
            continue;
        write_event(step.node[0] ? step.node : step.type, worker + 1, part.begin, part.seconds, out);
        fprintf(out, "\"busy\":%.3f}}", 1e6 * part.busy);
    }
    return STOA_OK;
}

static enum stoa_status write_trace(const struct stoa_session *session, struct stoa_error *error, FILE *out)
{
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", out);
    write_thread(0, "steps", out);
    for (size_t worker = 0; worker < stoa_session_worker_count(session); worker++) {
        char name[32];
        snprintf(name, sizeof name, "thread %zu", worker);
        write_thread(worker + 1, name, out);
    }
    for (size_t i = 0; i < stoa_session_step_count(session); i++)
        STOA_TRY(write_step(session, i, error, out));
    fputs("\n]}\n", out);
    return STOA_OK;
}

enum stoa_status stoa_cli_trace_write(const char *path, const struct stoa_session *session, struct stoa_error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for the trace");
    enum stoa_status status = write_trace(session, error, memory);
    if (fclose(memory) != 0 && status == STOA_OK)
        status = stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for the trace");
    if (status == STOA_OK)
        status = stoa_file_write(path, text, size, error);
    free(text);
    return status;
}
