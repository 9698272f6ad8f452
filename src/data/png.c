/* PNG through libpng. Its errors come back by longjmp; everything that must survive one lives in a struct whose address
 * libpng holds, so that no local variable is in doubt. Memory comes from the caller's allocator. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "base/file_writer.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "data/image_format.h"

/* Deflate shrinks by at most 1032: a file with fewer bytes than that cannot hold its picture. */
#define BEST_DEFLATE 1032

struct png_job {
    const struct stoa_allocator *allocator;
    struct stoa_error *error;
    enum stoa_status status;
    png_structp png;
    png_infop info;
    png_bytepp rows;
    /* Reading. */
    const uint8_t *bytes;
    size_t size, used;
    struct image image;
    /* Writing. */
    struct file_writer writer;
};

static png_voidp job_allocate(png_structp png, png_alloc_size_t size)
{
    struct png_job *job = png_get_mem_ptr(png);
    void *memory;
    return stoa_allocate_raw(job->allocator, 1, size, NULL, &memory) == STOA_OK ? memory : NULL;
}

static void job_release(png_structp png, png_voidp memory)
{
    struct png_job *job = png_get_mem_ptr(png);
    stoa_release(job->allocator, memory);
}

static void job_failed(png_structp png, png_const_charp message)
{
    struct png_job *job = png_get_error_ptr(png);
    /* A status set before is the cause; libpng only passes on that something failed. */
    if (job->status == STOA_OK)
        job->status =
            stoa_fail(job->error, strstr(message, "memory") ? STOA_ERROR_MEMORY : STOA_ERROR_PARSE, "PNG: %s", message);
    png_longjmp(png, 1);
}

static void job_warned(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void job_read(png_structp png, png_bytep data, png_size_t size)
{
    struct png_job *job = png_get_io_ptr(png);
    if (size > job->size - job->used) {
        job->status = stoa_fail(job->error, STOA_ERROR_PARSE, "PNG: the file ends after %zu bytes, inside the picture",
                                job->size);
        png_error(png, "end of file");
    }
    memcpy(data, job->bytes + job->used, size);
    job->used += size;
}

static void job_write(png_structp png, png_bytep data, png_size_t size)
{
    struct png_job *job = png_get_io_ptr(png);
    job->status = stoa_file_writer_write(&job->writer, data, size, job->error);
    if (job->status != STOA_OK)
        png_error(png, "write");
}

static void job_flush(png_structp png)
{
    (void)png;
}

/* Called inside the setjmp region: leaves by longjmp. */
static void job_check(struct png_job *job, enum stoa_status status)
{
    if (status == STOA_OK)
        return;
    job->status = status;
    png_error(job->png, "refused");
}

static void job_set_rows(struct png_job *job, const struct image *image)
{
    job_check(job, stoa_allocate(job->allocator, image->height, sizeof *job->rows, job->error, &job->rows));
    for (size_t y = 0; y < image->height; y++)
        job->rows[y] = image->pixels + y * image->width * image->channels;
}

/* The job is the caller's, so that what a longjmp leaves in it is defined. */
static void read_picture(struct png_job *job)
{
    const png_structp png = job->png;
    if (setjmp(png_jmpbuf(png)) != 0)
        return;
    png_set_read_fn(png, job, job_read);
    png_set_user_limits(png, (png_uint_32)STOA_IMAGE_MAX_PIXELS, (png_uint_32)STOA_IMAGE_MAX_PIXELS);
    png_read_info(png, job->info);

    size_t width = png_get_image_width(png, job->info), height = png_get_image_height(png, job->info);
    /* Widths and heights are below 2^31, a row's bytes below 2^35. */
    if (width * height <= STOA_IMAGE_MAX_PIXELS && png_get_rowbytes(png, job->info) * height / BEST_DEFLATE > job->size)
        job_check(job, stoa_fail(job->error, STOA_ERROR_PARSE, "PNG: %zu bytes cannot hold %zu x %zu pixels", job->size,
                                 width, height));

    png_set_expand(png);
    png_set_scale_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    job_check(job, stoa_image_create(width, height, png_get_channels(png, job->info), job->allocator, job->error,
                                     &job->image));
    job_set_rows(job, &job->image);
    png_read_image(png, job->rows);
    png_read_end(png, NULL);
}

enum stoa_status stoa_png_decode(const uint8_t *bytes, size_t size, const struct stoa_allocator *allocator,
                                 struct stoa_error *error, struct image *image)
{
    struct png_job job = {.allocator = allocator, .error = error, .bytes = bytes, .size = size};
    *image = (struct image){0};
    job.png =
        png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &job, job_failed, job_warned, &job, job_allocate, job_release);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (!job.info)
        job.status = stoa_fail(error, STOA_ERROR_MEMORY, "PNG: out of memory");
    else
        read_picture(&job);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    stoa_release(allocator, job.rows);
    if (job.status != STOA_OK)
        stoa_image_free(allocator, &job.image);
    *image = job.image;
    return job.status;
}

static void write_picture(struct png_job *job, const struct image *image)
{
    const png_structp png = job->png;
    if (setjmp(png_jmpbuf(png)) != 0)
        return;
    png_set_write_fn(png, job, job_write, job_flush);
    png_set_IHDR(png, job->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    job_set_rows(job, image);
    png_write_info(png, job->info);
    png_write_image(png, job->rows);
    png_write_end(png, NULL);
}

enum stoa_status stoa_image_write(const char *path, const struct image *image, const struct stoa_allocator *allocator,
                                  struct stoa_error *error)
{
    struct png_job job = {.allocator = allocator, .error = error};
    STOA_TRY(stoa_file_writer_begin(path, error, &job.writer));
    job.png =
        png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &job, job_failed, job_warned, &job, job_allocate, job_release);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (!job.info)
        job.status = stoa_fail(error, STOA_ERROR_MEMORY, "cannot write %s: out of memory", path);
    else
        write_picture(&job, image);
    png_destroy_write_struct(&job.png, &job.info);
    stoa_release(allocator, job.rows);
    if (job.status == STOA_OK)
        return stoa_file_writer_finish(&job.writer, error);
    stoa_file_writer_abandon(&job.writer);
    return job.status;
}
