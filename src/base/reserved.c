/* Reserved words. */
#include "base/reserved.h"

enum stoa_status stoa_check_reserved(size_t count, const size_t *words, const char *name, struct stoa_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (words[i])
            return stoa_fail(error, STOA_ERROR_ARGUMENT,
                             "%s.reserved[%zu] is %#zx, must be 0: the struct did not start zeroed, or the program was "
                             "compiled for a later version than this library's",
                             name, i, words[i]);
    return STOA_OK;
}
