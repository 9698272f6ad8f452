/* Open addressing with linear probing, at most half full. The hash is SipHash-2-4 (Aumasson and Bernstein, 2012), made
 * for just this use. */
#include "graph/names.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"

#define LEAST_CAPACITY 64

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void mix(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v);
    mix(v);
    v[0] ^= word;
}

static uint32_t hash_name(uint64_t key, const char *name)
{
    uint64_t v[4] = {key ^ UINT64_C(0x736f6d6570736575), ~key ^ UINT64_C(0x646f72616e646f6d),
                     key ^ UINT64_C(0x6c7967656e657261), ~key ^ UINT64_C(0x7465646279746573)};
    size_t length = strlen(name);
    uint64_t last = (uint64_t)length << 56;
    for (; length >= sizeof last; name += sizeof last, length -= sizeof last) {
        uint64_t word;
        memcpy(&word, name, sizeof word);
        absorb(v, word);
    }
    for (size_t i = 0; i < length; i++)
        last |= (uint64_t)(unsigned char)name[i] << (8 * i);
    absorb(v, last);
    v[2] ^= 0xff;
    for (int round = 0; round < 4; round++)
        mix(v);
    return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

void stoa_names_init(struct name_table *table, const struct stoa_allocator *allocator)
{
    *table = (struct name_table){.allocator = *allocator};
}

void stoa_names_deinit(struct name_table *table)
{
    stoa_release(&table->allocator, table->slots);
    table->slots = NULL;
    table->count = table->capacity = 0;
}

size_t stoa_names_find(const struct name_table *table, const char *name)
{
    if (!table->capacity)
        return NAMES_NONE;
    uint32_t hash = hash_name(table->key, name);
    for (size_t i = hash & (table->capacity - 1); table->slots[i].name; i = (i + 1) & (table->capacity - 1))
        if (table->slots[i].hash == hash && strcmp(table->slots[i].name, name) == 0)
            return table->slots[i].number;
    return NAMES_NONE;
}

static void put(struct name_slot *slots, size_t capacity, struct name_slot slot)
{
    size_t i = slot.hash & (capacity - 1);
    while (slots[i].name)
        i = (i + 1) & (capacity - 1);
    slots[i] = slot;
}

static enum stoa_status grow(struct name_table *table, struct stoa_error *error)
{
    size_t capacity = table->capacity ? table->capacity * 2 : LEAST_CAPACITY;
    struct name_slot *slots;
    STOA_TRY(stoa_allocate(&table->allocator, capacity, sizeof *slots, error, &slots));
    if (!table->capacity)
        table->key = (uint64_t)(uintptr_t)slots * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(uintptr_t)table;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].name)
            put(slots, capacity, table->slots[i]);
    stoa_release(&table->allocator, table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return STOA_OK;
}

enum stoa_status stoa_names_add(struct name_table *table, const char *name, size_t number, struct stoa_error *error)
{
    if (number >= UINT32_MAX)
        return stoa_fail(error, STOA_ERROR_LIMIT, "more than %lu names", (unsigned long)UINT32_MAX);
    if (table->count >= table->capacity / 2)
        STOA_TRY(grow(table, error));
    struct name_slot slot = {.name = name, .hash = hash_name(table->key, name), .number = (uint32_t)number};
    put(table->slots, table->capacity, slot);
    table->count++;
    return STOA_OK;
}
