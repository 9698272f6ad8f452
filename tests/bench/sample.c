#include "bench/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/json.h"

static struct entry *add(struct bench_case *c, const char *name, const char *family, double seconds, size_t rounds)
{
    struct entry *entry;
    cr_assert(stoa_bench_add_entry(c, name, family, NULL, &entry) == STOA_OK);
    for (size_t i = 0; i < rounds; i++)
        cr_assert(stoa_bench_add_sample(entry, seconds * (1 + 0.001 * (double)i), NULL) == STOA_OK);
    if (c->entry_count > 1)
        entry->rival = 0;
    return entry;
}

void sample_record(double seconds, size_t rounds, struct record *record)
{
    struct bench_case *c;
    *record = (struct record){.command = "stoa bench layers",
                              .machine = {.cpu = "a \"CPU\"",
                                          .megahertz = 3000,
                                          .blas = "BLAS 1",
                                          .core = "Core",
                                          .compiler = "cc 1",
                                          .flags = "-O3",
                                          .commit = "0"}};
    cr_assert(stoa_bench_add_case(record, "layers", "res3", NULL, &c) == STOA_OK);
    stoa_bench_set(sizeof c->group, c->group, "dense");
    stoa_bench_set(sizeof c->shape, c->shape, "64→64, 8x8");
    c->flops = 1e9;
    struct entry *entry = add(c, "stoa", "stoa", seconds, rounds);
    entry->ours = true;
    entry->setup = 0.25;
    entry->peak = 4096;
    entry->base = 1024;
    add(c, "onednn-direct", "onednn", 1.5 * seconds, rounds)->target = 1.1;
    add(c, "onednn-winograd", "onednn", 1.2 * seconds, rounds)->target = 1.1;
    entry = add(c, "view", "view", 0, 0);
    entry->state = ENTRY_ABSENT;
    stoa_bench_set(sizeof entry->message, entry->message, "it has no, \"view\"");
    entry = add(c, "im2col", "im2col", 0, 0);
    entry->state = ENTRY_WRONG;
    stoa_bench_set(sizeof entry->message, entry->message, "off by 3");
}

void sample_write(const struct record *record, char path[TEMPORARY_PATH])
{
    temporary_file("", path);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    stoa_bench_write_json(record, file);
    cr_assert(fclose(file) == 0);
}
