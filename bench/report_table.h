/* The table of a page: a row for each case and number of threads. */
#ifndef STOA_BENCH_REPORT_TABLE_H
#define STOA_BENCH_REPORT_TABLE_H

#include <stdio.h>

#include "record.h"

void stoa_bench_report_table(const struct record *record, const char *suite, const char *title, FILE *out);

#endif
