/* Tables of HTML: cells, rows of results, the machine. */
#include "report_table.h"

#include <string.h>

#include "html.h"
#include "report.h"
#include "table.h"

#define NUMBER " class=\"n\""
#define ASIDE " class=\"aside\"" /* not in print */

static void text_cell(const char *class, const char *text, FILE *out)
{
    fprintf(out, "<td%s>", class);
    stoa_bench_html_text(text, out);
    fputs("</td>", out);
}

void stoa_bench_report_number(double value, int digits, double unit, FILE *out)
{
    if (value > 0)
        fprintf(out, "<td class=\"n\" data-value=\"%.6g\">%.*f</td>", value, digits, unit * value);
    else
        fputs("<td class=\"n\" data-value=\"\">–</td>", out);
}

void stoa_bench_report_ratio(const struct estimate *ratio, const char *look, const char *word, FILE *out)
{
    stoa_bench_report_number(ratio->value, 2, 1, out);
    if (ratio->value > 0)
        fprintf(out, "<td class=\"n\" data-value=\"%.6g\" data-high=\"%.6g\">%.2f–%.2f</td><td class=\"%s\">%s</td>",
                ratio->low, ratio->high, ratio->low, ratio->high, look, word);
    else
        fputs("<td class=\"n\" data-value=\"\">–</td><td data-value=\"\">–</td>", out);
}

static void head(const char *class, const char *text, FILE *out)
{
    fprintf(out, "<th scope=\"col\"%s>", class);
    stoa_bench_html_text(text, out);
    fputs("</th>", out);
}

#define WRONG_CELL "<td class=\"n slower\" data-value=\"\">WRONG</td>"

/* The table's shape: which contenders have columns, and which other columns have anything to say. */
struct columns {
    struct contenders contenders;
    bool batch, rate, intensity, networks, trains, how;
};

static struct columns find_columns(const struct record *record, const char *suite)
{
    struct columns columns = {0};
    for (size_t i = 0; i < record->case_count; i++) {
        const struct bench_case *c = &record->cases[i];
        if (strcmp(c->suite, suite) != 0)
            continue;
        columns.networks = stoa_bench_unit(c) == 1e3;
        columns.batch = columns.batch || c->batch > 1;
        columns.trains = stoa_bench_trains(c);
        columns.rate = columns.rate || c->flops > 0 || columns.trains;
        columns.intensity = columns.intensity || (c->bytes > 0 && c->flops > 0);
        for (size_t j = 0; j < c->entry_count; j++) {
            stoa_bench_add_contender(&columns.contenders, c->entries[j].name);
            columns.how = columns.how || (strcmp(c->entries[j].name, "stoa") == 0 && c->entries[j].how[0]);
        }
    }
    return columns;
}

static void print_head(const struct columns *columns, FILE *out)
{
    const char *unit = columns->networks ? "ms" : "µs";
    char text[BENCH_NAME + 16];
    fputs("<thead><tr>", out);
    head("", "case", out);
    if (columns->batch)
        head(NUMBER, "batch", out);
    head(NUMBER, "threads", out);
    snprintf(text, sizeof text, "stoa, %s", unit);
    head(NUMBER, text, out);
    head(NUMBER, "p10–p90", out);
    head(NUMBER, "peer / stoa", out);
    head(NUMBER, "95 % interval", out);
    head("", "stoa is", out);
    head(NUMBER, "target", out);
    if (columns->rate)
        head(NUMBER, columns->trains ? "images/s" : "GFLOP/s", out);
    if (columns->rate && !columns->trains)
        head(NUMBER, "% of peak", out);
    if (columns->intensity)
        head(NUMBER, "operations a byte", out);
    for (size_t i = 0; i < columns->contenders.count; i++) {
        snprintf(text, sizeof text, "%s, %s", columns->contenders.names[i], unit);
        head(NUMBER, text, out);
    }
    if (columns->networks) {
        head(NUMBER, "load, s", out);
        head(NUMBER, "peer’s load, s", out);
        head(NUMBER, "peak, MB", out);
        head(NUMBER, "peer’s peak, MB", out);
    }
    head(ASIDE, "shape", out);
    if (columns->how)
        head(ASIDE, "how", out);
    fputs("</tr></thead><tbody>\n", out);
}

static double median(const struct entry *entry)
{
    return stoa_bench_quantile(entry->count, entry->samples, 0.5);
}

static void print_contender(const struct bench_case *c, const char *name, size_t threads, int digits, FILE *out)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        const struct entry *entry = &c->entries[i];
        if (strcmp(entry->name, name) != 0 || !stoa_bench_in_row(entry, threads))
            continue;
        if (entry->state == ENTRY_WRONG)
            fputs(WRONG_CELL, out);
        else
            stoa_bench_report_number(median(entry), digits, stoa_bench_unit(c), out);
        return;
    }
    stoa_bench_report_number(0, 0, 1, out);
}

static void print_spread(const struct entry *entry, int digits, double unit, FILE *out)
{
    double low = stoa_bench_quantile(entry->count, entry->samples, 0.1);
    double high = stoa_bench_quantile(entry->count, entry->samples, 0.9);
    if (entry->count)
        fprintf(out, "<td class=\"n\" data-value=\"%.6g\" data-high=\"%.6g\">%.*f–%.*f</td>", low, high, digits,
                unit * low, digits, unit * high);
    else
        stoa_bench_report_number(0, 0, 1, out);
}

static void print_row(const struct record *record, const struct bench_case *c, size_t subject,
                      const struct columns *columns, FILE *out)
{
    const struct entry *stoa = &c->entries[subject];
    size_t peer = stoa_bench_best_peer(c, subject, 0);
    struct estimate ratio = peer == BENCH_NONE ? (struct estimate){0} : stoa_bench_ratio(c, peer);
    enum verdict verdict = stoa_bench_verdict(&ratio);
    double unit = stoa_bench_unit(c), rate = stoa_bench_rate(c, stoa);
    double peak = record->machine.peak_gflops * (double)stoa->threads;
    int digits = unit > 1e3 ? 0 : 2;
    fputs("<tr><th scope=\"row\">", out);
    stoa_bench_html_text(c->name, out);
    fputs("</th>", out);
    if (columns->batch)
        stoa_bench_report_number((double)c->batch, 0, 1, out);
    stoa_bench_report_number((double)stoa->threads, 0, 1, out);
    if (stoa->state == ENTRY_WRONG)
        fputs(WRONG_CELL, out);
    else
        stoa_bench_report_number(median(stoa), digits, unit, out);
    print_spread(stoa, digits, unit, out);
    stoa_bench_report_ratio(&ratio, verdict == VERDICT_INCONCLUSIVE ? "undecided" : stoa_bench_verdict_name(verdict),
                            stoa_bench_verdict_name(verdict), out);
    stoa_bench_report_number(peer == BENCH_NONE ? 0 : c->entries[peer].target, 2, 1, out);
    if (columns->rate)
        stoa_bench_report_number(rate, columns->trains ? 0 : 1, 1, out);
    if (columns->rate && !columns->trains)
        stoa_bench_report_number(peak > 0 ? rate / peak : 0, 0, 100, out);
    if (columns->intensity)
        stoa_bench_report_number(c->bytes > 0 ? c->flops / c->bytes : 0, 1, 1, out);
    for (size_t i = 0; i < columns->contenders.count; i++)
        print_contender(c, columns->contenders.names[i], stoa->threads, digits, out);
    if (columns->networks) {
        stoa_bench_report_number(stoa->setup, 3, 1, out);
        stoa_bench_report_number(peer == BENCH_NONE ? 0 : c->entries[peer].setup, 3, 1, out);
        stoa_bench_report_number(stoa->peak, 0, 1e-6, out);
        stoa_bench_report_number(peer == BENCH_NONE ? 0 : c->entries[peer].peak, 0, 1e-6, out);
    }
    text_cell(ASIDE, c->shape, out);
    if (columns->how)
        text_cell(ASIDE, stoa->how, out);
    fputs("</tr>\n", out);
}

void stoa_bench_report_table(const struct record *record, const char *suite, const char *title, FILE *out)
{
    struct columns columns = find_columns(record, suite);
    fputs("<div class=\"scroll\" tabindex=\"0\"><table class=\"sort\"><caption>", out);
    stoa_bench_html_format(out, "%s: every case", title);
    fputs("</caption>", out);
    print_head(&columns, out);
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; strcmp(record->cases[i].suite, suite) == 0 && j < record->cases[i].entry_count; j++)
            if (strcmp(record->cases[i].entries[j].name, "stoa") == 0)
                print_row(record, &record->cases[i], j, &columns, out);
    fputs("</tbody></table></div>\n", out);
}

static void fact(const char *name, const char *text, FILE *out)
{
    fputs("<tr><th scope=\"row\">", out);
    stoa_bench_html_text(name, out);
    fputs("</th>", out);
    text_cell("", text, out);
    fputs("</tr>\n", out);
}

/* A measured number with its unit, or that it was not measured. */
static void measured(const char *name, double value, int digits, const char *unit, FILE *out)
{
    char text[64] = "not measured";
    if (value > 0)
        snprintf(text, sizeof text, "%.*f %s", digits, value, unit);
    fact(name, text, out);
}

void stoa_bench_report_machine(const struct record *record, FILE *out)
{
    const struct machine *m = &record->machine;
    const char *dirty = strstr(m->commit, "-dirty");
    fputs("<h3>Machine and how to repeat it</h3>\n<table class=\"facts\"><caption>", out);
    stoa_bench_html_format(out, "%s was measured with", record->command);
    fputs("</caption><tbody>\n", out);
    fact("CPU", m->cpu, out);
    measured("clock seen", m->megahertz, 0, "MHz", out);
    measured("peak of one thread", m->peak_gflops, 1, "GFLOP/s, fused multiply-adds in registers", out);
    measured("copying, one thread", m->copy_gbytes, 1, "GB/s beyond the caches, each byte counted once", out);
    fact("BLAS", m->blas, out);
    fact("its kernels", m->core, out);
    fact("compiler", m->compiler, out);
    fact("build", m->flags, out);
    fact("commit", m->commit, out);
    fputs("</tbody></table>\n<pre>", out);
    if (strcmp(m->commit, "unknown") != 0)
        stoa_bench_html_format(out, "git checkout %.*s%s", (int)(dirty ? dirty - m->commit : BENCH_TEXT), m->commit,
                               dirty ? "    # and changes that were not committed" : "");
    fputs("\nmeson setup build/release &amp;&amp; meson compile -C build/release\nbuild/release/src/cli/", out);
    stoa_bench_html_text(record->command, out);
    fputs("</pre>\n", out);
}
