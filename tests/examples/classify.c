/* Says what a picture shows: classify MODEL.onnx PICTURE.ppm [NAMES.txt], for models that take N C H W images
 * normalised as ImageNet's. cc classify.c $(pkg-config --cflags --libs stoa); other pictures: convert photo.jpg
 * photo.ppm */
#include <stdio.h>
#include <stdlib.h>
#include <stoa/stoa.h>

struct picture {
    int width, height;
    unsigned char *pixels; /* R G B, row by row */
};

static int read_picture(const char *path, struct picture *picture)
{
    FILE *file = fopen(path, "rb");
    if (!file || fscanf(file, "P6 %d %d 255", &picture->width, &picture->height) != 2 || fgetc(file) == EOF ||
        picture->width < 1 || picture->height < 1 || picture->width > 20000 || picture->height > 20000)
        return 0;
    size_t size = (size_t)picture->width * (size_t)picture->height * 3;
    picture->pixels = malloc(size);
    int fine = picture->pixels && fread(picture->pixels, 1, size, file) == size;
    fclose(file);
    return fine;
}

/* x[C][H][W] <- the picture, stretched to that size: of each pixel the nearest. */
static void fill_input(const struct picture *picture, size_t C, size_t H, size_t W, float *x)
{
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};
    for (size_t c = 0; c < C; c++)
        for (size_t y = 0; y < H; y++)
            for (size_t i = 0; i < W; i++) {
                size_t row = y * (size_t)picture->height / H, column = i * (size_t)picture->width / W;
                unsigned char value = picture->pixels[(row * (size_t)picture->width + column) * 3 + c];
                x[(c * H + y) * W + i] = ((float)value / 255 - mean[c]) / deviation[c];
            }
}

static void print_best(const float *scores, size_t count, const char *names)
{
    size_t best = 0;
    char line[256] = "";
    for (size_t i = 1; i < count; i++)
        if (scores[i] > scores[best])
            best = i;
    FILE *file = names ? fopen(names, "r") : NULL;
    for (size_t i = 0; file && i <= best; i++)
        if (!fgets(line, sizeof line, file))
            line[0] = '\0';
    if (file)
        fclose(file);
    printf("class %zu, score %g  %s\n", best, (double)scores[best], line);
}

int main(int argc, char **argv)
{
    struct stoa_error error;
    struct stoa_model *model = NULL;
    struct stoa_session *session = NULL;
    struct stoa_tensor input, output;
    struct picture picture = {0};
    float *x = NULL;

    if (argc < 3 || !read_picture(argv[2], &picture)) {
        fprintf(stderr, "usage: classify MODEL.onnx PICTURE.ppm [NAMES.txt]\n");
        return 2;
    }
    int failed = stoa_model_load(argv[1], NULL, &error, &model) || stoa_session_create(model, NULL, &error, &session) ||
                 stoa_session_input_at(session, 0, &error, &input);
    if (!failed && input.rank == 4 && input.dims[1] <= 3)
        x = malloc(input.dims[1] * input.dims[2] * input.dims[3] * sizeof *x);
    if (x) {
        fill_input(&picture, input.dims[1], input.dims[2], input.dims[3], x);
        failed = stoa_session_bind_input_at(session, 0, x, &error) || stoa_session_run(session, &error) ||
                 stoa_session_output_at(session, 0, &error, &output);
    }
    if (failed)
        fprintf(stderr, "%s\n", error.message);
    else if (!x)
        fprintf(stderr, "the model's input is no picture\n");
    else
        print_best(output.data, output.dims[output.rank - 1], argc > 3 ? argv[3] : NULL);
    free(x);
    free(picture.pixels);
    stoa_session_free(session);
    stoa_model_free(model);
    return failed || !x;
}
