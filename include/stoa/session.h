/* A model made ready to run at given input shapes. Creating one is the slow part (it plans, and packs weights); running
 * is one loop over steps that allocates nothing. One thread uses a session at a time; sessions of one model run at once
 * in as many threads as there are sessions. Results do not depend on the number of threads, to the last bit. */
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

/* What the caller knows of an input when a session is planned. */
struct stoa_input_spec {
    const char *name;
    size_t rank;
    size_t dims[STOA_MAX_RANK];
    /* Not null: the input's value, row-major, fixed for the session (a shape, an axis list: what shapes depend on).
     * Copied. */
    const void *data;
};

/* What planning makes simpler before a model runs. The model itself stays as it is. The first two round in
 * other places; the others leave every bit of the outputs as it is, but where a convolution reads a slice of fewer than
 * 16 channels in place. */
enum stoa_pass {
    STOA_PASS_FUSE_PAD = 0,    /* zeros around an image become the padding of who reads it */
    STOA_PASS_FUSE_NORM,       /* constants that scale and shift a convolution's channels go into its weights */
    STOA_PASS_FUSE_ADD,        /* a convolution adds another tensor to its output */
    STOA_PASS_FUSE_ACTIVATION, /* an operator applies a function to its output */
    STOA_PASS_FUSE_MASK,       /* training: who computes a gradient clears it where Relu or Clip let nothing through */
    STOA_PASS_CONCAT_IN_PLACE, /* what is concatenated along channels is written where it belongs at once */
    STOA_PASS_SPLIT_IN_PLACE,  /* channels that are split or sliced off are read where they lie */
    STOA_PASS_OVERWRITE,       /* elementwise operators write over an input that nobody needs any more */
    STOA_PASS_COUNT
};
#define STOA_PASS_BIT(pass) (1u << (pass))
#define STOA_PASS_ALL (STOA_PASS_BIT(STOA_PASS_COUNT) - 1)
/* "fuse-norm", …; "unknown" for others. */
STOA_API const char *stoa_pass_name(enum stoa_pass pass);

struct stoa_session_options {
    size_t threads;                   /* 0: as many as the caller's CPU affinity allows */
    const struct stoa_pool *pool;     /* null: threads of the session's own; else `threads` does not count; copied */
    enum stoa_lowering lowering;      /* forces one way of convolving where it is possible */
    enum stoa_accuracy accuracy;      /* of convolutions */
    const struct stoa_tuning *tuning; /* measured choices (tuning.h), used while the session is created; may be null */
    /* Not 0: planned memory (stoa_memory_info, all of it) stays within so many bytes. Slower ways of convolving are
     * taken where the faster ones need more; STOA_ERROR_LIMIT, with the least possible, where none fit. */
    size_t max_bytes;
    const struct stoa_input_spec
        *inputs;              /* input_count of them; inputs not named take the model's dims, 1 for an open */
    size_t input_count;       /* first dimension; any other open dimension must be given here */
    int profile;              /* measure each step: stoa_session_step */
    int keep_values;          /* keep every intermediate value there is readable: stoa_session_value */
    unsigned disabled_passes; /* STOA_PASS_BIT of each pass to leave out */
    const struct stoa_allocator *allocator; /* null: the model's; copied */
};

/* Options may be null. On failure *session is null. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_create(const struct stoa_model *model,
                                                           const struct stoa_session_options *options,
                                                           struct stoa_error *error, struct stoa_session **session);
STOA_API void stoa_session_free(struct stoa_session *session);

/* The type (float where the file has float16 or bfloat16) and dims an input or output has in this session: row-major (N
 * C H W), strides set, data null. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_input(const struct stoa_session *session, const char *name,
                                                          struct stoa_error *error, struct stoa_tensor *tensor);
/* As stoa_session_input; data is the bound buffer or the session's own, and holds the result after a run. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_output(const struct stoa_session *session, const char *name,
                                                           struct stoa_error *error, struct stoa_tensor *tensor);

/* Where runs read an input from: row-major, of the session's dims and dtype. The buffer stays the caller's and is read
 * during runs only. Every input must be bound before the first run. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_bind_input(struct stoa_session *session, const char *name,
                                                               const void *data, struct stoa_error *error);
/* Where runs write an output to; without this the session keeps the result itself. Must not overlap an input. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_bind_output(struct stoa_session *session, const char *name,
                                                                void *data, struct stoa_error *error);
STOA_API STOA_CHECKED enum stoa_status stoa_session_run(struct stoa_session *session, struct stoa_error *error);

/* One step of the plan, as reports want it. Strings and shapes live as the session. */
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
};
STOA_API size_t stoa_session_worker_count(const struct stoa_session *session);
STOA_API STOA_CHECKED enum stoa_status stoa_session_worker(const struct stoa_session *session, size_t step,
                                                           size_t worker, struct stoa_error *error,
                                                           struct stoa_worker_info *info);

/* One thing a pass did. Strings live as the session. */
struct stoa_rewrite_info {
    enum stoa_pass pass;
    const char *node; /* the node of the model whose work, or whose result's place, has changed */
    const char *into; /* the node whose step does the work now or has the memory, or the value whose memory it is */
};
STOA_API size_t stoa_session_rewrite_count(const struct stoa_session *session);
STOA_API STOA_CHECKED enum stoa_status stoa_session_rewrite(const struct stoa_session *session, size_t index,
                                                            struct stoa_error *error, struct stoa_rewrite_info *info);

/* Bytes the session holds. */
struct stoa_memory_info {
    size_t weights;     /* packed copies, folded constants and the plan's own tables */
    size_t activations; /* one block for all, scratch included */
    size_t outputs;     /* the session's own output buffers */
};
STOA_API void stoa_session_memory(const struct stoa_session *session, struct stoa_memory_info *info);

/* With options.keep_values: the tensor of that name as the last run left it (any strides). Values inside a step that
 * does the work of several nodes do not exist: UNSUPPORTED, and the message names the pass. */
STOA_API STOA_CHECKED enum stoa_status stoa_session_value(const struct stoa_session *session, const char *name,
                                                          struct stoa_error *error, struct stoa_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
