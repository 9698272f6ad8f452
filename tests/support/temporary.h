/* Files and folders that tests make for themselves: where TMPDIR says, or else in /tmp. */
#ifndef TESTS_SUPPORT_TEMPORARY_H
#define TESTS_SUPPORT_TEMPORARY_H

#define TEMPORARY_PATH 256

/* Makes an empty file whose name ends in `ending`, such as ".png" or "", and writes its path. The test removes it.
 * Fails the running test when there can be none. */
void temporary_file(const char *ending, char path[TEMPORARY_PATH]);
/* The same of a folder. */
void temporary_folder(char path[TEMPORARY_PATH]);

#endif
