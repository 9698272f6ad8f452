/* How large the caches are: for cutting work up. */
#ifndef STOA_BASE_CACHE_H
#define STOA_BASE_CACHE_H

#include <stddef.h>

/* Bytes of a core's own cache behind the first one, L2 on most CPUs; a usual size where the system does not tell. */
size_t stoa_cache_bytes(void);

#endif
