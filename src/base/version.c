/* The version, which meson.build states; the headers state it too (tests/base holds them together). */
#include <stoa/stoa.h>

const char *stoa_version(void)
{
    return STOA_PROJECT_VERSION;
}
