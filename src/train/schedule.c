/* Schedules. Each rate is computed from the step alone, not from the rate before: so it is the same after a resume. */
#include "train/schedule.h"

#include <math.h>

#include "base/status.h"

const char *stoa_schedule_name(enum stoa_schedule schedule)
{
    static const char *const names[STOA_SCHEDULE_COUNT] = {"constant", "step", "cosine"};
    return (unsigned)schedule < STOA_SCHEDULE_COUNT ? names[schedule] : "unknown";
}

enum stoa_status stoa_schedule_check(const struct stoa_trainer_options *options, struct stoa_error *error)
{
    if ((unsigned)options->schedule >= STOA_SCHEDULE_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.schedule is %d, which is none", (int)options->schedule);
    if (options->schedule == STOA_SCHEDULE_STEP && options->step_size == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.step_size is 0, the step schedule needs one");
    if (options->schedule == STOA_SCHEDULE_COSINE && options->total_steps <= options->warmup)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "options.total_steps is %zu, the cosine schedule needs more than the %zu of warm-up",
                         options->total_steps, options->warmup);
    if (!(options->gamma >= 0 && options->gamma <= 1))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.gamma is %g, must be from 0 to 1", options->gamma);
    if (!(options->final_rate >= 0 && isfinite(options->final_rate)))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.final_rate is %g, must be 0 or more",
                         options->final_rate);
    return STOA_OK;
}

double stoa_schedule_rate(const struct stoa_trainer_options *options, size_t step)
{
    static const double pi = 3.14159265358979323846;
    double rate = options->learning_rate;
    if (step < options->warmup)
        return rate * ((double)step + 1) / (double)options->warmup;
    size_t since = step - options->warmup;
    switch (options->schedule) {
    case STOA_SCHEDULE_STEP:
        return rate * pow(options->gamma, (double)(since / options->step_size));
    case STOA_SCHEDULE_COSINE: {
        size_t span = options->total_steps - options->warmup;
        if (since >= span)
            return options->final_rate;
        double share = (1 + cos(pi * (double)since / (double)span)) / 2;
        return options->final_rate + (rate - options->final_rate) * share;
    }
    default:
        return rate;
    }
}
