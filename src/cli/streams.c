#include "cli/streams.h"

#include <fcntl.h>
#include <stdlib.h>

#include "cli/command.h"

void stoa_cli_hold_streams(void)
{
    for (int stream = 0; stream < 3; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY) != stream)
            exit(CLI_FAILED);
}
