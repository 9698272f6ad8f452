/* Files for tests of data sets. */
#include "support/files.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/memory.h"
#include "data/image.h"
#include "support/temporary.h"

static char folder[TEMPORARY_PATH];

const char *files_folder(void)
{
    if (!folder[0])
        temporary_folder(folder);
    return folder;
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *place)
{
    (void)info;
    (void)flag;
    (void)place;
    return remove(path);
}

void files_remove(void)
{
    if (folder[0])
        nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    folder[0] = '\0';
}

const char *files_spec(const char *kind)
{
    static char spec[TEMPORARY_PATH + 32];
    snprintf(spec, sizeof spec, "%s:%s", kind, files_folder());
    return spec;
}

static const char *path_of(const char *name)
{
    static char path[512];
    size_t root = strlen(files_folder());
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + root + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    return path;
}

void files_write(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    cr_assert(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "%s", name);
}

void files_write_gz(const char *name, const void *data, size_t size)
{
    gzFile file = gzopen(path_of(name), "wb");
    cr_assert(file && gzwrite(file, data, (unsigned)size) == (int)size && gzclose(file) == Z_OK, "%s", name);
}

void files_write_png(const char *name, size_t width, size_t height, size_t channels, uint8_t value)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct image image;
    cr_assert(stoa_image_create(width, height, channels, &allocator, NULL, &image) == STOA_OK);
    for (size_t i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)(value + 10 * (i % channels));
    struct stoa_error error = {0};
    cr_assert(stoa_image_write(path_of(name), &image, &allocator, &error) == STOA_OK, "%s", error.message);
    stoa_image_free(&allocator, &image);
}

void files_delete(const char *name)
{
    cr_assert(remove(path_of(name)) == 0, "%s", name);
}

const char *const idx_names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                  "t10k-labels-idx1-ubyte"};

static void append_word(struct idx_set *set, int file, uint32_t word)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        set->data[file][set->sizes[file]++] = (uint8_t)(word >> shift);
}

struct idx_set idx_make(void)
{
    static const size_t counts[] = {IDX_TRAINING_IMAGES, IDX_TEST_IMAGES};
    struct idx_set set = {.sizes = {0}};
    for (int part = 0; part < 2; part++) {
        int images = 2 * part, labels = images + 1;
        append_word(&set, images, 0x803);
        append_word(&set, images, (uint32_t)counts[part]);
        append_word(&set, images, IDX_HEIGHT);
        append_word(&set, images, IDX_WIDTH);
        append_word(&set, labels, 0x801);
        append_word(&set, labels, (uint32_t)counts[part]);
        for (size_t i = 0; i < counts[part]; i++) {
            for (size_t k = 0; k < IDX_HEIGHT * IDX_WIDTH; k++)
                set.data[images][set.sizes[images]++] = (uint8_t)(100 * (size_t)part + 16 * i + k);
            set.data[labels][set.sizes[labels]++] = (uint8_t)(i % 3);
        }
    }
    return set;
}

void idx_write(const struct idx_set *set, bool gz)
{
    for (int i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", idx_names[i], gz ? ".gz" : "");
        (gz ? files_write_gz : files_write)(name, set->data[i], set->sizes[i]);
    }
}
