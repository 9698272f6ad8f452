/* libstoa-data outside the tree: a data set that is not there is refused by name. */
#include <stdio.h>
#include <stoa/data.h>
#include <string.h>

int main(void)
{
    struct stoa_error error;
    struct stoa_dataset *dataset;
    enum stoa_status status = stoa_dataset_open("idx:/no/such/folder", NULL, &error, &dataset);
    stoa_dataset_free(dataset);
    printf("%s: %s\n", stoa_status_name(status), error.message);
    return status == STOA_ERROR_IO && strstr(error.message, "/no/such/folder") ? 0 : 1;
}
