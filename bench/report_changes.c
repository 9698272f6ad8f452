/* The page of a comparison: an older record beside a newer one. */
#include <stdlib.h>

#include "chart.h"
#include "compare.h"
#include "html.h"
#include "report.h"
#include "table.h"

/* Changes in the order in which they were found. */
struct changes {
    size_t count, room;
    struct change *items;
};

static void keep(void *user, const struct change *change)
{
    struct changes *changes = user;
    if (changes->count < changes->room)
        changes->items[changes->count++] = *change;
}

static const char *look_name(enum change_kind kind)
{
    return kind == CHANGE_FASTER ? "faster" : kind == CHANGE_SLOWER ? "slower" : "undecided";
}

static void print_chart(const struct changes *changes, FILE *out)
{
    struct bar *bars = calloc(changes->count + 1, sizeof *bars);
    for (size_t i = 0; bars && i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        bars[i] = (struct bar){.ratio = change->ratio,
                               .look = change->kind == CHANGE_FASTER   ? BAR_FASTER
                                       : change->kind == CHANGE_SLOWER ? BAR_SLOWER
                                                                       : BAR_UNDECIDED,
                               .word = stoa_bench_change_name(change->kind)};
        stoa_bench_set(sizeof bars[i].name, bars[i].name, change->c->name);
        snprintf(bars[i].detail, sizeof bars[i].detail, "%s, %zu thread%s", change->after->name, change->after->threads,
                 change->after->threads == 1 ? "" : "s");
    }
    if (bars)
        stoa_bench_bars("What changed", "time before / after: above 1 it became faster", changes->count, bars, out);
    free(bars);
}

static void print_rows(const struct changes *changes, FILE *out)
{
    fputs("<div class=\"scroll\" tabindex=\"0\"><table class=\"sort\"><caption>Every pair</caption><thead><tr>"
          "<th scope=\"col\">case</th><th scope=\"col\">suite</th><th scope=\"col\" class=\"n\">batch</th>"
          "<th scope=\"col\">contender</th><th scope=\"col\" class=\"n\">threads</th>"
          "<th scope=\"col\" class=\"n\">before, µs</th><th scope=\"col\" class=\"n\">after, µs</th>"
          "<th scope=\"col\" class=\"n\">before / after</th><th scope=\"col\" class=\"n\">interval</th>"
          "<th scope=\"col\">verdict</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        fputs("<tr><th scope=\"row\">", out);
        stoa_bench_html_text(change->c->name, out);
        fputs("</th><td>", out);
        stoa_bench_html_format(out, "%s%s", change->c->suite, change->c->cold ? ", cold" : "");
        fputs("</td>", out);
        stoa_bench_report_number((double)change->c->batch, 0, 1, out);
        fputs("<td>", out);
        stoa_bench_html_text(change->after->name, out);
        fputs("</td>", out);
        stoa_bench_report_number((double)change->after->threads, 0, 1, out);
        stoa_bench_report_number(stoa_bench_quantile(change->before->count, change->before->samples, 0.5), 1, 1e6, out);
        stoa_bench_report_number(stoa_bench_quantile(change->after->count, change->after->samples, 0.5), 1, 1e6, out);
        stoa_bench_report_ratio(&change->ratio, look_name(change->kind), stoa_bench_change_name(change->kind), out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static void print_verdict(const struct record *old, const struct record *new, const struct change_counts *counts,
                          const struct drift *drift, double tolerance, FILE *out)
{
    fprintf(out,
            "<ul class=\"cards\">\n<li><b>%zu</b> faster</li>\n<li><b>%zu</b> slower</li>\n"
            "<li><b>%zu</b> undecided or within %.0f %%</li>\n",
            counts->faster, counts->slower, counts->inconclusive, 100 * tolerance);
    if (counts->only_old || counts->only_new)
        fprintf(out, "<li><b>%zu, %zu</b> only before, only after</li>\n", counts->only_old, counts->only_new);
    if (drift->peers)
        fprintf(out,
                "<li><b data-drift=\"%.6g\">%.3f</b> the machine itself: before / after of %zu peers, which did not "
                "change</li>\n",
                drift->ratio, drift->ratio, drift->peers);
    fputs("</ul>\n", out);
    if (!stoa_bench_same_machine(&old->machine, &new->machine)) {
        fputs("<p><strong>Not the same machine:</strong> ", out);
        stoa_bench_html_format(out, "%s on %s, then %s on %s.", old->machine.cpu, old->machine.core, new->machine.cpu,
                               new->machine.core);
        fputs("</p>\n", out);
    }
}

void stoa_bench_report_changes(const struct record *old, const struct record *new, double tolerance, FILE *out)
{
    struct changes changes = {0};
    struct change_counts counts;
    struct drift drift;
    for (size_t i = 0; i < new->case_count; i++)
        changes.room += new->cases[i].entry_count;
    changes.items = calloc(changes.room + 1, sizeof *changes.items);
    if (!changes.items)
        changes.room = 0;
    stoa_bench_changes(old, new, tolerance, keep, &changes, &counts, &drift);
    stoa_bench_html_begin("Stoa: benchmark, before and after", out);
    fputs("<p class=\"muted\">", out);
    stoa_bench_html_format(out, "Commit %s, then %s, on %s.", old->machine.commit, new->machine.commit,
                           new->machine.cpu);
    fputs("</p>\n", out);
    print_verdict(old, new, &counts, &drift, tolerance, out);
    if (changes.count) {
        print_chart(&changes, out);
        print_rows(&changes, out);
    }
    fprintf(out,
            "<p>Medians of two measurements, with an interval from both medians' own. It is faster or slower when the "
            "interval does not hold 1 and the change is more than %.0f %%: neither noise nor a trifle is accused. "
            "With fewer than 6 rounds nothing is decided.</p>\n<h2>Before</h2>\n",
            100 * tolerance);
    stoa_bench_report_machine(old, out);
    fputs("<h2>After</h2>\n", out);
    stoa_bench_report_machine(new, out);
    stoa_bench_html_end(out);
    free(changes.items);
}
