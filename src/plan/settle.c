/* Constants that lie in the file at addresses where their type must not be read. Operators that pack their weights take
 * them as they are; for all others they are copied here, once. The copied pages of the file are given back as it goes,
 * so that they are in memory once, not twice. */
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "plan/build.h"

#define CHUNK ((size_t)1 << 20)

enum stoa_status stoa_plan_settle(struct plan *plan, size_t v, struct stoa_error *error)
{
    struct stoa_tensor *tensor = &plan->values[v].main.tensor;
    if (!plan->values[v].known || stoa_tensor_is_aligned(tensor))
        return STOA_OK;
    const unsigned char *from = tensor->data;
    unsigned char *to;
    size_t size = stoa_tensor_bytes(tensor);
    STOA_TRY(stoa_arena_allocate(&plan->arena, 1, size, error, &to));
    for (size_t done = 0; done < size; done += CHUNK) {
        size_t chunk = stoa_size_min(size - done, CHUNK);
        memcpy(to + done, from + done, chunk);
        stoa_file_forget(&plan->model->file, from + done, chunk);
    }
    tensor->data = to;
    return STOA_OK;
}
