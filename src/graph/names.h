/* A hash table from names to numbers. Keyed by an address (SipHash), so that a file cannot be made whose names collide:
 * every operation takes constant time on average for any input. */
#ifndef STOA_GRAPH_NAMES_H
#define STOA_GRAPH_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>

#define NAMES_NONE ((size_t)-1)

struct name_slot {
    const char *name; /* null: free */
    uint32_t hash, number;
};

struct name_table {
    struct stoa_allocator allocator;
    struct name_slot *slots;
    size_t count, capacity; /* capacity is 0 or a power of two */
    uint64_t key;
};

void stoa_names_init(struct name_table *table, const struct stoa_allocator *allocator);
void stoa_names_deinit(struct name_table *table);
/* The name's number, or NAMES_NONE. */
size_t stoa_names_find(const struct name_table *table, const char *name);
/* Adds a name that is not in the table; the string must outlive the table. */
STOA_CHECKED enum stoa_status stoa_names_add(struct name_table *table, const char *name, size_t number,
                                             struct stoa_error *error);

#endif
