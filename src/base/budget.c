/* Each block carries its size in front of it, in a prefix as large as its alignment. */
#include "base/budget.h"

#include <string.h>

#include "base/size.h"
#include "base/status.h"

struct prefix {
    size_t size, offset; /* of the whole block; of the caller's part in it */
};

static void *budget_allocate(void *user, size_t alignment, size_t size)
{
    struct budget *budget = user;
    size_t offset = stoa_size_max(alignment, sizeof(struct prefix)), total;
    if (!stoa_size_add(size, offset, &total) || budget->live > budget->limit || total > budget->limit - budget->live) {
        budget->refused = true;
        return NULL;
    }
    char *block = budget->under.allocate(budget->under.user, stoa_size_max(alignment, _Alignof(struct prefix)), total);
    if (!block)
        return NULL;
    budget->live += total;
    budget->peak = stoa_size_max(budget->peak, budget->live);
    struct prefix prefix = {.size = total, .offset = offset};
    memcpy(block + offset - sizeof prefix, &prefix, sizeof prefix);
    return block + offset;
}

static void budget_release(void *user, void *memory)
{
    struct budget *budget = user;
    struct prefix prefix;
    memcpy(&prefix, (char *)memory - sizeof prefix, sizeof prefix);
    budget->live -= prefix.size;
    budget->under.release(budget->under.user, (char *)memory - prefix.offset);
}

void stoa_budget_init(struct budget *budget, const struct stoa_allocator *under, size_t limit)
{
    *budget = (struct budget){.interface = {.allocate = budget_allocate, .release = budget_release, .user = budget},
                              .under = *under,
                              .limit = limit};
}

enum stoa_status stoa_budget_status(const struct budget *budget, enum stoa_status status, const char *what,
                                    struct stoa_error *error)
{
    if (status != STOA_ERROR_MEMORY || !budget->refused)
        return status;
    return stoa_fail(error, STOA_ERROR_LIMIT, "%s would take more than %zu bytes of memory", what, budget->limit);
}
