/* A page of HTML that is one file: style, script and pictures are in it, and it asks for nothing else. */
#ifndef STOA_BENCH_HTML_H
#define STOA_BENCH_HTML_H

#include <stdio.h>

/* Everything up to the first heading, which is the title; then everything after the last word. */
void stoa_bench_html_begin(const char *title, FILE *out);
void stoa_bench_html_end(FILE *out);

/* Text that may hold anything, between tags or in an attribute's quotes. */
void stoa_bench_html_text(const char *text, FILE *out);
/* The same for what a format makes, up to 1023 bytes. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void stoa_bench_html_format(FILE *out, const char *format, ...);

#endif
