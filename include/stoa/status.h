/* What every fallible call of Stoa returns, and the text that goes with it. */
#ifndef STOA_STATUS_H
#define STOA_STATUS_H

#if defined(_WIN32)
#define STOA_API
#else
#define STOA_API __attribute__((visibility("default")))
#endif

#if defined(__GNUC__)
#define STOA_CHECKED __attribute__((warn_unused_result))
#else
#define STOA_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* 0 is success; each other value says what kind of thing was wrong. */
enum stoa_status {
    STOA_OK = 0,
    STOA_ERROR_ARGUMENT,    /* the caller's argument: a null pointer, an unknown name, a wrong size */
    STOA_ERROR_MEMORY,      /* an allocation failed */
    STOA_ERROR_IO,          /* a file could not be read or written */
    STOA_ERROR_PARSE,       /* a file is not of the format it claims */
    STOA_ERROR_LIMIT,       /* well-formed, but larger than the engine takes */
    STOA_ERROR_GRAPH,       /* the model's graph is inconsistent */
    STOA_ERROR_DATA,        /* a tensor's data do not fit its type and dimensions */
    STOA_ERROR_ATTRIBUTE,   /* an operator's attribute or descriptor field is missing, of the wrong type or out of range
                             */
    STOA_ERROR_SHAPE,       /* tensor shapes do not fit together */
    STOA_ERROR_UNSUPPORTED, /* valid, but not something this engine does */
    STOA_ERROR_MISMATCH,    /* a verification found results that differ */
    STOA_ERROR_NONFINITE,   /* training came to a loss or gradient that is infinite or not a number */
    STOA_ERROR_CANCELLED    /* the caller asked for the end before it was reached */
};

/* Filled by a failing call when the caller passes one; a null pointer is fine wherever a `struct stoa_error *` is
 * taken. The message names the node, the field and the value; it is empty before the first failure if the struct
 * started zeroed. */
struct stoa_error {
    enum stoa_status status;
    char message[1024];
};

/* The name of a status, such as "STOA_ERROR_SHAPE"; never null. Thread-safe. */
STOA_API const char *stoa_status_name(enum stoa_status status);

#ifdef __cplusplus
}
#endif
#endif
