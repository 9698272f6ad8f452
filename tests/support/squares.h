/* A data set that a small net learns within seconds, written as files: 12 x 12 pixels of noise with a bright square at
 * the left, in the middle or at the right, as the class says. */
#ifndef TESTS_SUPPORT_SQUARES_H
#define TESTS_SUPPORT_SQUARES_H

#define SQUARES_SIDE 12
#define SQUARES_CLASSES 3
#define SQUARES_TRAINING 200
#define SQUARES_TEST 60

/* Writes it as IDX into files_folder. */
void squares_write(void);

#endif
