/* Pages of HTML: the numbers of the record, nothing that could run or be fetched, nothing half-written. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/json.h"
#include "bench/report.h"
#include "bench/sample.h"
#include "support/command.h"
#include "support/temporary.h"

static char *page_of(const struct record *record, const struct record *old)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    cr_assert(memory);
    if (old)
        stoa_bench_report_changes(old, record, 0.05, memory);
    else
        stoa_bench_report(1, record, memory);
    fclose(memory);
    return text;
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

/* A page that needs nothing else: no address but places within it, and a rule that forbids the browser to fetch. */
static void expect_alone(const char *name, const char *page)
{
    static const char *const outside[] = {"http:", "https:", "//cdn", "src=", "@import", "url(", "<link rel=\"style"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        cr_expect(!strstr(page, outside[i]), "%s: has %s", name, outside[i]);
    cr_expect(occurrences(page, "href=") == occurrences(page, "href=\"#") + occurrences(page, "href=\"data:,\""),
              "%s: a link leaves the page", name);
    cr_expect(strstr(page, "default-src 'none'"), "%s", name);
    cr_expect(strncmp(page, "<!DOCTYPE html>", 15) == 0 && strstr(page, "</html>"), "%s", name);
}

static void expect_number(const char *name, const char *page, const char *attribute, double value)
{
    char text[64];
    snprintf(text, sizeof text, "%s=\"%.6g\"", attribute, value);
    cr_expect(strstr(page, text), "%s: %s is not on the page", name, text);
}

/* Every time and every ratio of peers. */
static void expect_numbers(const struct record *record, const char *page)
{
    for (size_t i = 0; i < record->case_count; i++) {
        const struct bench_case *c = &record->cases[i];
        for (size_t j = 0; j < c->entry_count; j++) {
            const struct entry *entry = &c->entries[j];
            if (entry->count)
                expect_number(c->name, page, "data-value", stoa_bench_quantile(entry->count, entry->samples, 0.5));
        }
    }
}

struct page_check {
    const struct record *record;
    const char *page;
    size_t bars;
};

static void check_summary(void *user, const struct summary *summary)
{
    struct page_check *check = user;
    expect_number(summary->family, check->page, "data-value", summary->mean);
    for (size_t i = 0; !summary->group && i < check->record->case_count; i++) {
        const struct bench_case *c = &check->record->cases[i];
        size_t entry = stoa_bench_summary_entry(summary, c);
        if (entry == BENCH_NONE)
            continue;
        struct estimate ratio = stoa_bench_ratio(c, entry);
        char text[256];
        snprintf(text, sizeof text,
                 "data-name=\"%s\" data-value=\"%.6g\" data-low=\"%.6g\" data-high=\"%.6g\" data-verdict=\"%s\"",
                 c->name, ratio.value, ratio.low, ratio.high, stoa_bench_verdict_name(stoa_bench_verdict(&ratio)));
        cr_expect(strstr(check->page, text), "there is no bar %s", text);
        check->bars++;
    }
}

static void expect_page(const char *name, const struct record *record, const char *page)
{
    struct page_check check = {.record = record, .page = page};
    expect_alone(name, page);
    expect_numbers(record, page);
    stoa_bench_summaries(record, check_summary, &check);
    cr_expect(check.bars > 0 && occurrences(page, "data-verdict=") == check.bars, "%s: %zu bars", name, check.bars);
    cr_expect(occurrences(page, "<caption>") == occurrences(page, "<table"), "%s: a table without a caption", name);
    cr_expect(!strstr(page, "<th>") && occurrences(page, "<th scope=") + 1 >= occurrences(page, "<th "), "%s", name);
    cr_expect(strstr(page, record->command) && strstr(page, record->machine.commit), "%s", name);
}

Test(html, a_page_holds_the_numbers_of_the_record)
{
    struct record record;
    sample_record(1e-3, 7, &record);
    char *page = page_of(&record, NULL);
    expect_page("sample", &record, page);
    cr_expect(strstr(page, "data-target=\"1.1\"") && strstr(page, "off by 3"), "%s", page);
    cr_expect(!strstr(page, "class=\"roofline\""), "a roofline of unknown bytes");
    free(page);
    stoa_bench_record_free(&record);
}

Test(html, kept_results_give_pages)
{
    char folder[4096], path[8192], page_path[TEMPORARY_PATH], *page = calloc(1, 1 << 22);
    snprintf(folder, sizeof folder, "%s/bench/results", getenv("STOA_SOURCE_ROOT"));
    DIR *directory = opendir(folder);
    cr_assert(directory && page);
    temporary_file("", page_path);
    size_t results = 0;
    for (struct dirent *item; (item = readdir(directory));) {
        struct record record;
        struct stoa_error error;
        if (!strstr(item->d_name, ".json"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        const struct command_outcome *outcome =
            command_run((const char *const[]){"bench", "--html", page_path, "--from", path, NULL});
        cr_assert(outcome->status == 0 && !outcome->out[0], "%s%s", outcome->out, outcome->err);
        cr_assert(stoa_bench_read_json(path, &error, &record) == STOA_OK, "%s", error.message);
        FILE *file = fopen(page_path, "r");
        cr_assert(file);
        page[fread(page, 1, (1 << 22) - 1, file)] = '\0';
        fclose(file);
        expect_page(item->d_name, &record, page);
        stoa_bench_record_free(&record);
        results++;
    }
    cr_expect(results > 0);
    closedir(directory);
    unlink(page_path);
    free(page);
}

Test(html, text_stays_text)
{
    struct record record;
    sample_record(1e-3, 7, &record);
    struct bench_case *c = &record.cases[0];
    stoa_bench_set(sizeof c->name, c->name, "<script>alert('1')</script>");
    stoa_bench_set(sizeof c->shape, c->shape, "a & b \"c\" <\x01>");
    stoa_bench_set(sizeof c->entries[1].family, c->entries[1].family, "<i>");
    stoa_bench_set(sizeof c->entries[2].family, c->entries[2].family, "<i>");
    stoa_bench_set(sizeof record.command, record.command, "stoa bench </pre><b>");
    stoa_bench_set(sizeof record.machine.commit, record.machine.commit, "</td>\"onload='x'");
    char *pages[] = {page_of(&record, NULL), page_of(&record, &record)};
    for (int i = 0; i < 2; i++) {
        cr_expect(occurrences(pages[i], "<script>") == 1, "page %d", i);
        cr_expect(!strstr(pages[i], "<i>") && !strstr(pages[i], "</pre><b>") && !strstr(pages[i], "\"onload"),
                  "page %d", i);
        cr_expect(strstr(pages[i], "data-name=\"&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\""), "page %d", i);
        cr_expect(strstr(pages[i], "a &quot;CPU&quot;"), "page %d", i);
        free(pages[i]);
    }
    stoa_bench_record_free(&record);
}

Test(html, what_is_not_decided_is_marked)
{
    static const struct {
        const char *name;
        size_t rounds, undecided;
    } rows[] = {{"enough rounds", 7, 0}, {"too few rounds", 5, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record record;
        sample_record(1e-3, rows[i].rounds, &record);
        char *page = page_of(&record, NULL);
        cr_expect(occurrences(page, "data-verdict=\"inconclusive\"") == rows[i].undecided, "%s", rows[i].name);
        cr_expect(occurrences(page, "<td class=\"undecided\">inconclusive</td>") == rows[i].undecided, "%s",
                  rows[i].name);
        free(page);
        stoa_bench_record_free(&record);
    }
}

Test(html, a_roofline_has_a_point_for_stoa_and_its_fastest_peer)
{
    struct record record;
    sample_record(1e-3, 7, &record);
    record.cases[0].bytes = 1e7;
    record.machine.peak_gflops = 2000;
    record.machine.copy_gbytes = 8;
    char *page = page_of(&record, NULL), text[160];
    const struct entry *stoa = &record.cases[0].entries[0], *peer = &record.cases[0].entries[2];
    snprintf(text, sizeof text, "data-who=\"stoa\" data-intensity=\"100\" data-gflops=\"%.6g\"",
             1 / stoa_bench_quantile(stoa->count, stoa->samples, 0.5));
    cr_expect(strstr(page, text), "no %s", text);
    snprintf(text, sizeof text, "data-who=\"onednn-winograd\" data-intensity=\"100\" data-gflops=\"%.6g\"",
             1 / stoa_bench_quantile(peer->count, peer->samples, 0.5));
    cr_expect(strstr(page, text), "no %s", text);
    cr_expect(strstr(page, "class=\"roofs\" data-gflops=\"2000\" data-gbytes=\"16\""),
              "copying reads and writes each byte");
    free(page);
    stoa_bench_record_free(&record);
}

Test(html, a_record_without_cases_or_times_gives_a_page)
{
    struct record record = {.command = "stoa bench layers"};
    char *page = page_of(&record, NULL);
    expect_alone("no cases", page);
    free(page);
    sample_record(1e-3, 0, &record);
    for (size_t i = 0; i < 3; i++)
        record.cases[0].entries[i].state = ENTRY_WRONG;
    page = page_of(&record, NULL);
    expect_alone("nothing timed", page);
    cr_expect(strstr(page, "WRONG") && !strstr(page, "inf") && !strstr(page, "nan\""), "%s", page);
    free(page);
    page = page_of(&record, &record);
    expect_alone("nothing to compare", page);
    free(page);
    stoa_bench_record_free(&record);
}

Test(html, old_against_new)
{
    static const struct {
        const char *name;
        double after;
        const char *verdict;
    } rows[] = {{"slower", 2e-3, "SLOWER"}, {"faster", 0.5e-3, "faster"}, {"a trifle", 1.04e-3, "within tolerance"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record old, new;
        char before[TEMPORARY_PATH], after[TEMPORARY_PATH], page_path[TEMPORARY_PATH], text[64], page[65536];
        sample_record(1e-3, 7, &old);
        sample_record(rows[i].after, 7, &new);
        sample_write(&old, before);
        sample_write(&new, after);
        temporary_file("", page_path);
        const struct command_outcome *outcome =
            command_run((const char *const[]){"bench", "--compare", before, after, "--html", page_path, NULL});
        cr_expect(outcome->status == (i == 0) && strstr(outcome->out, "before / after"), "%s: %s", rows[i].name,
                  outcome->err);
        FILE *file = fopen(page_path, "r");
        cr_assert(file);
        page[fread(page, 1, sizeof page - 1, file)] = '\0';
        fclose(file);
        snprintf(text, sizeof text, "data-verdict=\"%s\"", rows[i].verdict);
        expect_alone(rows[i].name, page);
        cr_expect(strstr(page, text) && strstr(page, "data-drift="), "%s: no %s", rows[i].name, text);
        expect_number(rows[i].name, page, "data-value", 1e-3 / rows[i].after);
        unlink(before);
        unlink(after);
        unlink(page_path);
        stoa_bench_record_free(&old);
        stoa_bench_record_free(&new);
    }
}

#define PAGE "PAGE" /* a path where there is none */

Test(html, nothing_is_left_when_there_is_nothing_to_show)
{
    static const struct {
        const char *name, *words[7];
        int status;
        const char *says;
    } rows[] = {
        {"no results", {"bench", "--html", PAGE}, 2, "usage"},
        {"no --from", {"bench", "--html", PAGE, "--form", "a.json"}, 2, "usage"},
        {"not there", {"bench", "--html", PAGE, "--from", "/nowhere.json"}, 1, "/nowhere.json"},
        {"no record", {"bench", "--html", PAGE, "--from", "/dev/null"}, 1, "/dev/null"},
        {"a comparison with nothing",
         {"bench", "--compare", "/nowhere.json", "/nowhere.json", "--html", PAGE},
         1,
         "/nowhere.json"},
        {"no folder to write to", {"bench", "gemm", "--rounds=1", "--html", "/nowhere/page.html"}, 1, "/nowhere/"},
    };
    char folder[TEMPORARY_PATH], page[TEMPORARY_PATH + 16];
    temporary_folder(folder);
    snprintf(page, sizeof page, "%s/page.html", folder);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *words[7];
        for (size_t w = 0; w < 7; w++)
            words[w] = rows[i].words[w] && strcmp(rows[i].words[w], PAGE) == 0 ? page : rows[i].words[w];
        const struct command_outcome *outcome = command_run(words);
        cr_expect(outcome->status == rows[i].status && strstr(outcome->err, rows[i].says), "%s: %d: %s", rows[i].name,
                  outcome->status, outcome->err);
        cr_expect(access(page, F_OK) != 0, "%s: there is a page", rows[i].name);
    }
    cr_expect(rmdir(folder) == 0, "something was left in %s", folder);
}

Test(html, a_measurement_writes_its_page_besides)
{
    char page_path[TEMPORARY_PATH], json_path[TEMPORARY_PATH], *page = calloc(1, 1 << 18);
    struct record record;
    struct stoa_error error;
    temporary_file("", page_path);
    temporary_file("", json_path);
    const struct command_outcome *outcome =
        command_run((const char *const[]){"bench", "layers", "--filter=lenet1", "--rounds=2", "--seconds=0", "--html",
                                          page_path, "--format=json", "--output", json_path, NULL});
    cr_assert(outcome->status == 0, "%s", outcome->err);
    cr_assert(stoa_bench_read_json(json_path, &error, &record) == STOA_OK, "%s", error.message);
    cr_expect(!strstr(record.command, "html") && record.cases[0].bytes > 0 && record.machine.copy_gbytes > 0, "%s",
              record.command);
    FILE *file = fopen(page_path, "r");
    cr_assert(file && page && fread(page, 1, (1 << 18) - 1, file) > 0);
    fclose(file);
    /* Not the numbers: those of JSON are rounded to six digits before medians and ratios are made of them. */
    expect_alone("lenet1", page);
    cr_expect(strstr(page, "class=\"roofline\"") && strstr(page, "data-name=\"lenet1\""));
    stoa_bench_record_free(&record);
    unlink(page_path);
    unlink(json_path);
    free(page);
}
