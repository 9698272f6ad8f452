/* The program that tests/run builds with ThreadSanitizer, whose memory Criterion cannot share. */
#include <stdio.h>

#include "threads/together.h"

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < together_count; i++) {
        const char *wrong = together_rows[i].run();
        printf("%s  %s  %s\n", wrong ? "FAILED" : "ok", together_rows[i].name, wrong ? wrong : "");
        failed |= wrong != NULL;
    }
    return failed;
}
