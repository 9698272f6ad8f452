/* Lines and bars of `stoa train`. */
#include "cli/train_report.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/utf8.h"

#define BAR_WIDTH 20
#define BAR_SECONDS 0.2
#define TABLE_CLASSES 20 /* a table of more is not read by anyone */
#define PAIRS 20
#define CELL 33 /* bytes of the longest name in a table, and its zero */

/* What was torn off in the middle of a line is no part of a log that goes on. */
static void cut_torn_line(FILE *log)
{
    long end = fseek(log, 0, SEEK_END) == 0 ? ftell(log) : 0, whole = end;
    while (whole > 0 && fseek(log, whole - 1, SEEK_SET) == 0 && fgetc(log) != '\n')
        whole--;
    /* A log that cannot be cut says so when it is written. */
    if (whole < end && ftruncate(fileno(log), whole) != 0)
        clearerr(log);
    fseek(log, 0, SEEK_END);
}

enum stoa_status stoa_cli_train_report_open(struct train_report *report, const char *log_path, bool add,
                                            struct stoa_error *error)
{
    report->log_path = log_path;
    if (!log_path)
        return STOA_OK;
    report->log = fopen(log_path, add ? "a+e" : "we");
    if (report->log && add)
        cut_torn_line(report->log);
    return report->log ? STOA_OK
                       : stoa_fail(error, STOA_ERROR_IO, "cannot write the log %s: %s", log_path, strerror(errno));
}

enum stoa_status stoa_cli_train_report_close(struct train_report *report, struct stoa_error *error)
{
    if (!report->log)
        return STOA_OK;
    bool failed = ferror(report->log) != 0;
    failed |= fclose(report->log) != 0;
    report->log = NULL;
    return failed ? stoa_fail(error, STOA_ERROR_IO, "the log %s could not be written", report->log_path) : STOA_OK;
}

/* "1:23:45", or "23:45". */
static const char *duration(double seconds, char text[32])
{
    unsigned long whole = seconds > 0 && seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 0;
    unsigned long hours = whole / 3600, minutes = whole / 60 % 60;
    if (hours)
        snprintf(text, 32, "%lu:%02lu:%02lu", hours, minutes, whole % 60);
    else
        snprintf(text, 32, "%lu:%02lu", minutes, whole % 60);
    return text;
}

void stoa_cli_train_progress(struct train_report *report, const struct stoa_fit_progress *progress)
{
    char left[32];
    double now = stoa_seconds();
    if (!isatty(STDERR_FILENO) || now - report->shown < BAR_SECONDS || progress->images_per_s <= 0)
        return;
    report->shown = now;
    double batches =
        (double)progress->count * (double)(progress->epochs - progress->epoch) - (double)progress->position;
    double images = (double)progress->examples / (double)progress->position; /* of a batch */
    size_t done = progress->position * BAR_WIDTH / progress->count;
    fprintf(stderr, "\r\033[Kepoch %zu/%zu [", progress->epoch + 1, progress->epochs);
    for (size_t i = 0; i < BAR_WIDTH; i++)
        fputc(i < done ? '#' : '.', stderr);
    fprintf(stderr, "] loss %.4f, ", progress->loss);
    if (report->accuracies)
        fprintf(stderr, "accuracy %.2f %%, ", 100 * progress->accuracy);
    fprintf(stderr, "%.0f images/s, %s left", progress->images_per_s,
            duration(batches * images / progress->images_per_s, left));
}

void stoa_cli_train_progress_end(struct train_report *report)
{
    if (report->shown > 0)
        fputs("\r\033[K", stderr);
    report->shown = 0;
}

/* JSON has no number for those that are none. */
static void log_number(FILE *out, const char *name, double value)
{
    if (isfinite(value))
        fprintf(out, ", \"%s\": %.9g", name, value);
    else
        fprintf(out, ", \"%s\": null", name);
}

static void log_epoch(FILE *out, bool accuracies, const struct stoa_fit_epoch *epoch)
{
    bool tested = accuracies && epoch->evaluated;
    fprintf(out, "{\"epoch\": %zu", epoch->epoch + 1);
    log_number(out, "loss", epoch->loss);
    log_number(out, "train_accuracy", accuracies ? epoch->train_accuracy : NAN);
    log_number(out, "test_accuracy", tested ? epoch->test_accuracy : NAN);
    log_number(out, "test_loss", epoch->evaluated ? epoch->test_loss : NAN);
    log_number(out, "test_top5", tested ? epoch->test_top5 : NAN);
    log_number(out, "images_per_s", epoch->images_per_s);
    log_number(out, "seconds", epoch->seconds);
    fprintf(out, ", \"best\": %s}\n", epoch->best ? "true" : "false");
    fflush(out);
}

void stoa_cli_train_epoch(struct train_report *report, const struct stoa_fit_epoch *epoch)
{
    stoa_cli_train_progress_end(report);
    printf("epoch %zu/%zu: loss %.4f", epoch->epoch + 1, report->epochs, epoch->loss);
    if (report->accuracies)
        printf(", accuracy %.2f %%", 100 * epoch->train_accuracy);
    if (epoch->evaluated)
        printf("; test loss %.4f", epoch->test_loss);
    if (epoch->evaluated && report->accuracies)
        printf(", accuracy %.2f %%", 100 * epoch->test_accuracy);
    printf("; %.0f images/s, %.1f s%s\n", epoch->images_per_s, epoch->seconds, epoch->best ? ", best so far" : "");
    fflush(stdout);
    if (report->log)
        log_epoch(report->log, report->accuracies, epoch);
}

/* As much of a name as a column of so many bytes takes. */
static const char *cell(const char *text, size_t most, char cut[CELL])
{
    stoa_utf8_copy(text ? text : "(no class)", most + 1, cut);
    return cut;
}

/* Rows of classes, columns of what they were taken for. */
static void print_table(const struct stoa_dataset *dataset, size_t classes, size_t K, const size_t *confusion)
{
    char name[CELL];
    printf("\n%-16s", "taken for");
    for (size_t c = 0; c < classes; c++)
        printf(" %6s", cell(stoa_dataset_class_name(dataset, c), 6, name));
    puts("  right %");
    for (size_t r = 0; r < classes; r++) {
        const size_t *row = confusion + r * K;
        size_t sum = 0;
        for (size_t c = 0; c < K; c++)
            sum += row[c];
        printf("%-16s", cell(stoa_dataset_class_name(dataset, r), 16, name));
        for (size_t c = 0; c < classes; c++)
            printf(" %6zu", row[c]);
        printf("  %7.2f\n", sum ? 100 * (double)row[r] / (double)sum : 0);
    }
}

/* The most frequent mistakes: each is the greatest that comes behind the one before. */
static void print_pairs(const struct stoa_dataset *dataset, size_t classes, size_t K, const size_t *confusion)
{
    size_t last = SIZE_MAX, last_count = SIZE_MAX;
    printf("\n%-32s %-32s %s\n", "class", "taken for", "images");
    for (size_t i = 0; i < PAIRS; i++) {
        size_t best = SIZE_MAX;
        for (size_t at = 0; at < K * K; at++) {
            bool behind = confusion[at] < last_count || (confusion[at] == last_count && at > last);
            if (at / K != at % K && at / K < classes && behind && (best == SIZE_MAX || confusion[at] > confusion[best]))
                best = at;
        }
        if (best == SIZE_MAX || confusion[best] == 0)
            break;
        char class[CELL], taken[CELL];
        printf("%-32s %-32s %zu\n", cell(stoa_dataset_class_name(dataset, best / K), 32, class),
               cell(stoa_dataset_class_name(dataset, best % K), 32, taken), confusion[best]);
        last = best;
        last_count = confusion[best];
    }
}

void stoa_cli_train_result(const struct stoa_dataset *dataset, const struct stoa_evaluation *evaluation, size_t K,
                           const size_t *confusion)
{
    struct stoa_dataset_info info;
    stoa_dataset_describe(dataset, &info);
    double images = (double)evaluation->examples;
    printf("test: %zu images, top-1 %.2f %%, top-5 %.2f %%, cross-entropy %.4f\n", evaluation->examples,
           100 * (double)evaluation->top1 / images, 100 * (double)evaluation->top5 / images, evaluation->loss);
    (info.class_count <= TABLE_CLASSES ? print_table : print_pairs)(dataset, info.class_count, K, confusion);
}
