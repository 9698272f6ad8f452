#include "support/squares.h"

#include <string.h>

#include "base/random.h"
#include "support/files.h"

#define PIXELS (SQUARES_SIDE * SQUARES_SIDE)

static void write_part(const char *images_name, const char *labels_name, uint8_t count, uint64_t seed)
{
    static uint8_t images[16 + 255 * PIXELS], labels[8 + 255];
    static const uint8_t head[16] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, SQUARES_SIDE, 0, 0, 0, SQUARES_SIDE};
    struct random random = {.state = seed};
    memcpy(images, head, sizeof head);
    memcpy(labels, (const uint8_t[8]){0, 0, 8, 1}, 8);
    images[7] = labels[7] = count;
    for (size_t i = 0; i < count; i++) {
        size_t class = labels[8 + i] = (uint8_t)stoa_random_int(&random, 0, SQUARES_CLASSES - 1);
        size_t top = (size_t)stoa_random_int(&random, 0, 8);
        for (size_t k = 0; k < PIXELS; k++) {
            size_t row = k / SQUARES_SIDE, column = k % SQUARES_SIDE;
            int bright = column / 4 == class && row >= top && row < top + 4;
            images[16 + i * PIXELS + k] = (uint8_t)stoa_random_int(&random, bright ? 100 : 0, bright ? 255 : 120);
        }
    }
    files_write(images_name, images, 16 + (size_t)count * PIXELS);
    files_write(labels_name, labels, 8 + (size_t)count);
}

void squares_write(void)
{
    write_part(idx_names[0], idx_names[1], SQUARES_TRAINING, 1);
    write_part(idx_names[2], idx_names[3], SQUARES_TEST, 2);
}
