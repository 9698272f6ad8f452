#include "base/cache.h"

#include <unistd.h>

/* Sizes that some virtual machines make up are not believed. */
#define LEAST (256 << 10)
#define MOST (4 << 20)
#define USUAL (1 << 20)

size_t stoa_cache_bytes(void)
{
#ifdef _SC_LEVEL2_CACHE_SIZE
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes >= LEAST && bytes <= MOST)
        return (size_t)bytes;
#endif
    return USUAL;
}
