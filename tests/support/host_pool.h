/* Pools as a host might bring them. */
#ifndef TESTS_SUPPORT_HOST_POOL_H
#define TESTS_SUPPORT_HOST_POOL_H

#include <stoa/host.h>

/* Runs tasks on the calling thread, last first, as any worker. */
struct stoa_pool host_pool_serial(size_t workers);
/* Starts so many threads for every loop. */
struct stoa_pool host_pool_threads(size_t workers);

#endif
