/* Pictures: each form of PNG and JPEG we read, every truncation, claims of absurd size; and what is done to pixels. */
#include <criterion/criterion.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>

#include "base/memory.h"
#include "data/image.h"
#include "support/allocator.h"
#include "support/temporary.h"

struct bytes {
    uint8_t data[8192];
    size_t size;
};

static void append(png_structp png, png_bytep data, png_size_t size)
{
    struct bytes *file = png_get_io_ptr(png);
    cr_assert(size <= sizeof file->data - file->size);
    memcpy(file->data + file->size, data, size);
    file->size += size;
}

/* A PNG of 5 x 3 pixels; the bytes of row y start at y * 64 in `rows`. */
static struct bytes make_png(int color_type, int bit_depth, int interlace, uint8_t *rows)
{
    struct bytes file = {.size = 0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &file, append, NULL);
    png_set_IHDR(png, info, 5, 3, bit_depth, color_type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    static const png_color palette[4] = {{1, 2, 3}, {40, 50, 60}, {70, 80, 90}, {100, 110, 120}};
    if (color_type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 4);
    png_bytep pointers[3] = {rows, rows + 64, rows + 128};
    png_set_rows(png, info, pointers);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    return file;
}

/* A JPEG of width x height pixels whose left half is one colour and whose right half another. */
static struct bytes make_jpeg(unsigned width, unsigned height, int channels, int progressive, int scans)
{
    struct bytes file = {.size = 0};
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &out, &size);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    if (progressive)
        jpeg_simple_progression(&jpeg);
    /* One coefficient a scan: as many scans as one likes. */
    jpeg_scan_info script[64] = {{.comps_in_scan = 1}};
    for (int i = 1; i < 64; i++)
        script[i] = (jpeg_scan_info){.comps_in_scan = 1, .Ss = i, .Se = i};
    jpeg_scan_info many[64 * 3];
    if (scans) {
        cr_assert(scans <= 64 * 3);
        for (int i = 0; i < scans; i++) {
            many[i] = script[i % 64];
            many[i].component_index[0] = i / 64;
        }
        jpeg.scan_info = many;
        jpeg.num_scans = scans;
    }
    jpeg_start_compress(&jpeg, TRUE);
    for (unsigned y = 0; y < height; y++) {
        JSAMPLE line[4 * 64];
        JSAMPROW row = line;
        for (unsigned x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                line[x * (unsigned)channels + (unsigned)c] = (JSAMPLE)(x < width / 2 ? 40 + 50 * c : 200 - 40 * c);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    cr_assert(size <= sizeof file.data);
    memcpy(file.data, out, size);
    file.size = size;
    free(out);
    return file;
}

static enum stoa_status decode(const struct bytes *file, struct counting_allocator *allocator, struct stoa_error *error,
                               struct image *image)
{
    /* A block of just that size, so that the sanitizer sees a read beyond it. */
    uint8_t *copy = malloc(file->size ? file->size : 1);
    cr_assert(copy);
    memcpy(copy, file->data, file->size);
    enum stoa_status status = stoa_image_decode(copy, file->size, &allocator->interface, error, image);
    free(copy);
    return status;
}

/* Expects a refusal that leaves nothing behind. */
static void expect_refused(const char *name, const struct bytes *file, enum stoa_status wanted, const char *words)
{
    struct counting_allocator allocator;
    counting_allocator_init(&allocator);
    struct stoa_error error = {0};
    struct image image;
    enum stoa_status status = decode(file, &allocator, &error, &image);
    cr_expect(status == wanted, "%s: %s (%s)", name, stoa_status_name(status), error.message);
    cr_expect(error.message[0] && strstr(error.message, words), "%s: %s", name, error.message);
    cr_expect(image.pixels == NULL && image.width == 0 && allocator.live == 0, "%s", name);
}

static const struct {
    const char *name;
    int color_type, bit_depth, interlace;
    size_t channels;
    uint8_t first[8];  /* the first bytes of each row in the file */
    uint8_t wanted[6]; /* the first two pixels */
} forms[] = {
    {"grey", PNG_COLOR_TYPE_GRAY, 8, 0, 1, {10, 20}, {10, 20}},
    {"grey, 1 bit", PNG_COLOR_TYPE_GRAY, 1, 0, 1, {0x40}, {0, 255}},
    {"grey, 16 bits", PNG_COLOR_TYPE_GRAY, 16, 0, 1, {10, 10, 200, 200}, {10, 200}},
    {"grey and alpha", PNG_COLOR_TYPE_GRAY_ALPHA, 8, 0, 1, {10, 0, 20, 255}, {10, 20}},
    {"colour", PNG_COLOR_TYPE_RGB, 8, 0, 3, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}},
    {"colour, interlaced", PNG_COLOR_TYPE_RGB, 8, 1, 3, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}},
    {"colour and alpha", PNG_COLOR_TYPE_RGB_ALPHA, 8, 0, 3, {1, 2, 3, 0, 4, 5, 6, 9}, {1, 2, 3, 4, 5, 6}},
    {"palette", PNG_COLOR_TYPE_PALETTE, 2, 0, 3, {0x60}, {40, 50, 60, 70, 80, 90}},
};

static struct bytes make_form(size_t i)
{
    uint8_t rows[3 * 64] = {0};
    for (size_t y = 0; y < 3; y++)
        memcpy(rows + y * 64, forms[i].first, sizeof forms[i].first);
    return make_png(forms[i].color_type, forms[i].bit_depth, forms[i].interlace, rows);
}

Test(image, png_forms)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct bytes file = make_form(i);
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        struct stoa_error error = {0};
        struct image image;
        cr_assert(decode(&file, &allocator, &error, &image) == STOA_OK, "%s: %s", forms[i].name, error.message);
        cr_expect(image.width == 5 && image.height == 3 && image.channels == forms[i].channels, "%s", forms[i].name);
        for (size_t y = 0; y < 3; y++)
            for (size_t k = 0; k < 2 * forms[i].channels; k++)
                cr_expect(image.pixels[y * 5 * image.channels + k] == forms[i].wanted[k], "%s: row %zu, byte %zu: %d",
                          forms[i].name, y, k, image.pixels[y * 5 * image.channels + k]);
        stoa_image_free(&allocator.interface, &image);
        cr_expect(allocator.live == 0, "%s", forms[i].name);
    }
}

static const struct {
    const char *name;
    int channels, progressive;
} jpegs[] = {{"grey", 1, 0}, {"colour", 3, 0}, {"grey, progressive", 1, 1}, {"colour, progressive", 3, 1}};

Test(image, jpeg_forms)
{
    for (size_t i = 0; i < sizeof jpegs / sizeof jpegs[0]; i++) {
        struct bytes file = make_jpeg(32, 16, jpegs[i].channels, jpegs[i].progressive, 0);
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        struct stoa_error error = {0};
        struct image image;
        cr_assert(decode(&file, &allocator, &error, &image) == STOA_OK, "%s: %s", jpegs[i].name, error.message);
        cr_assert(image.width == 32 && image.height == 16 && image.channels == (size_t)jpegs[i].channels, "%s",
                  jpegs[i].name);
        for (size_t x = 0; x < 32; x += 31)
            for (size_t c = 0; c < image.channels; c++) {
                int wanted = (int)(x == 0 ? 40 + 50 * c : 200 - 40 * c);
                cr_expect(abs(image.pixels[x * image.channels + c] - wanted) <= 3, "%s: column %zu, channel %zu: %d",
                          jpegs[i].name, x, c, image.pixels[x * image.channels + c]);
            }
        stoa_image_free(&allocator.interface, &image);
        cr_expect(allocator.live == 0, "%s", jpegs[i].name);
    }
}

Test(image, every_truncation)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct bytes file = make_form(i);
        size_t whole = file.size;
        for (file.size = 0; file.size < whole; file.size++)
            expect_refused(forms[i].name, &file, STOA_ERROR_PARSE, "");
    }
    for (size_t i = 0; i < sizeof jpegs / sizeof jpegs[0]; i++) {
        struct bytes file = make_jpeg(32, 16, jpegs[i].channels, jpegs[i].progressive, 0);
        size_t whole = file.size;
        for (file.size = 0; file.size < whole; file.size++)
            expect_refused(jpegs[i].name, &file, STOA_ERROR_PARSE, "");
    }
}

/* Whatever a damaged byte does, it is a picture or an error, and nothing is left. */
Test(image, every_damaged_byte)
{
    for (size_t kind = 0; kind < 3; kind++) {
        struct bytes file = kind == 0 ? make_form(5) : make_jpeg(32, 16, 3, kind == 2, 0);
        for (size_t i = 0; i < file.size; i++) {
            struct counting_allocator allocator;
            counting_allocator_init(&allocator);
            struct image image;
            file.data[i] ^= 0x55;
            enum stoa_status status = decode(&file, &allocator, NULL, &image);
            cr_expect((status == STOA_OK) == (image.pixels != NULL), "byte %zu", i);
            stoa_image_free(&allocator.interface, &image);
            cr_expect(allocator.live == 0, "byte %zu", i);
            file.data[i] ^= 0x55;
        }
    }
}

/* The offset of a JPEG's frame header (SOF0 or SOF2). */
static size_t find_frame(const struct bytes *file)
{
    for (size_t i = 0; i + 1 < file->size; i++)
        if (file->data[i] == 0xff && (file->data[i + 1] == 0xc0 || file->data[i + 1] == 0xc2))
            return i;
    cr_assert_fail("no frame header");
    return 0;
}

/* A PNG's header chunk with other dimensions, its checksum put right. */
static struct bytes claim_png(uint32_t width, uint32_t height)
{
    struct bytes file = make_form(4);
    for (int i = 0; i < 4; i++) {
        file.data[16 + i] = (uint8_t)(width >> (24 - 8 * i));
        file.data[20 + i] = (uint8_t)(height >> (24 - 8 * i));
    }
    uint32_t crc = ~0U;
    for (size_t i = 12; i < 29; i++) {
        crc ^= file.data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
    }
    for (int i = 0; i < 4; i++)
        file.data[29 + i] = (uint8_t)(~crc >> (24 - 8 * i));
    return file;
}

Test(image, absurd_claims)
{
    struct bytes file = claim_png(65535, 65535);
    expect_refused("PNG of 65535 x 65535", &file, STOA_ERROR_LIMIT, "65535 x 65535");
    file = claim_png(8000, 8000);
    expect_refused("PNG of 8000 x 8000 in a few bytes", &file, STOA_ERROR_PARSE, "8000 x 8000");
    file = claim_png(0x7fffffff, 0x7fffffff);
    expect_refused("PNG of 2^31-1 squared", &file, STOA_ERROR_PARSE, "");
    file = claim_png(0, 3);
    expect_refused("PNG without columns", &file, STOA_ERROR_PARSE, "");

    file = make_jpeg(32, 16, 3, 1, 0);
    memset(file.data + find_frame(&file) + 5, 0xff, 4);
    expect_refused("JPEG of 65535 x 65535", &file, STOA_ERROR_PARSE, "65500");
    memset(file.data + find_frame(&file) + 5, 0xf0, 4);
    expect_refused("JPEG of 61680 x 61680", &file, STOA_ERROR_LIMIT, "61680 x 61680");
    file = make_jpeg(16, 16, 3, 1, 150);
    expect_refused("JPEG of 150 scans", &file, STOA_ERROR_LIMIT, "passes");
    file = make_jpeg(16, 16, 4, 0, 0);
    expect_refused("CMYK", &file, STOA_ERROR_UNSUPPORTED, "CMYK");

    file = (struct bytes){.data = "GIF89a", .size = 6};
    expect_refused("GIF", &file, STOA_ERROR_PARSE, "neither");
    file.size = 0;
    expect_refused("an empty file", &file, STOA_ERROR_PARSE, "neither");
}

Test(image, out_of_memory)
{
    struct bytes file = make_form(4);
    size_t n = 0;
    for (enum stoa_status status = STOA_ERROR_MEMORY; status != STOA_OK;) {
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        allocator.fail_at = ++n;
        struct stoa_error error = {0};
        struct image image;
        status = decode(&file, &allocator, &error, &image);
        cr_assert(status == STOA_OK || status == STOA_ERROR_MEMORY, "call %zu: %s", n, error.message);
        stoa_image_free(&allocator.interface, &image);
        cr_assert(allocator.live == 0, "call %zu", n);
    }
    cr_expect(n > 4, "%zu allocations", n);
}

Test(image, written_pictures_read_back)
{
    char directory[TEMPORARY_PATH], path[TEMPORARY_PATH + 16], missing[TEMPORARY_PATH + 16];
    temporary_folder(directory);
    snprintf(path, sizeof path, "%s/x.png", directory);
    snprintf(missing, sizeof missing, "%s/none/x.png", directory);
    for (size_t channels = 1; channels <= 3; channels += 2) {
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        const struct stoa_allocator *memory = &allocator.interface;
        struct stoa_error error = {0};
        struct image image, read;
        cr_assert(stoa_image_create(7, 4, channels, memory, &error, &image) == STOA_OK);
        for (size_t i = 0; i < 28 * channels; i++)
            image.pixels[i] = (uint8_t)(i * 11);
        cr_assert(stoa_image_write(path, &image, memory, &error) == STOA_OK, "%s", error.message);
        cr_assert(stoa_image_read(path, memory, &error, &read) == STOA_OK, "%s", error.message);
        cr_expect(read.width == 7 && read.height == 4 && read.channels == channels);
        cr_expect(memcmp(read.pixels, image.pixels, 28 * channels) == 0);
        stoa_image_free(memory, &read);

        cr_expect(stoa_image_write(missing, &image, memory, &error) == STOA_ERROR_IO && strstr(error.message, missing));
        cr_expect(stoa_image_read(missing, memory, &error, &read) == STOA_ERROR_IO && strstr(error.message, missing));
        stoa_image_free(memory, &image);
        cr_expect(allocator.live == 0);
    }
    cr_assert(truncate(path, 30) == 0);
    struct stoa_allocator plain = stoa_allocator_default();
    struct stoa_error error = {0};
    struct image read;
    cr_expect(stoa_image_read(path, &plain, &error, &read) == STOA_ERROR_PARSE && strstr(error.message, path));
    unlink(path);
    cr_expect(rmdir(directory) == 0, "something was left in %s", directory);
}

static struct image grey_ramp(size_t width, size_t height)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct image image;
    cr_assert(stoa_image_create(width, height, 1, &allocator, NULL, &image) == STOA_OK);
    for (size_t i = 0; i < width * height; i++)
        image.pixels[i] = (uint8_t)(i * 20);
    return image;
}

Test(image, cut_and_turn)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct image image = grey_ramp(4, 3), part;
    cr_assert(stoa_image_cut(&image, 1, 2, 2, 2, &allocator, &error, &part) == STOA_OK);
    static const uint8_t cut[] = {120, 140, 200, 220}, turned[] = {220, 200, 140, 120};
    cr_expect(part.width == 2 && part.height == 2 && memcmp(part.pixels, cut, 4) == 0);
    stoa_image_turn(&part);
    cr_expect(memcmp(part.pixels, turned, 4) == 0);
    stoa_image_free(&allocator, &part);
    stoa_image_turn(&image);
    for (size_t i = 0; i < 12; i++)
        cr_expect(image.pixels[i] == (11 - i) * 20, "%zu", i);

    cr_expect(stoa_image_cut(&image, 2, 0, 2, 1, &allocator, &error, &part) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_image_cut(&image, 0, 5, 1, 1, &allocator, &error, &part) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_image_cut(&image, 0, 0, 0, 1, &allocator, &error, &part) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_image_cut(&image, 1, 1, (size_t)-1, 1, &allocator, &error, &part) == STOA_ERROR_ARGUMENT);
    stoa_image_free(&allocator, &image);
}

static const struct {
    const char *name;
    size_t width, height; /* of the ramp 0, 20, 40, … */
    size_t to_width, to_height;
    uint8_t wanted[8];
} resizes[] = {
    {"the same size", 2, 2, 2, 2, {0, 20, 40, 60}},
    {"twice as wide", 2, 1, 4, 1, {0, 5, 15, 20}},
    {"twice as high", 1, 2, 1, 4, {0, 5, 15, 20}},
    /* Weights 3 3 1 at the ends and 1 3 3 1 inside. */
    {"half as wide", 4, 1, 2, 1, {14, 46}},
    {"one pixel", 3, 1, 1, 1, {20}},
    {"one pixel made many", 1, 1, 2, 3, {0, 0, 0, 0, 0, 0}},
};

Test(image, resize)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof resizes / sizeof resizes[0]; i++) {
        struct image image = grey_ramp(resizes[i].width, resizes[i].height), resized;
        struct stoa_error error = {0};
        cr_assert(stoa_image_resize(&image, resizes[i].to_height, resizes[i].to_width, &allocator, &error, &resized) ==
                      STOA_OK,
                  "%s: %s", resizes[i].name, error.message);
        for (size_t k = 0; k < resized.width * resized.height; k++)
            cr_expect(resized.pixels[k] == resizes[i].wanted[k], "%s: pixel %zu is %d, not %d", resizes[i].name, k,
                      resized.pixels[k], resizes[i].wanted[k]);
        stoa_image_free(&allocator, &resized);
        stoa_image_free(&allocator, &image);
    }

    /* A constant stays itself at any size, white included. */
    struct image image = grey_ramp(5, 7), resized;
    memset(image.pixels, 255, 35);
    for (size_t size = 1; size < 40; size++) {
        cr_assert(stoa_image_resize(&image, size, 40 - size, &allocator, NULL, &resized) == STOA_OK);
        for (size_t k = 0; k < resized.width * resized.height; k++)
            cr_assert(resized.pixels[k] == 255, "%zu: pixel %zu is %d", size, k, resized.pixels[k]);
        stoa_image_free(&allocator, &resized);
    }
    cr_expect(stoa_image_resize(&image, 0, 4, &allocator, NULL, &resized) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_image_resize(&image, (size_t)1 << 33, (size_t)1 << 33, &allocator, NULL, &resized) ==
              STOA_ERROR_LIMIT);
    stoa_image_free(&allocator, &image);
}
