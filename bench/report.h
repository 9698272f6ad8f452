/* Records as one page of HTML, for people to look at: charts, tables, the machine, and how to repeat it. */
#ifndef STOA_BENCH_REPORT_H
#define STOA_BENCH_REPORT_H

#include <stdio.h>

#include "record.h"

/* Kept results of one or several measurements. */
void stoa_bench_report(size_t count, const struct record *records, FILE *out);
/* What changed between two, judged as stoa_bench_changes says. */
void stoa_bench_report_changes(const struct record *old, const struct record *new, double tolerance, FILE *out);

/* The machine as a table, and the commands that repeat the measurement. Part of both pages. */
void stoa_bench_report_machine(const struct record *record, FILE *out);
/* A cell: what is read, and the number it is sorted by; empty when the number is 0. */
void stoa_bench_report_number(double value, int digits, double unit, FILE *out);
/* A ratio, its interval and what is said of it, as three cells. */
void stoa_bench_report_ratio(const struct estimate *ratio, const char *look, const char *word, FILE *out);

#endif
