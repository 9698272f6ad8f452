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

struct stoa_session {
    const struct stoa_model *model;
    struct stoa_allocator allocator;
    struct pool *pool;
    struct plan *plan;
    struct session_port *inputs, *outputs; /* parallel to the graph's */
    double *seconds;                       /* of each step in the last run; null unless profiling */
    bool keep_values;
};

#endif
