/* An engine that runs or trains whole networks: a process of its own, asked over pipes. Stoa's (`stoa-bench serve`) and
 * its peers (bench/peers/) are asked in the same way, so none is measured differently from the others.
 *
 * One line is a question, one line the answer: "ok" and what is said below, or "error" and why. Files hold raw floats,
 * little-endian, row-major.
 *
 *     input INDEX DIMS FILE     the value of an input, DIMS such as 1x3x224x224; before load
 *     load THREADS MODEL        makes the model ready: the seconds it took, and the most bytes resident before it
 *     run COUNT EVICT           runs it, after emptying the caches by walking through EVICT bytes: nanoseconds of each
 *     output INDEX FILE         writes an output of the last run: its dims
 *     peak                      the most bytes resident so far
 *
 * Those that train are asked for load, run and peak, load having other words and a run being one step, and for
 *
 *     load THREADS NET FOLDER   makes a ready-made net of ours ready to learn from the Fashion-MNIST in FOLDER
 *     accuracy                  the share of test images that it gets right by now
 *     weights                   their checksum; not asked of peers
 *
 * The engine ends when its input does. */
#ifndef STOA_BENCH_ENGINE_H
#define STOA_BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>
#include <sys/types.h>

#define ENGINE_LINE 8192

struct engine {
    pid_t process; /* 0: none */
    int to, from;
    size_t held; /* bytes of `buffer` that were read but belong to no answer yet */
    char buffer[ENGINE_LINE];
};

/* argv ends with a null; argv[0] is looked for in PATH. Where this fails, there is nothing to stop. */
STOA_CHECKED enum stoa_status stoa_bench_engine_start(const char *const *argv, struct stoa_error *error,
                                                      struct engine *engine);
/* Asks, and waits for what comes after "ok". An engine that ends or is silent for too long is an error. */
STOA_CHECKED enum stoa_status stoa_bench_engine_ask(struct engine *engine, struct stoa_error *error,
                                                    char answer[ENGINE_LINE], const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void stoa_bench_engine_stop(struct engine *engine);

/* The most bytes that this process had resident (VmHWM); 0 where the system does not tell. */
size_t stoa_bench_peak_bytes(void);

#endif
