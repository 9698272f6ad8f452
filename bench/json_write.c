/* Writing: cJSON builds a case, which is printed on a line of its own. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "json.h"

/* Numbers with as many digits as mean something; times are never known to more than six. */
static cJSON *number(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", isfinite(value) ? value : 0.0);
    return cJSON_CreateRaw(text);
}

static void add_number(cJSON *object, const char *name, double value)
{
    cJSON_AddItemToObject(object, name, number(value));
}

/* Whole numbers keep all their digits. */
static void add_count(cJSON *object, const char *name, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.0f", value);
    cJSON_AddItemToObject(object, name, cJSON_CreateRaw(text));
}

static void print_line(cJSON *item, FILE *out)
{
    char *text = cJSON_PrintUnformatted(item);
    fputs(text ? text : "null", out);
    cJSON_free(text);
    cJSON_Delete(item);
}

static cJSON *machine_object(const struct machine *machine)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "cpu", machine->cpu);
    add_number(object, "megahertz", machine->megahertz);
    add_number(object, "peak_gflops", machine->peak_gflops);
    add_number(object, "copy_gbytes", machine->copy_gbytes);
    cJSON_AddStringToObject(object, "blas", machine->blas);
    cJSON_AddStringToObject(object, "core", machine->core);
    cJSON_AddStringToObject(object, "compiler", machine->compiler);
    cJSON_AddStringToObject(object, "flags", machine->flags);
    cJSON_AddStringToObject(object, "commit", machine->commit);
    return object;
}

static void add_ratio(cJSON *object, const struct bench_case *c, size_t index)
{
    struct estimate ratio = stoa_bench_ratio(c, index);
    if (ratio.value <= 0)
        return;
    cJSON *to = cJSON_AddObjectToObject(object, "ratio");
    add_number(to, "value", ratio.value);
    add_number(to, "low", ratio.low);
    add_number(to, "high", ratio.high);
    cJSON_AddStringToObject(to, "verdict", stoa_bench_verdict_name(stoa_bench_verdict(&ratio)));
}

static cJSON *entry_object(const struct bench_case *c, size_t index)
{
    const struct entry *entry = &c->entries[index];
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", entry->name);
    cJSON_AddStringToObject(object, "family", entry->family);
    cJSON_AddStringToObject(object, "how", entry->how);
    cJSON_AddStringToObject(object, "state", stoa_bench_state_name(entry->state));
    if (entry->message[0])
        cJSON_AddStringToObject(object, "message", entry->message);
    cJSON_AddBoolToObject(object, "ours", entry->ours);
    add_count(object, "threads", (double)entry->threads);
    if (entry->setup > 0)
        add_number(object, "setup_seconds", entry->setup);
    if (entry->peak > 0) {
        add_count(object, "peak_bytes", entry->peak);
        add_count(object, "base_bytes", entry->base);
    }
    if (entry->rival != BENCH_NONE)
        add_count(object, "rival", (double)entry->rival);
    if (entry->target > 0)
        add_number(object, "target", entry->target);
    add_ratio(object, c, index);
    add_number(object, "median", stoa_bench_quantile(entry->count, entry->samples, 0.5));
    cJSON *seconds = cJSON_AddArrayToObject(object, "seconds");
    for (size_t i = 0; i < entry->count; i++)
        cJSON_AddItemToArray(seconds, number(entry->samples[i]));
    return object;
}

static cJSON *case_object(const struct bench_case *c)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "suite", c->suite);
    cJSON_AddStringToObject(object, "name", c->name);
    cJSON_AddStringToObject(object, "group", c->group);
    cJSON_AddStringToObject(object, "shape", c->shape);
    add_count(object, "batch", (double)c->batch);
    cJSON_AddBoolToObject(object, "cold", c->cold);
    if (c->flops > 0)
        add_count(object, "flops", c->flops);
    if (c->bytes > 0)
        add_count(object, "bytes", c->bytes);
    cJSON *entries = cJSON_AddArrayToObject(object, "entries");
    for (size_t i = 0; i < c->entry_count; i++)
        cJSON_AddItemToArray(entries, entry_object(c, i));
    return object;
}

void stoa_bench_write_json(const struct record *record, FILE *out)
{
    fputs("{\"format\":", out);
    print_line(cJSON_CreateString(BENCH_FORMAT), out);
    fputs(",\n\"command\":", out);
    print_line(cJSON_CreateString(record->command), out);
    fputs(",\n\"machine\":", out);
    print_line(machine_object(&record->machine), out);
    fputs(",\n\"cases\":[", out);
    for (size_t i = 0; i < record->case_count; i++) {
        fputs(i ? ",\n" : "\n", out);
        print_line(case_object(&record->cases[i]), out);
    }
    fputs("\n]}\n", out);
}

/* A field of CSV: in quotes, quotes doubled, where it has a comma, a quote or a line's end. */
static void csv_text(const char *text, FILE *out)
{
    bool quote = false;
    for (const char *c = text; *c; c++)
        quote = quote || *c == ',' || *c == '"' || *c == '\n';
    if (!quote) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            fputc('"', out);
        fputc(*c, out);
    }
    fputc('"', out);
}

static void csv_entry(const struct bench_case *c, size_t index, FILE *out)
{
    const struct entry *entry = &c->entries[index];
    csv_text(c->suite, out);
    fputc(',', out);
    csv_text(c->name, out);
    fputc(',', out);
    csv_text(c->group, out);
    fprintf(out, ",%zu,%s,", c->batch, c->cold ? "cold" : "warm");
    csv_text(entry->name, out);
    fprintf(out, ",%s,%zu,", entry->ours ? "yes" : "no", entry->threads);
    csv_text(entry->how, out);
    fprintf(out, ",%s,%zu", stoa_bench_state_name(entry->state), entry->count);
    static const double shares[] = {0, 0.1, 0.5, 0.9};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (entry->count)
            fprintf(out, ",%.6g", stoa_bench_quantile(entry->count, entry->samples, shares[i]));
        else
            fputc(',', out);
    fprintf(out, ",%.6g,%.0f,", entry->setup, entry->peak);
    struct estimate ratio = stoa_bench_ratio(c, index);
    if (ratio.value > 0) {
        csv_text(c->entries[entry->rival].name, out);
        fprintf(out, ",%zu,%.4f,%.4f,%.4f,%s,%.4g\n", c->entries[entry->rival].threads, ratio.value, ratio.low,
                ratio.high, stoa_bench_verdict_name(stoa_bench_verdict(&ratio)), entry->target);
    } else {
        fputs(",,,,,,\n", out);
    }
}

void stoa_bench_write_csv(const struct record *record, FILE *out)
{
    fputs("suite,case,group,batch,cache,contender,ours,threads,how,state,rounds,least,p10,median,p90,setup_seconds,"
          "peak_bytes,rival,rival_threads,ratio,ratio_low,ratio_high,verdict,target\n",
          out);
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; j < record->cases[i].entry_count; j++)
            csv_entry(&record->cases[i], j, out);
}
