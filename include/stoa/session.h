/* A model made ready to run at given input shapes. Creating one is the slow part (it plans, and packs weights); running
 * is one loop over steps that allocates nothing. One thread uses a session at a time; sessions of one model run at once
 * in as many threads as there are sessions. Results do not depend on the number of threads, to the last bit.
 *
 * A process may fork whatever its sessions are doing. The parent's go on; in the child all work on that
 * no other thread was just creating or reshaping, from then on without threads of their own (a struct stoa_pool is the
 * host's to see to). Both can free theirs. BLAS must have no threads of its own for that (blas.h), and OpenBLAS must
 * not be at a lock that it takes for each product whose operands it packs: large ones (single fully connected layers of
 * several images, for the most part), and on a CPU with neither AVX2 nor AVX-512 all. A child forked by one thread at
 * the very moment when another held that lock waits for it forever when it computes. */
#ifndef STOA_SESSION_H
#define STOA_SESSION_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/model.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stoa_session;
struct stoa_tuning;

/* What the caller says of an input when a session is planned. */
struct stoa_input_spec {
    const char *name;
    size_t rank;                /* 0: rank and dims are those of the model, 1 for an open first dimension */
    size_t dims[STOA_MAX_RANK]; /* logical: N C H W whatever the layout */
    /* Not null: the input's value, row-major, fixed for the session (a shape, an axis list: what shapes depend on).
     * Copied. */
    const void *data;
    /* How the bound buffer lies: with STOA_NHWC, for inputs of rank 4, as [N][H][W][C]. Images lie so inside: those
     * that are handed over so need no conversion. */
    enum stoa_layout layout;
    size_t reserved[8]; /* zeros (stoa.h) */
};

/* What the caller says of an output. */
struct stoa_output_spec {
    const char *name;
    enum stoa_layout layout; /* as of inputs */
    size_t reserved[4];      /* zeros (stoa.h) */
};

/* What planning makes simpler before a model runs. The model itself stays as it is. The first two round in
 * other places; the others leave every bit of the outputs as it is, but where a convolution reads a slice of fewer than
 * 16 channels in place, and of a Gelu written with a division by the root of 2. */
enum stoa_pass {
    STOA_PASS_FUSE_PAD = 0, /* zeros around an image become the padding of who reads it */
    STOA_PASS_FUSE_NORM,    /* constants that scale and shift a convolution's channels go into its weights, rows behind
                             * products are their biases, and layer norms of nine nodes one step */
    STOA_PASS_FUSE_ADD,     /* a convolution adds another tensor to its output */
    STOA_PASS_FUSE_ACTIVATION, /* an operator applies a function to its output */
    STOA_PASS_FUSE_MASK,       /* training: who computes a gradient clears it where Relu or Clip let nothing through */
    STOA_PASS_CONCAT_IN_PLACE, /* what is concatenated along channels is written where it belongs at once */
    STOA_PASS_SPLIT_IN_PLACE,  /* channels that are split or sliced off are read where they lie */
    STOA_PASS_OVERWRITE,       /* elementwise operators write over an input that nobody needs any more */
    STOA_PASS_FUSE_POOL,       /* a convolution writes the maxima of 2 x 2 of its outputs, not these */
    STOA_PASS_COUNT
};
#define STOA_PASS_BIT(pass) (1u << (pass))
#define STOA_PASS_ALL (STOA_PASS_BIT(STOA_PASS_COUNT) - 1)
/* "fuse-norm", …; "unknown" for others. */
STOA_API const char *stoa_pass_name(enum stoa_pass pass);

struct stoa_session_options {
    size_t threads;                   /* at most 1024; 0: as many as the caller's CPU affinity allows */
    const struct stoa_pool *pool;     /* null: threads of the session's own; else `threads` does not count; copied */
    enum stoa_lowering lowering;      /* forces one way of convolving where it is possible */
    enum stoa_accuracy accuracy;      /* of convolutions */
    const struct stoa_tuning *tuning; /* measured choices (tuning.h), copied: reshapes take them, too; may be null */
    /* Not 0: planned memory (the first three of stoa_memory_info) stays within so many bytes, and so does its peak,
     * but where a plan that fits could not be made otherwise. Slower ways of convolving are taken where the faster ones
     * need more; STOA_ERROR_LIMIT, with the least possible, where none fit. */
    size_t max_bytes;
    /* input_count of them; inputs not named take the model's dims, 1 for an open first dimension; any other open
     * dimension must be given here. */
    const struct stoa_input_spec *inputs;
    size_t input_count;
    int profile;                            /* measure each step: stoa_session_step */
    int keep_values;                        /* keep every intermediate value there is readable: stoa_session_value */
    unsigned disabled_passes;               /* STOA_PASS_BIT of each pass to leave out */
    const struct stoa_allocator *allocator; /* null: the model's; copied */
    const struct stoa_output_spec *outputs; /* output_count of them; may be null */
    size_t output_count;
    size_t cached_plans; /* plans of other shapes that are kept for stoa_session_reshape; 0: 2 */
    int no_cached_plans; /* none are kept */
    /* Called by the thread that runs the session after each step but the last, `done` of `steps` being done; not 0 ends
     * the run (stoa_session_cancel). May be null. */
    int (*progress)(void *user, size_t done, size_t steps);
    void *user;          /* of progress */
    size_t reserved[16]; /* zeros (stoa.h) */
};

/* Options may be null. On failure *session is null. Of an If, the branch that its condition chooses takes the node's
 * place; the condition must follow from constants, shapes and values given with the inputs (stoa_input_spec.data). */
STOA_API STOA_CHECKED enum stoa_status stoa_session_create(const struct stoa_model *model,
                                                           const struct stoa_session_options *options,
                                                           struct stoa_error *error, struct stoa_session **session);
STOA_API void stoa_session_free(struct stoa_session *session);

/* Makes the session one for other input shapes: a new batch or image size. `inputs` are `count` specs as in the options
 * (those given before no longer count; outputs keep their layouts); data fixed there are compared, too. The plan made
 * before for these shapes is taken again if it is still kept; otherwise this takes as long as creating a session. Plans
 * kept share what they have in common: packed weights that are the same, and one block of memory for activations, as
 * large as the largest needs. With max_bytes, kept plans go, oldest first, where the new one needs their room; beside
 * the present one it must fit, else STOA_ERROR_LIMIT.
 *
 * Results are those of a fresh session of these shapes to the bit (with max_bytes only where it, too, chooses the same
 * ways). Buffers stay bound to inputs and outputs whose dims and layout have not changed, others must be bound again
 * (outputs: or the session keeps them itself). Results of earlier runs are gone; so is what stoa_session_step and the
 * like pointed to. After a failure the session is at the shapes it had, and results of earlier runs may be gone; but
 * with max_bytes STOA_ERROR_MEMORY may leave it at the new ones. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_reshape(struct stoa_session *session,
                                                            const struct stoa_input_spec *inputs, size_t count,
                                                            struct stoa_error *error);
/* Gives back what a session that rests does not need: kept plans of other shapes, and the block for activations and
 * scratch, which the next run takes anew (that run can fail with STOA_ERROR_MEMORY). Outputs stay readable; what
 * stoa_session_value would read is gone. */
STOA_API void stoa_session_trim(struct stoa_session *session);
/* How many plans there are: the present one and those kept. */
STOA_API size_t stoa_session_plan_count(const struct stoa_session *session);

/* The type (float where the file has float16 or bfloat16) and dims an input has in this session: logical dims (N C H
 * W), strides as its buffer lies, data null. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_input(const struct stoa_session *session, const char *name,
                                                          struct stoa_error *error, struct stoa_tensor *tensor);
/* As stoa_session_input; data is the bound buffer or the session's own, and holds the result after a run. The session's
 * own stays where it is until the next reshape, binding or free. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_output(const struct stoa_session *session, const char *name,
                                                           struct stoa_error *error, struct stoa_tensor *tensor);

/* Where runs read an input from: of the session's dims, dtype and layout (row-major if none was given), aligned as the
 * dtype (else ARGUMENT). The buffer stays the caller's and is read during runs only. Every input must be bound before
 * the first run, and may be bound anew before each. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_bind_input(struct stoa_session *session, const char *name,
                                                               const void *data, struct stoa_error *error);
/* Where runs write an output to, aligned likewise; without this the session keeps the result itself. Must not overlap
 * an input or another output. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_bind_output(struct stoa_session *session, const char *name,
                                                                void *data, struct stoa_error *error);
/* The same four by number, as stoa_model_input and stoa_model_output count. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_input_at(const struct stoa_session *session, size_t index,
                                                             struct stoa_error *error, struct stoa_tensor *tensor);
STOA_API STOA_CHECKED enum stoa_status stoa_session_output_at(const struct stoa_session *session, size_t index,
                                                              struct stoa_error *error, struct stoa_tensor *tensor);
STOA_API STOA_CHECKED enum stoa_status stoa_session_bind_input_at(struct stoa_session *session, size_t index,
                                                                  const void *data, struct stoa_error *error);
STOA_API STOA_CHECKED enum stoa_status stoa_session_bind_output_at(struct stoa_session *session, size_t index,
                                                                   void *data, struct stoa_error *error);

/* Computes the outputs. STOA_ERROR_CANCELLED when cancelled, and errors of operators that depend on values (an index
 * beyond its data) name the node; outputs are then undefined, and the session can run again. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_run(struct stoa_session *session, struct stoa_error *error);
/* Ends the run that is under way when its present step is done, or else the next one before its first step, with
 * STOA_ERROR_CANCELLED; the one after that is a run like any other. May be called from any thread, beside a run, and
 * from signal handlers. */
STOA_API void stoa_session_cancel(struct stoa_session *session);

/* One step of the plan, as reports want it. Strings and shapes live as the session, until it is reshaped. */
struct stoa_step_info {
    const char *node; /* the node's name in the model */
    const char *type; /* its operator, or several that are one step: "Conv+Relu"; "Layout" for a conversion the planner
                       * put in */
    const struct stoa_tensor *output;
    double macs;                               /* multiply-adds of one run */
    size_t parameter_count;                    /* elements of its constant inputs */
    double seconds;                            /* of the last run; 0 unless options.profile */
    double begin;                              /* when it began, in seconds from the beginning of that run */
    char how[64];                              /* the lowering and its tile, or empty */
    const struct stoa_lowering_choice *choice; /* of convolutions: how else it could be computed; else null */
    size_t reserved[4];
};
STOA_API size_t stoa_session_step_count(const struct stoa_session *session);
STOA_API STOA_CHECKED enum stoa_status stoa_session_step(const struct stoa_session *session, size_t index,
                                                         struct stoa_error *error, struct stoa_step_info *info);

/* What one of the session's threads did of a step in the last run. All 0 unless options.profile, and where the thread
 * took no part; steps that do not share out their work have thread 0 alone, and may report nothing even of that. */
struct stoa_worker_info {
    double begin;   /* in seconds from the beginning of the run */
    double seconds; /* from there to the end of its last part */
    double busy;    /* of these, spent working */
    size_t reserved[2];
};
STOA_API size_t stoa_session_worker_count(const struct stoa_session *session);
STOA_API STOA_CHECKED enum stoa_status stoa_session_worker(const struct stoa_session *session, size_t step,
                                                           size_t worker, struct stoa_error *error,
                                                           struct stoa_worker_info *info);

/* One thing a pass did. Strings live as the session, until it is reshaped. */
struct stoa_rewrite_info {
    enum stoa_pass pass;
    const char *node; /* the node of the model whose work, or whose result's place, has changed */
    const char *into; /* the node whose step does the work now or has the memory, or the value whose memory it is */
    size_t reserved[2];
};
STOA_API size_t stoa_session_rewrite_count(const struct stoa_session *session);
STOA_API STOA_CHECKED enum stoa_status stoa_session_rewrite(const struct stoa_session *session, size_t index,
                                                            struct stoa_error *error, struct stoa_rewrite_info *info);

/* Bytes the session has from its allocator: the first three are all there is, to the byte, and what runs will need is
 * among them from the start. Not the model's own, nor the stacks of threads. */
struct stoa_memory_info {
    size_t weights; /* packed copies, folded constants, and the tables of this plan and of those kept */
    /* One block for all, scratch included; 0 from stoa_session_trim to the next run. From 1 MiB on it is whole huge
     * pages of 2 MiB, unless max_bytes is given. */
    size_t activations;
    size_t outputs; /* the session's own output buffers */
    size_t peak;    /* the most there has been at once so far, that is while planning */
    size_t reserved[4];
};
STOA_API void stoa_session_memory(const struct stoa_session *session, struct stoa_memory_info *info);

/* With options.keep_values: the tensor of that name as the last run left it (any strides); ARGUMENT where there is
 * none: no run has come to its end since the session was created, reshaped or trimmed, or a buffer was bound since.
 * Values inside a step that does the work of several nodes do not exist: UNSUPPORTED, and the message names the pass.
 */
STOA_API STOA_CHECKED enum stoa_status stoa_session_value(const struct stoa_session *session, const char *name,
                                                          struct stoa_error *error, struct stoa_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
