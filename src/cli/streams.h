/* The three streams a program begins with. */
#ifndef STOA_CLI_STREAMS_H
#define STOA_CLI_STREAMS_H

/* First of all in main: a file opened later would take the place of a stream that was closed, and get what is meant for
 * that. What takes it here lets using the stream fail as before. */
void stoa_cli_hold_streams(void);

#endif
