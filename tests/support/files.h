/* A folder of files for one test: whatever a data set is made of. */
#ifndef TESTS_SUPPORT_FILES_H
#define TESTS_SUPPORT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes an empty folder for the running test and hands out its path; the same one until it is removed. */
const char *files_folder(void);
/* Removes it with all that is in it; for .fini. */
void files_remove(void);
/* "KIND:FOLDER", as stoa_dataset_open takes it; valid until the next call. */
const char *files_spec(const char *kind);

/* Each writes a file of the folder, making the folders that its name mentions. */
void files_write(const char *name, const void *data, size_t size);
void files_write_gz(const char *name, const void *data, size_t size);
/* A PNG all of whose pixels are `value` (plus 10 in the second channel and 20 in the third). */
void files_write_png(const char *name, size_t width, size_t height, size_t channels, uint8_t value);
void files_delete(const char *name);

#define IDX_TRAINING_IMAGES 5
#define IDX_TEST_IMAGES 3
#define IDX_HEIGHT 3
#define IDX_WIDTH 4
struct idx_set {
    uint8_t data[4][128];
    size_t sizes[4];
};
/* The four names of an IDX set: training images and labels, test images and labels. */
extern const char *const idx_names[4];
/* A small set: pixel k of training image i is 16 * i + k, of test image i 100 + 16 * i + k; its label is i % 3. */
struct idx_set idx_make(void);
/* Writes it, each file compressed or as it is. */
void idx_write(const struct idx_set *set, bool gz);

#endif
