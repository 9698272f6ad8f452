/* stoa show deconv as its users meet it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <stoa/stoa.h>

#include "support/command.h"
#include "support/files.h"
#include "support/net.h"
#include "support/squares.h"

/* Pictures of 12 x 12, and a model of each kind. */
static void make_files(void)
{
    static const char *const nets[][2] = {
        {"net.onnx", "input x f32[?,1,12,12]\nconst k f32[4,1,3,3]\nc = Conv(x, k)\nr = Relu(c)\n"
                     "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\nconst l f32[3,4,3,3]\nd = Conv(p, l)\n"
                     "y = Relu(d)\noutput y\n"},
        {"vector.onnx", "input x f32[?,12]\nconst w f32[12,3]\ny = MatMul(x, w)\noutput y\n"},
        {"large.onnx", "input x f32[?,1,20,20]\nconst k f32[4,1,3,3]\ny = Conv(x, k)\noutput y\n"},
        {"four.onnx", "input x f32[?,4,12,12]\nconst k f32[4,4,3,3]\ny = Conv(x, k)\noutput y\n"},
        {"average.onnx", "input x f32[?,1,12,12]\nconst k f32[4,1,3,3]\nc = Conv(x, k)\n"
                         "y = AveragePool(c) kernel_shape=[2,2]\noutput y\n"}};
    squares_write();
    cr_assert(chdir(files_folder()) == 0);
    files_write_png("picture.png", 12, 12, 1, 90);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct net net;
        struct stoa_error error = {0};
        net_build(&net, nets[i][1], NULL);
        cr_assert(stoa_model_save(net.model, nets[i][0], &error) == STOA_OK, "%s", error.message);
        net_free(&net);
    }
}

static void remove_files(void)
{
    cr_assert(chdir("/") == 0);
    files_remove();
}

static const struct {
    const char *name, *words[COMMAND_WORDS - 4];
    int status;
    const char *told; /* on stderr */
} rows[] = {
    {"a data set", {"net.onnx", "--layer", "y", "--data", "idx:."}, 0, ""},
    {"as a page", {"net.onnx", "--layer", "p", "--data", "idx:.", "--maps", "2", "--top", "3", "--limit", "20"}, 0, ""},
    {"several layers", {"net.onnx", "--layer", "y", "--layer", "c", "--data", "idx:.", "--limit", "9"}, 0, ""},
    {"several layers of one picture",
     {"net.onnx", "--layer", "c", "--layer", "p", "--image", "picture.png", "--scale", "0.01"},
     0,
     ""},
    {"one of them is not there",
     {"net.onnx", "--layer", "c", "--layer", "conv9", "--data", "idx:."},
     1,
     "no layer 'conv9'"},
    {"one picture", {"net.onnx", "--image", "picture.png", "--scale", "0.01"}, 0, ""},
    {"averages alone", {"average.onnx", "--layer", "y", "--data", "idx:."}, 1, "is behind no max pooling"},
    {"averages alone, spread", {"average.onnx", "--layer", "y", "--data", "idx:.", "--limit", "5", "--spread"}, 0, ""},
    {"before the averages", {"average.onnx", "--layer", "c", "--data", "idx:.", "--limit", "5"}, 0, ""},
    {"no pictures", {"net.onnx", "--layer", "y"}, 1, "which pictures?"},
    {"two kinds of pictures", {"net.onnx", "--data", "idx:.", "--image", "picture.png"}, 1, "which pictures?"},
    {"no such layer", {"net.onnx", "--layer", "conv9", "--data", "idx:."}, 1, "no layer 'conv9'"},
    {"no picture goes in", {"vector.onnx", "--layer", "y", "--data", "idx:."}, 1, "takes no pictures"},
    {"four channels", {"four.onnx", "--data", "idx:."}, 1, "of 4 or 12 channels) takes no pictures"},
    {"other pictures", {"large.onnx", "--layer", "y", "--data", "idx:."}, 1, "the model takes [1,20,20]"},
    {"no maps", {"net.onnx", "--maps", "0", "--data", "idx:."}, 2, "--maps: '0'"},
};

Test(deconv_command, makes_a_file_or_says_why_not, .init = make_files, .fini = remove_files)
{
    static const char *const endings[] = {"png", "html", "svg"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char file[32];
        const char *words[COMMAND_WORDS + 1] = {"show", "deconv"};
        size_t count = 2;
        snprintf(file, sizeof file, "out%zu.%s", i, endings[i % 3]);
        for (size_t w = 0; rows[i].words[w]; w++)
            words[count++] = rows[i].words[w];
        words[count++] = "--output";
        words[count++] = file;
        const struct command_outcome *outcome = command_run(words);
        cr_expect(outcome->status == rows[i].status, "%s: %d, %s", rows[i].name, outcome->status, outcome->err);
        cr_expect(strstr(outcome->err, rows[i].told), "%s: %s", rows[i].name, outcome->err);
        cr_expect((access(file, F_OK) == 0) == (rows[i].status == 0), "%s: %s", rows[i].name, file);
    }
}
