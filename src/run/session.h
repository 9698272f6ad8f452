/* The public session: a plan, a pool and the buffers of the outputs. */
#ifndef STOA_RUN_SESSION_H
#define STOA_RUN_SESSION_H

#include <stdbool.h>
#include <stoa/session.h>

#include "base/pool.h"
#include "plan/plan.h"

struct session_port {
    bool bound; /* inputs: has a buffer, or a value fixed when planning */
    void *own;  /* outputs: our buffer; null once the caller has bound one */
};

/* One step of the last run; times by stoa_seconds. */
struct step_times {
    double begin, end;
};

struct stoa_session {
    const struct stoa_model *model;
    struct stoa_allocator allocator;
    struct pool *pool;
    struct plan *plan;
    struct session_port *inputs, *outputs; /* parallel to the graph's */
    /* Null unless profiling. */
    struct step_times *times; /* of each step */
    struct pool_span *spans;  /* of each worker in each step: [step][worker] */
    bool keep_values;
};

#endif
