/* The page of results. The numbers are those of the JSON: both come from the record alone. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "html.h"
#include "report_table.h"
#include "table.h"

static const struct {
    const char *suite, *title, *about;
} suites[] = {
    {"gemm", "Matrix products", "The engine's products beside one plain call of cblas_sgemm."},
    {"layers", "Single convolutions",
     "Convolutions of known networks: the way the cost model chooses (stoa) beside every other way and oneDNN."},
    {"models", "Whole networks", "One run of a network beside ONNX Runtime, each in a process of its own."},
    {"train", "Training", "One step of training on Fashion-MNIST (forward, backward, update) beside PyTorch."},
};

static const char *title_of(const char *suite)
{
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (strcmp(suites[i].suite, suite) == 0)
            return suites[i].title;
    return suite;
}

/* Peers are what is looked for first, then what threads give, then our own other ways. */
enum kind { PEERS, THREADS, OWN, KINDS };

static enum kind kind_of(const struct summary *summary)
{
    return summary->peer ? PEERS : strcmp(summary->family, summary->ours) == 0 ? THREADS : OWN;
}

/* A part of the page: the cases of one suite in one record. */
struct part {
    const struct record *record;
    const char *suite;
    FILE *out;
    enum kind kind;   /* of the summaries that are shown now */
    struct bar *bars; /* room for as many as there are cases */
};

static bool of_suite(const struct part *part, const struct summary *summary)
{
    return strcmp(summary->suite, part->suite) == 0;
}

static bool is_shown(const struct part *part, const struct summary *summary)
{
    return of_suite(part, summary) && !summary->group && kind_of(summary) == part->kind;
}

static void describe(const struct summary *summary, size_t size, char *text)
{
    char batch[32] = "";
    if (summary->batch)
        snprintf(batch, sizeof batch, ", batch %zu", summary->batch);
    if (kind_of(summary) == THREADS)
        snprintf(text, size, "%zu threads against %zu%s%s", summary->our_threads, summary->threads, batch,
                 summary->cold ? ", cold" : "");
    else
        snprintf(text, size, "%s / %s, %zu thread%s%s%s", summary->family, summary->ours, summary->threads,
                 summary->threads == 1 ? "" : "s", batch, summary->cold ? ", cold" : "");
}

static void print_card(void *user, const struct summary *summary)
{
    const struct part *part = user;
    char what[BENCH_TEXT];
    if (!is_shown(part, summary))
        return;
    describe(summary, sizeof what, what);
    fprintf(part->out, "<li><b data-mean=\"%.6g\">%.2f×</b> ", summary->mean, summary->mean);
    stoa_bench_html_format(part->out, "%s; least %.2f (%s) of %zu", what, summary->least, summary->weakest,
                           summary->count);
    fputs("</li>\n", part->out);
}

/* The bars of what one summary sums up. */
static void print_bars(void *user, const struct summary *summary)
{
    const struct part *part = user;
    char title[2 * BENCH_TEXT], what[BENCH_TEXT];
    size_t count = 0;
    if (!is_shown(part, summary))
        return;
    for (size_t i = 0; i < part->record->case_count; i++) {
        const struct bench_case *c = &part->record->cases[i];
        size_t entry = stoa_bench_summary_entry(summary, c);
        if (entry == BENCH_NONE)
            continue;
        struct estimate ratio = stoa_bench_ratio(c, entry);
        enum verdict verdict = stoa_bench_verdict(&ratio);
        struct bar *bar = &part->bars[count++];
        *bar = (struct bar){.ratio = ratio,
                            .look = verdict == VERDICT_FASTER   ? BAR_FASTER
                                    : verdict == VERDICT_SLOWER ? BAR_SLOWER
                                                                : BAR_UNDECIDED,
                            .word = stoa_bench_verdict_name(verdict),
                            .target = c->entries[entry].target};
        stoa_bench_set(sizeof bar->name, bar->name, c->name);
        if (c->batch > 1)
            snprintf(bar->detail, sizeof bar->detail, "%.120s, batch %zu", c->shape, c->batch);
        else
            stoa_bench_set(sizeof bar->detail, bar->detail, c->shape);
    }
    describe(summary, sizeof what, what);
    snprintf(title, sizeof title, "%s: %s", title_of(part->suite), what);
    if (part->kind == OWN) { /* for those who ask */
        fputs("<details><summary>", part->out);
        stoa_bench_html_text(what, part->out);
        fputs("</summary>\n", part->out);
    }
    stoa_bench_bars(title,
                    part->kind == THREADS ? "how many times as fast more threads are, with the same bits"
                                          : "their time / Stoa's: above 1 Stoa is faster",
                    count, part->bars, part->out);
    if (part->kind == OWN)
        fputs("</details>\n", part->out);
}

static size_t least_threads(const struct part *part)
{
    size_t least = 0;
    for (size_t i = 0; i < part->record->case_count; i++)
        for (size_t j = 0; j < part->record->cases[i].entry_count; j++) {
            const struct entry *entry = &part->record->cases[i].entries[j];
            if (strcmp(part->record->cases[i].suite, part->suite) == 0 && strcmp(entry->name, "stoa") == 0 &&
                (least == 0 || entry->threads < least))
                least = entry->threads;
        }
    return least;
}

static bool make_point(const struct bench_case *c, size_t threads, struct point *point)
{
    for (size_t j = 0; j < c->entry_count; j++) {
        const struct entry *entry = &c->entries[j];
        if (strcmp(entry->name, "stoa") != 0 || entry->threads != threads || !entry->count)
            continue;
        size_t peer = stoa_bench_best_peer(c, j, 0);
        *point = (struct point){.name = c->name,
                                .who = entry->name,
                                .group = c->group,
                                .intensity = c->flops / c->bytes,
                                .gflops = stoa_bench_rate(c, entry)};
        if (peer != BENCH_NONE && c->entries[peer].count) {
            point->peer = c->entries[peer].name;
            point->peer_gflops = stoa_bench_rate(c, &c->entries[peer]);
        }
        return true;
    }
    return false;
}

static void print_roofline(const struct part *part)
{
    const struct machine *machine = &part->record->machine;
    size_t threads = least_threads(part), count = 0;
    struct point *points = calloc(part->record->case_count, sizeof *points);
    for (size_t i = 0; points && machine->peak_gflops > 0 && i < part->record->case_count; i++) {
        const struct bench_case *c = &part->record->cases[i];
        if (strcmp(c->suite, part->suite) == 0 && c->flops > 0 && c->bytes > 0)
            count += make_point(c, threads, &points[count]);
    }
    if (count) {
        char title[BENCH_TEXT];
        snprintf(title, sizeof title, "%s: roofline", title_of(part->suite));
        /* What is copied is read and written, so twice as many bytes move. */
        struct roof roof = {
            .gflops = machine->peak_gflops * (double)threads, .gbytes = 2 * machine->copy_gbytes, .threads = threads};
        stoa_bench_roofline(title, &roof, count, points, part->out);
        fputs("<p class=\"muted\">Bytes are counted as each input, weight and output moved once. Data that stay in "
              "the caches need not come from memory, and Winograd's methods need fewer multiplications than they are "
              "credited with, so points may lie above the roof.</p>\n",
              part->out);
    }
    free(points);
}

static void print_summary_row(void *user, const struct summary *summary)
{
    const struct part *part = user;
    char what[BENCH_TEXT];
    if (!of_suite(part, summary))
        return;
    describe(summary, sizeof what, what);
    fputs("<tr><th scope=\"row\">", part->out);
    stoa_bench_html_text(what, part->out);
    fputs("</th><td>", part->out);
    stoa_bench_html_text(summary->group ? summary->group : "all", part->out);
    fputs("</td>", part->out);
    stoa_bench_report_number(summary->mean, 2, 1, part->out);
    stoa_bench_report_number((double)summary->count, 0, 1, part->out);
    stoa_bench_report_number(summary->least, 2, 1, part->out);
    fputs("<td>", part->out);
    stoa_bench_html_text(summary->weakest, part->out);
    if (summary->asked)
        fprintf(part->out, "</td><td class=\"n\">%zu of %zu</td></tr>\n", summary->met, summary->asked);
    else
        fputs("</td><td class=\"n\"></td></tr>\n", part->out);
}

static void print_summaries(struct part *part)
{
    fputs("<div class=\"scroll\" tabindex=\"0\"><table class=\"sort\"><caption>", part->out);
    stoa_bench_html_format(part->out, "%s: geometric means of the ratios", title_of(part->suite));
    fputs("</caption><thead><tr><th scope=\"col\">compared</th><th scope=\"col\">cases of</th><th scope=\"col\" "
          "class=\"n\">mean</th><th scope=\"col\" class=\"n\">cases</th><th scope=\"col\" class=\"n\">least</th>"
          "<th scope=\"col\">which</th><th scope=\"col\" class=\"n\">targets reached</th></tr></thead><tbody>\n",
          part->out);
    stoa_bench_summaries(part->record, print_summary_row, part);
    fputs("</tbody></table></div>\n", part->out);
}

static void print_notes(const struct part *part)
{
    bool any = false;
    for (size_t i = 0; i < part->record->case_count; i++)
        for (size_t j = 0; j < part->record->cases[i].entry_count; j++) {
            const struct bench_case *c = &part->record->cases[i];
            const struct entry *entry = &c->entries[j];
            if (strcmp(c->suite, part->suite) != 0 || entry->state == ENTRY_TIMED)
                continue;
            if (!any)
                fputs("<details><summary>Not timed</summary><ul>\n", part->out);
            any = true;
            fputs("<li>", part->out);
            stoa_bench_html_format(part->out, "%s, %s, %zu thread%s: %s%s", c->name, entry->name, entry->threads,
                                   entry->threads == 1 ? "" : "s", entry->state == ENTRY_WRONG ? "WRONG: " : "",
                                   entry->message);
            fputs("</li>\n", part->out);
        }
    if (any)
        fputs("</ul></details>\n", part->out);
}

static void print_part(struct part *part, size_t number)
{
    fprintf(part->out, "<h2 id=\"part-%zu\">", number);
    stoa_bench_html_text(title_of(part->suite), part->out);
    fputs("</h2>\n<p>", part->out);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (strcmp(suites[i].suite, part->suite) == 0)
            fputs(suites[i].about, part->out);
    fputs("</p>\n<ul class=\"cards\">\n", part->out);
    for (part->kind = PEERS; part->kind < OWN; part->kind++)
        stoa_bench_summaries(part->record, print_card, part);
    fputs("</ul>\n", part->out);
    for (part->kind = PEERS; part->kind < KINDS; part->kind++)
        stoa_bench_summaries(part->record, print_bars, part);
    print_roofline(part);
    stoa_bench_report_table(part->record, part->suite, title_of(part->suite), part->out);
    print_summaries(part);
    print_notes(part);
}

static bool begins_suite(const struct record *record, size_t i)
{
    return i == 0 || strcmp(record->cases[i].suite, record->cases[i - 1].suite) != 0;
}

static void print_contents(size_t count, const struct record *records, FILE *out)
{
    size_t number = 0;
    fputs("<nav aria-label=\"Contents\"><ul>\n", out);
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < records[r].case_count; i++)
            if (begins_suite(&records[r], i)) {
                fprintf(out, "<li><a href=\"#part-%zu\">", number++);
                stoa_bench_html_text(title_of(records[r].cases[i].suite), out);
                fputs("</a></li>\n", out);
            }
    fputs("<li><a href=\"#method\">Method</a></li>\n</ul></nav>\n", out);
}

static void print_method(FILE *out)
{
    fputs("<h2 id=\"method\">Method</h2>\n"
          "<p>Every result is checked before it is timed; what is wrong is not timed. The contenders of a case take "
          "turns in rounds, every second round backwards, so that whatever else the machine does falls on all of them. "
          "A time is the median over the rounds; p10–p90 is the range without the fastest and the slowest "
          "tenth.</p>\n"
          "<p>A ratio is another's time / Stoa's in the same round, the median over rounds, with the interval that "
          "holds the true median in 95 of 100 such measurements (sign test, no bell curve assumed). A comparison "
          "whose interval holds 1, or that has fewer than 6 rounds, is <em>inconclusive</em>: its bar is hollow and "
          "dashed, and nothing is claimed. Of a peer's algorithms the fastest counts. Axes of ratios are logarithmic, "
          "so that twice as fast is as long as twice as slow.</p>\n"
          "<p>Floating-point operations are counted as the definition of a convolution or a product has them. "
          "Winograd's methods need fewer multiplications, so a rate may exceed the machine's peak.</p>\n",
          out);
}

void stoa_bench_report(size_t count, const struct record *records, FILE *out)
{
    size_t number = 0;
    stoa_bench_html_begin("Stoa: benchmark report", out);
    if (count) {
        fputs("<p class=\"muted\">", out);
        stoa_bench_html_format(out, "Measured on %s, %.0f MHz seen, kernels of %s; commit %s.", records->machine.cpu,
                               records->machine.megahertz, records->machine.core, records->machine.commit);
        fputs("</p>\n", out);
    }
    print_contents(count, records, out);
    for (size_t r = 0; r < count; r++) {
        struct part part = {.record = &records[r], .out = out};
        part.bars = calloc(records[r].case_count + 1, sizeof *part.bars);
        for (size_t i = 0; part.bars && i < records[r].case_count; i++)
            if (begins_suite(&records[r], i)) {
                part.suite = records[r].cases[i].suite;
                print_part(&part, number++);
            }
        free(part.bars);
        stoa_bench_report_machine(&records[r], out);
    }
    print_method(out);
    stoa_bench_html_end(out);
}
