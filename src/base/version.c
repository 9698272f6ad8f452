/* The version, which meson.build states. */
#include <stoa/stoa.h>

const char *stoa_version(void)
{
    return STOA_VERSION;
}
