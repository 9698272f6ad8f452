/* The built command as its users meet it: exit statuses, what goes to which stream, files in and out. Models come
 * from ONNX's conformance cases. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "data/image.h"
#include "data/npy.h"
#include "onnx/tensor_file.h"
#include "support/command.h"
#include "support/net.h"
#include "support/temporary.h"

#define CASES "cases/" /* a link to ONNX's */
#define RELU CASES "test_relu/model.onnx"
#define RELU_DATA CASES "test_relu/test_data_set_0"
#define CONV CASES "test_basic_conv_with_padding/model.onnx"
#define POOL CASES "test_averagepool_2d_default/model.onnx" /* x [1,3,32,32] */
#define GREY CASES "test_averagepool_2d_ceil/model.onnx"    /* x [1,1,4,4] */
#define SOFTMAX CASES "test_softmax_example/model.onnx"     /* x [1,3] */

/* The test's own directory, its working directory: paths in the rows are relative to it. */
static char directory[TEMPORARY_PATH];

/* The files the rows speak of. */
static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void write_npy(const char *path, size_t rank, const size_t *dims, enum stoa_dtype dtype, const void *data)
{
    struct stoa_tensor tensor = {.dtype = dtype, .rank = rank};
    memcpy(tensor.dims, dims, rank * sizeof *dims);
    stoa_tensor_set_plain(&tensor);
    tensor.data = (void *)(size_t)data;
    cr_assert(stoa_npy_write(path, &tensor, NULL) == STOA_OK);
}

static void write_png(const char *path, size_t side)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct image image;
    cr_assert(stoa_image_create(side, side, 3, &allocator, NULL, &image) == STOA_OK);
    for (size_t i = 0; i < side * side * 3; i++)
        image.pixels[i] = (uint8_t)(100 + i % 3); /* 100, 101, 102 */
    cr_assert(stoa_image_write(path, &image, &allocator, NULL) == STOA_OK);
    stoa_image_free(&allocator, &image);
}

/* Of pictures [1,32,32,3] the last channel. */
static void write_channels_last(const char *path)
{
    struct net net;
    net_build(&net, "input x f32[1,32,32,3]\nconst i i64{2}\ny = Gather(x, i) axis=3\noutput y\n", NULL);
    cr_assert(stoa_model_save(net.model, path, NULL) == STOA_OK);
    net_free(&net);
}

/* The recorded input or output of a conformance case. */
static struct stoa_tensor read_pb(const char *path)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct file_map map;
    struct stoa_tensor tensor;
    cr_assert(stoa_file_map(path, NULL, &map) == STOA_OK, "cannot read %s", path);
    cr_assert(stoa_onnx_read_tensor(map.data, map.size, &allocator, NULL, &tensor, NULL, NULL) == STOA_OK);
    stoa_file_unmap(&map);
    return tensor;
}

static void enter(void)
{
    temporary_folder(directory);
    cr_assert(chdir(directory) == 0);
    cr_assert(symlink(command_testdata("node"), "cases") == 0);
    write_file("not.onnx", "this is not a model");
    write_file("labels", "cat\ndog\r\nbird");
    cr_assert(stoa_file_write("wide", "c\0a\0t\0", 6, NULL) == STOA_OK);
    write_png("picture.png", 32);
    write_png("large.png", 40);
    write_channels_last("last.onnx");
    write_file("broken.png", "\x89PNG\r\n\x1a\nbut no more");

    static const float scores[3] = {-1, 0, 1};
    static const double doubles[3] = {-1, 0, 1};
    static const int32_t integers[3] = {0};
    write_npy("scores.npy", 2, (const size_t[]){1, 3}, STOA_FLOAT, scores);
    write_npy("doubles.npy", 2, (const size_t[]){1, 3}, STOA_DOUBLE, doubles);
    write_npy("integers.npy", 2, (const size_t[]){1, 3}, STOA_INT32, integers);
    write_npy("long.npy", 2, (const size_t[]){3, 1}, STOA_FLOAT, scores);

    /* Relu's data with one output changed. */
    struct stoa_tensor x = read_pb(RELU_DATA "/input_0.pb"), y = read_pb(RELU_DATA "/output_0.pb");
    cr_assert(mkdir("wrong", 0700) == 0 && mkdir("empty", 0700) == 0);
    ((float *)y.data)[7] += 1;
    cr_assert(stoa_npy_write("wrong/input_0.npy", &x, NULL) == STOA_OK);
    cr_assert(stoa_npy_write("wrong/output_0.npy", &y, NULL) == STOA_OK);
    struct stoa_allocator allocator = stoa_allocator_default();
    stoa_release(&allocator, x.data);
    stoa_release(&allocator, y.data);
}

static void leave(void)
{
    char command[TEMPORARY_PATH + 16];
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_expect(chdir("/") == 0 && system(command) == 0);
}

TestSuite(command, .init = enter, .fini = leave);

static const struct {
    const char *name;
    const char *words[12];
    int status;
    const char *out, *err; /* words that must be there; null: the stream must be empty */
} rows[] = {
    {"no words", {NULL}, 2, NULL, "stoa run"},
    {"help", {"--help"}, 0, "stoa verify", NULL},
    {"version", {"--version"}, 0, "stoa 0.", NULL},
    {"no such command", {"frobnicate"}, 2, NULL, "'frobnicate'"},
#ifndef STOA_TRAINING
    {"training left out", {"train", "lenet5"}, 2, NULL, "was left out"},
#endif
    {"help of a command", {"run", "--help"}, 0, "--output-dir", NULL},
    {"no model", {"run"}, 2, NULL, "which model"},
    {"two models", {"run", "a", "b"}, 2, NULL, "'b'"},
    {"no such option", {"run", "a", "--frob"}, 2, NULL, "'--frob'"},
    {"no such short option", {"run", "a", "-x"}, 2, NULL, "'-x'"},
    {"an option of another command", {"info", "a", "--profile"}, 2, NULL, "'--profile'"},
    {"an option without its value", {"run", "a", "--threads"}, 2, NULL, "--threads takes T"},
    {"a switch with a value", {"run", "a", "--profile=1"}, 2, NULL, "--profile takes no value"},
    {"zero threads", {"run", "a", "--threads", "0"}, 2, NULL, "--threads: '0'"},
    {"a number with a tail", {"run", "a", "--batch=3x"}, 2, NULL, "--batch: '3x'"},
    {"a number beyond size_t", {"run", "a", "--top", "99999999999999999999999"}, 2, NULL, "--top"},
    {"no such lowering", {"verify", "a", "--lowering", "magic"}, 2, NULL, "'magic'"},
    {"no such accuracy", {"info", "a", "--accuracy", "some"}, 2, NULL, "'some'"},
    {"no such pass", {"info", "a", "--disable", "fuse-add,magic"}, 2, NULL, "'fuse-add,magic'"},
    {"no pass at all", {"info", "a", "--disable", ""}, 2, NULL, "--disable"},
    {"no such preset", {"run", "a", "--preset", "imagenot"}, 2, NULL, "'imagenot'"},
    {"half a size", {"run", "a", "--crop", "224"}, 2, NULL, "--crop"},
    {"dims with a hole", {"info", "a", "--size", "x=1x3xx4"}, 2, NULL, "--size"},
    {"nine dims", {"info", "a", "--size", "x=1x1x1x1x1x1x1x1x1"}, 2, NULL, "--size"},
    {"two means", {"run", "a", "--mean", "1,2"}, 2, NULL, "--mean"},
    {"a deviation of 0", {"run", "a", "--std", "1,0,1"}, 2, NULL, "--std"},

    {"run: no such file", {"run", "none.onnx"}, 1, NULL, "none.onnx"},
    {"verify: no such file", {"verify", "none.onnx"}, 1, NULL, "none.onnx"},
    {"info: no such file", {"info", "none.onnx"}, 1, NULL, "none.onnx"},
    {"not a model", {"run", "not.onnx"}, 1, NULL, "not.onnx"},

    {"passes left out",
     {"info", CONV, "--explain", "--disable", "fuse-norm,overwrite"},
     0,
     "pass  fuse-norm: 0 (disabled)\npass  fuse-add: 0\n",
     NULL},
    {"what a convolution was decided among",
     {"info", CONV, "--explain", "--accuracy", "strict"},
     0,
     "[1,1,5,5] to [1,1,5,5], kernel 3x3, pad 1 1 1 1\n  lowering ",
     NULL},
    {"why not", {"info", CONV, "--explain", "--accuracy", "strict"}, 0, "  accuracy is strict\n", NULL},
    {"a lowering forced", {"info", CONV, "--explain", "--lowering", "im2col"}, 0, " MB  forced\n", NULL},
    {"a lowering under pressure", {"info", CONV, "--explain", "--max-bytes", "1000000"}, 0, " MB  chosen\n", NULL},
    {"all passes left out", {"verify", CONV, "--disable=all"}, 0, "within the bound", NULL},
    {"tuning",
     {"run", CONV, "--threads", "1", "--tune-file", "times"},
     0,
     "output 'y'",
     "1 convolution measured, 0 known"},
    {"tuned before",
     {"info", CONV, "--threads", "1", "--tune-file", "times", "--size", "x=1x1x5x5"},
     0,
     "memory",
     "0 convolutions measured, 1 known"},
    {"what was measured",
     {"info", CONV, "--threads", "1", "--explain", "--tune-file", "times"},
     0,
     " MB  chosen\n",
     "1 known"},
    {"tuned for more threads",
     {"info", CONV, "--threads", "2", "--tune-file", "times"},
     0,
     "memory",
     "1 convolution measured, 1 known"},
    {"no tuning file", {"run", CONV, "--tune-file", "labels"}, 1, NULL, "labels does not begin"},
    {"a tuning file in no directory", {"run", CONV, "--tune-file", "none/times"}, 1, NULL, "none/times"},

    {"layers of an input that is given",
     {"verify", RELU, "--input", RELU_DATA "/input_0.pb"},
     0,
     "1 of 1 layers",
     NULL},
    {"an input beside those of the data",
     {"verify", RELU, "--data", RELU_DATA, "--input", RELU_DATA "/input_0.pb"},
     1,
     NULL,
     "neither --input"},
    {"a preset beside the data",
     {"verify", RELU, "--data", RELU_DATA, "--preset", "imagenet"},
     1,
     NULL,
     "neither --input"},
    {"random input", {"run", RELU}, 0, "output 'y'  float[3,4,5]", "seed 0"},
    {"a .pb", {"run", RELU, "--input", RELU_DATA "/input_0.pb"}, 0, "min 0", NULL},
    {"a .pb by name", {"run", RELU, "--input", "x=" RELU_DATA "/input_0.pb"}, 0, "min 0", NULL},
    {"an unknown input", {"run", RELU, "--input", "z=" RELU_DATA "/input_0.pb"}, 1, NULL, "no input 'z'"},
    {"an input twice", {"run", SOFTMAX, "--input", "scores.npy", "--input", "scores.npy"}, 1, NULL, "twice"},
    {"no such input file", {"run", SOFTMAX, "--input", "none.npy"}, 1, NULL, "none.npy"},
    {"a file of unknown kind", {"run", SOFTMAX, "--input", "labels"}, 1, NULL, "labels"},
    {"another type", {"run", SOFTMAX, "--input", "integers.npy"}, 1, NULL, "takes float, this is int32"},
    {"other dimensions", {"run", SOFTMAX, "--input", "long.npy"}, 1, NULL, "[3,1]"},
    {"scores", {"run", SOFTMAX, "--input", "scores.npy"}, 0, "       2      0.665241  \n", NULL},
    {"doubles are taken as floats", {"run", SOFTMAX, "--input", "doubles.npy"}, 0, "0.665241", NULL},
    {"labels", {"run", SOFTMAX, "--input", "scores.npy", "--labels", "labels"}, 0, "0.244728  dog\n", NULL},
    {"labels in UTF-16", {"run", SOFTMAX, "--labels", "wide"}, 1, NULL, "wide is no text of names"},
    {"a trace over the model", {"run", SOFTMAX, "--trace", SOFTMAX}, 2, NULL, "is the model itself"},
    {"no such labels", {"run", SOFTMAX, "--labels", "none"}, 1, NULL, "none"},
    {"softmax again",
     {"run", SOFTMAX, "--input=scores.npy", "--softmax", "--top=1"},
     0,
     "       2      0.450593",
     NULL},
    {"repeat and profile", {"run", SOFTMAX, "--input=scores.npy", "--repeat=3", "--profile"}, 0, "1 layers", NULL},
    {"a picture", {"run", POOL, "--input", "picture.png"}, 0, "min 100, max 102, mean 101", NULL},
    {"a picture with its channels last",
     {"run", "last.onnx", "--input", "picture.png"},
     0,
     "min 102, max 102, mean 102",
     NULL},
    {"a picture, prepared",
     {"run", POOL, "--input", "picture.png", "--scale=2", "--mean=1", "--std=0.5", "--bgr"},
     0,
     "min 398, max 406, mean 402",
     NULL},
    {"a picture of another size", {"run", POOL, "--input", "large.png"}, 1, NULL, "--resize"},
    {"a picture made to fit", {"run", POOL, "--input", "large.png", "--resize", "32x32"}, 0, "mean 101", NULL},
    {"a picture cut to fit", {"run", POOL, "--input", "large.png", "--crop", "32x32"}, 0, "mean 101", NULL},
    {"a picture for no picture", {"run", SOFTMAX, "--input", "picture.png"}, 1, NULL, "picture.png"},
    {"a picture of one channel, prepared",
     {"run", GREY, "--input", "picture.png", "--resize=4x4", "--mean=1"},
     0,
     "float[1,1,2,2]",
     NULL},
    {"three means for one channel",
     {"run", GREY, "--input", "picture.png", "--resize=4x4", "--mean=1,2,3"},
     1,
     NULL,
     "'x' has one channel"},
    {"a broken picture", {"run", POOL, "--input", "broken.png"}, 1, NULL, "broken.png"},
    {"preparing what is no picture",
     {"run", SOFTMAX, "--input", "scores.npy", "--scale", "2"},
     1,
     NULL,
     "for pictures"},
    {"an output directory inside a file", {"run", RELU, "--output-dir", "labels/x"}, 1, NULL, "labels/x"},
    {"an output directory that is a file", {"run", RELU, "--output-dir", "labels"}, 1, NULL, "directory labels"},

    {"verify against the reference", {"verify", RELU}, 0, "1 of 1 layers", NULL},
    {"verify each layer", {"verify", RELU, "--layers"}, 0, "ok      Relu", NULL},
    {"verify recorded outputs", {"verify", RELU, "--data", RELU_DATA}, 0, "ok      output 'y'", NULL},
    {"verify both", {"verify", RELU, "--data", RELU_DATA, "--layers"}, 0, "ok      Relu", NULL},
    {"verify wrong outputs", {"verify", RELU, "--data", "wrong"}, 1, "element 7", "1 of 1 outputs differ"},
    {"verify without data", {"verify", RELU, "--data", "empty"}, 1, NULL, "no input_0.pb"},

    {"a short cry for help", {"verify", "-h"}, 0, "--data", NULL},
    {"one run timed", {"run", SOFTMAX, "--input=scores.npy", "--repeat=1"}, 0, "the mean of 1 run\n", NULL},
    {"info", {"info", RELU}, 0, "Relu", NULL},
    {"a size twice", {"info", RELU, "--size", "3x4x5", "--size", "x=3x4x5"}, 1, "input 'x'", "'x' is given twice"},
    {"info names inputs", {"info", POOL}, 0, "input 'x'  float[1,3,32,32]", NULL},
};

Test(command, rows)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct command_outcome *outcome = command_run(rows[i].words);
        cr_expect(outcome->status == rows[i].status, "%s: exit status %d\n%s", rows[i].name, outcome->status,
                  outcome->err);
        cr_expect(rows[i].out ? strstr(outcome->out, rows[i].out) != NULL : outcome->out[0] == '\0', "%s: stdout:\n%s",
                  rows[i].name, outcome->out);
        cr_expect(rows[i].err ? strstr(outcome->err, rows[i].err) != NULL : outcome->err[0] == '\0', "%s: stderr:\n%s",
                  rows[i].name, outcome->err);
    }
}

Test(command, outputs_are_written)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_tensor written, recorded = read_pb(RELU_DATA "/output_0.pb");
    static const char *const words[] = {"run", RELU, "--input", RELU_DATA "/input_0.pb", "--output-dir", "new", NULL};
    for (int twice = 0; twice < 2; twice++) {
        const struct command_outcome *outcome = command_run(words);
        cr_assert(outcome->status == 0, "%s", outcome->err);
        cr_assert(stoa_npy_read("new/output_0.npy", &allocator, NULL, &written, NULL) == STOA_OK);
        cr_expect(stoa_tensor_same_dims(&written, &recorded));
        cr_expect(memcmp(written.data, recorded.data, stoa_tensor_bytes(&recorded)) == 0);
        stoa_release(&allocator, written.data);
    }
    cr_expect(unlink("new/output_0.npy") == 0 && rmdir("new") == 0, "more than the output was left");
    stoa_release(&allocator, recorded.data);
}

Test(command, a_batch_repeats_the_input)
{
    /* Conv's recorded model has its batch fixed at 1, so the batch is refused and says so. */
    static const char *const words[] = {"run", SOFTMAX, "--input", "scores.npy", "--batch", "3", NULL};
    const struct command_outcome *outcome = command_run(words);
    cr_expect(outcome->status == 1 && strstr(outcome->err, "'x'"), "%d: %s", outcome->status, outcome->err);
}

Test(command, results_that_cannot_be_written_are_a_failure)
{
    const char *command = getenv("STOA_COMMAND");
    char line[PATH_MAX + 64];
    snprintf(line, sizeof line, "'%s' --version >/dev/full 2>err", command);
    int status = system(line);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
