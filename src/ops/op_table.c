/* Every operator the engine has, one line each. */
#include <stddef.h>
#include <string.h>

#include "ops/op.h"
#include "ops/table.h"

const struct op *const stoa_op_table[] = {
#define OP(name) &stoa_op_##name,
    STOA_OPS(OP)
#undef OP
        NULL,
};

const struct op *stoa_op_find(const char *type, int opset, bool *known)
{
    if (known)
        *known = false;
    for (const struct op *const *op = stoa_op_table; *op; op++) {
        if (strcmp((*op)->type, type) != 0)
            continue;
        if (known)
            *known = true;
        if ((*op)->since <= opset && (!(*op)->until || opset <= (*op)->until))
            return *op;
    }
    return NULL;
}

const struct op *const stoa_training_op_table[] = {
#ifdef STOA_TRAINING
#define OP(name) &stoa_op_##name,
    STOA_TRAINING_OPS(OP)
#undef OP
#endif
        NULL,
};

const struct op *stoa_training_op_find(const char *type)
{
    const struct op *const *op = stoa_training_op_table;
    while (*op && strcmp((*op)->type, type) != 0)
        op++;
    return *op;
}
