/* Weights at every address a file may have them: the same bits come out, whichever operator reads them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stoa/stoa.h>

#include "base/random.h"
#include "base/tensor.h"
#include "support/allocator.h"
#include "support/onnx_net.h"
#include "support/temporary.h"

/* Each constant of 64 KiB or more stays where the file has it. */
static const struct {
    const char *name, *text;
} rows[] = {
    {"Conv", "input x f32[1,64,9,7]\nconst w f32[48,64,3,3]\nconst v f32[600,48,1,1]\n"
             "h = Conv(x, w) pads=[1,1,1,1]\ny = Conv(h, v)\noutput y\n"},
    {"Conv, groups", "input x f32[2,64,5,5]\nconst w f32[70,32,3,3]\ny = Conv(x, w) group=2\noutput y\n"},
    {"Conv, depthwise", "input x f32[1,2048,3,3]\nconst w f32[2048,1,3,3]\n"
                        "y = Conv(x, w) group=2048 pads=[1,1,1,1]\noutput y\n"},
    {"Conv of a constant", "const x f32[1,64,17,16]\nconst w f32[40,64,3,3]\ny = Conv(x, w)\noutput y\n"},
    {"ConvTranspose", "input x f32[1,64,3,3]\nconst w f32[64,40,3,3]\ny = ConvTranspose(x, w)\noutput y\n"},
    {"ConvTranspose, groups", "input x f32[1,64,3,3]\nconst w f32[64,70,2,2]\n"
                              "y = ConvTranspose(x, w) group=2\noutput y\n"},
    {"Gemm [n][k]", "input x f32[3,200]\nconst w f32[100,200]\ny = Gemm(x, w) transB=1\noutput y\n"},
    {"Gemm [k][n]", "input x f32[1,200]\nconst w f32[200,100]\ny = Gemm(x, w)\noutput y\n"},
    {"Gemm of many rows", "input x f32[40,200]\nconst w f32[100,200]\nconst v f32[100,170]\n"
                          "h = Gemm(x, w) transB=1\ny = Gemm(h, v)\noutput y\n"},
    {"Gemm, A and C", "const x f32[200,100]\ninput w f32[100,300]\nconst c f32[200,300]\n"
                      "y = Gemm(x, w, c)\noutput y\n"},
    {"Gemm of an image", "input x f32[1,8,4,5]\nconst k f32[16,8,1,1]\nconst w f32[100,320]\n"
                         "h = Conv(x, k)\nf = Flatten(h)\ny = Gemm(f, w) transB=1\noutput y\n"},
    {"MatMul", "input x f32[5,3,80]\nconst w f32[5,80,50]\ny = MatMul(x, w)\noutput y\n"},
    {"MatMul, both sides", "const a f32[100,200]\nconst b f32[200,100]\ninput x f32[100,200]\n"
                           "p = MatMul(x, b)\nq = MatMul(a, b)\ny = Add(p, q)\noutput y\n"},
    {"one tensor, several readers", "input x f32[1,200]\nconst w f32[200,200]\nh = MatMul(x, w)\n"
                                    "a = Add(h, w)\ny = Gemm(a, w) transB=1\noutput y\noutput w\n"},
    {"Add and Relu", "input x f32[1]\nconst w f32[20000]\nr = Relu(w)\ny = Add(x, r)\noutput y\n"},
    {"a channels-last sum", "input x f32[1,64,16,17]\nconst k f32[64,64,1,1]\nconst w f32[1,64,16,17]\n"
                            "h = Conv(x, k)\ny = Add(h, w)\noutput y\n"},
    {"Reshape and Transpose", "input x f32[1]\nconst w f32[200,100]\nconst s i64{100,200}\nr = Reshape(w, s)\n"
                              "t = Transpose(r)\nd = Identity(t)\ny = Mul(d, x)\noutput y\noutput r\n"},
    {"double and whole numbers", "input i i64[2]\nconst d f64[150,100]\nconst l i64[100,100]\nconst s i32[200,100]\n"
                                 "a = Gather(d, i)\nb = Gather(l, i)\nc = Gather(s, i)\nconst e u8+[70000]\n"
                                 "f = Gather(e, i)\noutput a\noutput b\noutput c\noutput f\n"},
    {"an output", "input x f32[2]\nconst w f32[200,100]\ny = Relu(x)\noutput w\noutput y\n"},
};
#define COUNT (sizeof rows / sizeof *rows)

static const int64_t indices[2] = {3, 98};

#define MOST_BYTES ((size_t)1 << 20)

/* The outputs, one after another, at `result`; returns their bytes. */
static size_t run(const char *name, const struct stoa_model *model, const struct stoa_session_options *options,
                  unsigned char *result)
{
    struct stoa_session *session;
    struct stoa_error error = {0};
    cr_assert(stoa_session_create(model, options, &error, &session) == STOA_OK, "%s: %s", name, error.message);
    static float image[65536];
    struct random random = {.state = 5};
    stoa_random_fill(&random, sizeof image / sizeof *image, image);
    for (size_t i = 0; i < stoa_model_input_count(model); i++) {
        struct stoa_value_info info;
        cr_assert(stoa_model_input(model, i, &error, &info) == STOA_OK);
        const void *data = info.dtype == STOA_FLOAT ? (const void *)image : indices;
        cr_assert(stoa_session_bind_input(session, info.name, data, &error) == STOA_OK, "%s", error.message);
    }
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s: %s", name, error.message);
    size_t size = 0;
    for (size_t i = 0; i < stoa_model_output_count(model); i++) {
        struct stoa_value_info info;
        struct stoa_tensor output;
        cr_assert(stoa_model_output(model, i, &error, &info) == STOA_OK);
        cr_assert(stoa_session_output(session, info.name, &error, &output) == STOA_OK);
        size_t bytes = stoa_tensor_bytes(&output);
        cr_assert(size + bytes <= MOST_BYTES, "%s: outputs are too large for the test", name);
        memcpy(result + size, output.data, bytes);
        size += bytes;
    }
    stoa_session_free(session);
    return size;
}

static void verify(const char *name, const struct stoa_model *model)
{
    struct stoa_error error = {0};
    struct stoa_value_info info;
    const void *inputs[2] = {NULL, NULL};
    cr_assert(stoa_model_input_count(model) <= 2);
    for (size_t i = 0; i < stoa_model_input_count(model); i++) {
        cr_assert(stoa_model_input(model, i, &error, &info) == STOA_OK);
        inputs[i] = info.dtype == STOA_FLOAT ? NULL : indices; /* random */
    }
    cr_expect(stoa_verify(model, inputs, NULL, &error) == STOA_OK, "%s: %s", name, error.message);
}

Test(loose_weights, results_do_not_depend_on_where_a_file_has_its_weights)
{
    static unsigned char expected[MOST_BYTES], got[MOST_BYTES];
    for (size_t row = 0; row < COUNT; row++) {
        const char *name = rows[row].name;
        struct onnx_writer file = {0};
        struct stoa_error error = {0};
        onnx_net(&file, rows[row].text, 13);
        char *moved = aligned_alloc(64, (file.size + 127) / 64 * 64);
        for (size_t shift = 0; shift < 8; shift = 2 * shift + 1) {
            struct counting_allocator memory;
            counting_allocator_init(&memory);
            struct stoa_model *model;
            memcpy(moved + shift, file.data, file.size);
            cr_assert(stoa_model_load_memory(moved + shift, file.size,
                                             &(struct stoa_model_options){.allocator = &memory.interface}, &error,
                                             &model) == STOA_OK,
                      "%s: %s", name, error.message);
            for (int keep = 0; keep < 2; keep++) {
                struct stoa_session_options options = {.threads = 1 + shift % 3, .keep_values = keep};
                size_t size = run(name, model, &options, shift || keep ? got : expected);
                if (shift || keep)
                    cr_expect(memcmp(expected, got, size) == 0, "%s: shift %zu, keep_values %d: results differ", name,
                              shift, keep);
            }
            if (shift == 1)
                verify(name, model);
            stoa_model_free(model);
            cr_expect(memory.live == 0, "%s: shift %zu: %zu blocks leaked", name, shift, memory.live);
        }
        free(moved);
        onnx_free(&file);
    }
}

/* Pages that planning gave back come again from the file: a second session finds the weights as the first did. */
Test(loose_weights, sessions_of_one_file_agree)
{
    static unsigned char expected[MOST_BYTES], got[MOST_BYTES];
    for (size_t row = 0; row < COUNT; row++) {
        struct onnx_writer file = {0};
        struct stoa_error error = {0};
        struct stoa_model *model;
        onnx_net(&file, rows[row].text, 13);
        char path[TEMPORARY_PATH];
        temporary_file("", path);
        onnx_save(&file, path);
        cr_assert(stoa_model_load(path, NULL, &error, &model) == STOA_OK, "%s", error.message);
        unlink(path);
        size_t size = run(rows[row].name, model, NULL, expected);
        run(rows[row].name, model, &(struct stoa_session_options){.threads = 2}, got);
        cr_expect(memcmp(expected, got, size) == 0, "%s: results differ", rows[row].name);
        stoa_model_free(model);
        onnx_free(&file);
    }
}
