/* The public session: plans, a pool and the buffers of the outputs. session.c creates and reshapes it, run.c binds and
 * runs it, report.c tells about it. */
#ifndef STOA_RUN_SESSION_H
#define STOA_RUN_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stoa/session.h>

#include "base/budget.h"
#include "base/pool.h"
#include "plan/plan.h"

struct session_port {
    void *bound;  /* the caller's buffer, or null */
    void *before; /* what was bound when a reshape began */
    bool fixed;   /* inputs: has a value fixed when planning */
    void *own;    /* outputs: our buffer; null once the caller has bound one, or until `settled` */
    size_t bytes; /* of `own` */
};

/* One step of the last run; times by stoa_seconds. */
struct step_times {
    double begin, end;
};

/* A plan and what goes with it. */
struct session_plan {
    struct plan *plan;
    struct step_times *times; /* null unless profiling; of each step, and behind them ... */
    struct pool_span *spans;  /* ... of each worker in each step: [step][worker] */
    size_t used;              /* the number of the reshape that last asked for it */
};

struct stoa_session {
    const struct stoa_model *model;
    struct stoa_allocator allocator; /* the caller's; of the session itself, and what is not the session's */
    struct budget budget;            /* over it: of all that the session has */
    struct pool *pool;
    struct session_plan *plans; /* the present one first, then those kept */
    size_t plan_count, most_plans, reshapes;
    struct plan *plan; /* the present one, as are times and spans */
    struct step_times *times;
    struct pool_span *spans;
    struct session_port *inputs, *outputs; /* parallel to the graph's */
    void *block;                           /* of the plans' activations, one for all; may be null until `settled` */
    size_t block_bytes;
    bool settled; /* whether block and outputs are there, and the plan's tensors placed in them */
    bool ran;     /* whether the values in them are those of a run */
    bool keep_values, profile;
    struct plan_options options; /* for further plans; the arrays are our copies */
    struct stoa_tuning *tuning;  /* our copy; null: none */
    int (*progress)(void *user, size_t done, size_t steps);
    void *user;
    atomic_bool cancelled;
};

/* session.c: sees to it that block and outputs are there. */
STOA_CHECKED enum stoa_status stoa_session_settle(struct stoa_session *session, struct stoa_error *error);

/* What creating a session checks first. */
STOA_CHECKED enum stoa_status stoa_session_check_options(const struct stoa_session_options *options,
                                                         struct stoa_error *error);

#endif
