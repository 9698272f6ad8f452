/* Elements picked by index. Types do not matter to moving, so there is a loop for each size. */
#include "kernels/elements.h"

#include <stdint.h>

#include "base/vector.h"

/* x's offset for element i, in elements. */
static STOA_INLINE ptrdiff_t place(const struct elements *elements, const char *indices, ptrdiff_t i, ptrdiff_t stride)
{
    ptrdiff_t index = elements->wide ? (ptrdiff_t)((const int64_t *)indices)[i * stride]
                                     : (ptrdiff_t)((const int32_t *)indices)[i * stride];
    return (index < 0 ? index + elements->dim : index) * elements->stride;
}

#define MOVES(bits)                                                                                                    \
    typedef uint##bits##_t __attribute__((may_alias)) unit##bits;                                                      \
    static void take_##bits(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)            \
    {                                                                                                                  \
        unit##bits *y = (unit##bits *)data[0];                                                                         \
        const unit##bits *x = (const unit##bits *)data[2];                                                             \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)                                                               \
            y[i * strides[0]] = x[i * strides[2] + place(context, data[1], i, strides[1])];                            \
    }                                                                                                                  \
    static void put_##bits(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)             \
    {                                                                                                                  \
        const unit##bits *y = (const unit##bits *)data[0];                                                             \
        unit##bits *x = (unit##bits *)data[2];                                                                         \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)                                                               \
            x[i * strides[2] + place(context, data[1], i, strides[1])] = y[i * strides[0]];                            \
    }
MOVES(8)
MOVES(16)
MOVES(32)
MOVES(64)

nd_loop stoa_elements_take(size_t size)
{
    return size == 1 ? take_8 : size == 2 ? take_16 : size == 4 ? take_32 : take_64;
}

nd_loop stoa_elements_put(size_t size)
{
    return size == 1 ? put_8 : size == 2 ? put_16 : size == 4 ? put_32 : put_64;
}

void stoa_elements_join(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    static const ptrdiff_t none[3] = {0};
    const struct elements *elements = context;
    ptrdiff_t size = (ptrdiff_t)elements->size;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        char *x = data[2] + (i * strides[2] + place(elements, data[1], i, strides[1])) * size;
        elements->join(NULL, 1, (char *const[]){x, x, data[0] + i * strides[0] * size}, none);
    }
}
