/* JPEG through libjpeg-turbo. Its errors come back by longjmp; everything that must survive one lives in a struct whose
 * address libjpeg holds. It takes its working memory from the C library (it has no hook), and the size and the number
 * of passes over the picture are capped, since a few bytes can claim gigabytes or minutes (libjpeg-turbo issues 249 and
 * 284). */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "base/memory.h"
#include "base/status.h"
#include "data/image_format.h"

#define MAX_SCANS 100
/* Scans times pixels: what a hostile file can make us do. A progressive picture has about 10 scans. */
#define MAX_WORK ((size_t)1 << 31)

struct jpeg_job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    struct stoa_error *error;
    enum stoa_status status;
    struct image image;
};

static struct jpeg_job *job_of(j_common_ptr jpeg)
{
    return jpeg->client_data;
}

static void job_failed(j_common_ptr jpeg)
{
    struct jpeg_job *job = job_of(jpeg);
    if (job->status == STOA_OK) {
        char message[JMSG_LENGTH_MAX];
        jpeg->err->format_message(jpeg, message);
        int memory = jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
        job->status = stoa_fail(job->error, memory ? STOA_ERROR_MEMORY : STOA_ERROR_PARSE, "JPEG: %s", message);
    }
    longjmp(job->escape, 1);
}

/* A warning means that libjpeg is about to invent pixels. Stray bytes between segments are the exception: cameras write
 * them, and nothing is lost. */
static void job_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && jpeg->err->msg_code != JWRN_EXTRANEOUS_DATA)
        job_failed(jpeg);
}

static void job_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* Leaves the decoder with an error of our own. */
static void job_check(struct jpeg_job *job, enum stoa_status status)
{
    if (status == STOA_OK)
        return;
    job->status = status;
    longjmp(job->escape, 1);
}

static void job_progress(j_common_ptr jpeg)
{
    struct jpeg_job *job = job_of(jpeg);
    size_t scans = (size_t)job->jpeg.input_scan_number;
    size_t pixels = (size_t)job->jpeg.image_width * job->jpeg.image_height;
    if (scans > MAX_SCANS || scans * pixels > MAX_WORK)
        job_check(job, stoa_fail(job->error, STOA_ERROR_LIMIT, "JPEG: %zu passes over %u x %u pixels are too many",
                                 scans, job->jpeg.image_width, job->jpeg.image_height));
}

/* The job is the caller's, so that what a longjmp leaves in it is defined. */
static void read_picture(struct jpeg_job *job, const uint8_t *bytes, size_t size,
                         const struct stoa_allocator *allocator)
{
    struct jpeg_decompress_struct *const jpeg = &job->jpeg;
    if (setjmp(job->escape) != 0)
        return;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    (void)jpeg_read_header(jpeg, TRUE);
    if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
        job_check(job, stoa_fail(job->error, STOA_ERROR_UNSUPPORTED, "JPEG: CMYK pictures are not read"));
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    /* Before jpeg_start_decompress, which allocates by the size. */
    job_check(job,
              stoa_image_create(jpeg->image_width, jpeg->image_height, jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3,
                                allocator, job->error, &job->image));
    (void)jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = job->image.pixels + jpeg->output_scanline * job->image.width * job->image.channels;
        (void)jpeg_read_scanlines(jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(jpeg);
}

enum stoa_status stoa_jpeg_decode(const uint8_t *bytes, size_t size, const struct stoa_allocator *allocator,
                                  struct stoa_error *error, struct image *image)
{
    struct jpeg_job job = {.error = error};
    *image = (struct image){0};
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.jpeg.client_data = &job;
    job.errors.error_exit = job_failed;
    job.errors.emit_message = job_message;
    job.errors.output_message = job_output;
    job.progress.progress_monitor = job_progress;
    read_picture(&job, bytes, size, allocator);
    jpeg_destroy_decompress(&job.jpeg);
    if (job.status != STOA_OK)
        stoa_image_free(allocator, &job.image);
    *image = job.image;
    return job.status;
}
