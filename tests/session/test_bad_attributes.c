/* Attributes, shapes and shape inputs that make no sense, end to end: a file is loaded and planned; somewhere on the
 * way it is refused with a message that names the node, the field and the value, and nothing stays allocated. The
 * numbers in the rows' names count the kinds of faults. The same faults in the descriptors of single layers stand
 * below. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <stoa/stoa.h>

#include "support/allocator.h"
#include "support/onnx_net.h"

#define ATTRIBUTE STOA_ERROR_ATTRIBUTE
#define GRAPH STOA_ERROR_GRAPH
#define SHAPE STOA_ERROR_SHAPE
#define LIMIT STOA_ERROR_LIMIT
#define UNSUPPORTED STOA_ERROR_UNSUPPORTED

struct bad_net {
    const char *name, *text;
    enum stoa_status status;
    const char *words; /* all of them, separated by |, are in the message */
    int opset;         /* 0: 13 */
    enum stoa_lowering lowering;
};

#define X "input x f32[1,4,8,8]\n"
#define W "const w f32[4,4,3,3]\n"
#define OUT "\noutput y\n"
#define CONV(attributes) X W "y = Conv(x, w) " attributes OUT
#define POOL(attributes) X "y = MaxPool(x) " attributes OUT
#define AVERAGE(attributes) X "y = AveragePool(x) " attributes OUT
#define DECONV(attributes) X "const w f32[4,2,3,3]\ny = ConvTranspose(x, w) " attributes OUT
#define RESHAPE(shape) X "const s i64" shape "\ny = Reshape(x, s)" OUT
#define IN_CONV "node 'node_y' (Conv): |"
#define IN_POOL "node 'node_y' (MaxPool): |"

static const struct bad_net rows[] = {
    {"44 strides of 0", CONV("strides=[0,1]"), ATTRIBUTE, IN_CONV "strides[0] is 0"},
    {"44 of a pool", POOL("kernel_shape=[2,2] strides=[1,0]"), ATTRIBUTE, IN_POOL "strides[1] is 0"},
    {"45 strides of -1", CONV("strides=[-1,1]"), ATTRIBUTE, IN_CONV "strides[0] is -1"},
    {"46 strides of 2^32", CONV("strides=[4294967296,1]"), ATTRIBUTE, IN_CONV "strides[0] is 4294967296"},
    {"46 of a pool", POOL("kernel_shape=[2,2] strides=[1,4294967296]"), ATTRIBUTE, IN_POOL "strides[1] is 4294967296"},
    {"47 three strides", CONV("strides=[1,1,1]"), ATTRIBUTE, IN_CONV "strides|3 axes"},
    {"47 of a pool", POOL("kernel_shape=[2,2] strides=[1,1,1]"), ATTRIBUTE, IN_POOL "strides has 3 values"},
    {"47 four strides", CONV("strides=[1,1,1,1]"), ATTRIBUTE, IN_CONV "strides has 4 values"},
    {"47 no strides", CONV("strides=[]"), ATTRIBUTE, IN_CONV "strides"},
    {"48 dilations of 0", CONV("dilations=[0,1]"), ATTRIBUTE, IN_CONV "dilations[0] is 0"},
    {"49 dilations of 2^62", CONV("dilations=[4611686018427387904,1]"), ATTRIBUTE,
     IN_CONV "dilations[0] is 4611686018427387904"},
    {"49 the largest int", CONV("dilations=[2147483647,1]"), LIMIT, IN_CONV "dilation[0] 2147483647"},
    {"50 kernel_shape of 0", CONV("kernel_shape=[0,3]"), ATTRIBUTE, IN_CONV "kernel_shape[0] is 0"},
    {"50 of a pool", POOL("kernel_shape=[0,3]"), ATTRIBUTE, IN_POOL "kernel_shape[0] is 0"},
    {"50 weights of height 0", X "const w f32[4,4,0,3]\ny = Conv(x, w)" OUT, ATTRIBUTE, IN_CONV "kernel[0] is 0"},
    {"51 kernel_shape 5x5 for 3x3", CONV("kernel_shape=[5,5]"), ATTRIBUTE,
     IN_CONV "kernel_shape[0] is 5|input W has dims [4,4,3,3]"},
    {"52 kernel beyond the input", X "const w f32[1,4,9,3]\ny = Conv(x, w)" OUT, SHAPE, IN_CONV "kernel[0] 9|of 8"},
    {"52 with its pads", X "const w f32[1,4,3,11]\ny = Conv(x, w) pads=[0,1,0,1]" OUT, SHAPE,
     IN_CONV "kernel[1] 11|of 10"},
    {"52 with its dilation", CONV("dilations=[1,4]"), SHAPE, IN_CONV "kernel[1] 3 with dilation 4 spans 9|of 8"},
    {"52 of a pool", POOL("kernel_shape=[2,9]"), SHAPE, IN_POOL "kernel_shape[1] of 9|is 8"},
    {"53 pads of -1", CONV("pads=[-1,0,0,0]"), ATTRIBUTE, IN_CONV "pads[0] is -1"},
    {"53 of a pool", POOL("kernel_shape=[2,2] pads=[0,0,0,-1]"), ATTRIBUTE, IN_POOL "pads[3] is -1"},
    {"54 three pads", CONV("pads=[1,1,1]"), ATTRIBUTE, IN_CONV "pads has 3 values"},
    {"54 two pads", CONV("kernel_shape=[3,3] pads=[1,1]"), ATTRIBUTE, IN_CONV "pads has 2 values, must have 4"},
    {"55 pads of 2^31-1", CONV("pads=[2147483647,2147483647,2147483647,2147483647]"), LIMIT,
     IN_CONV "height 8 with pads 2147483647 and 2147483647"},
    {"55 of a pool", POOL("kernel_shape=[2,2] pads=[2147483647,2147483647,2147483647,2147483647]"), ATTRIBUTE,
     IN_POOL "pads[0] is 2147483647"},
    {"56 group 0", CONV("group=0"), ATTRIBUTE, IN_CONV "group is 0"},
    {"57 group -1", CONV("group=-1"), ATTRIBUTE, IN_CONV "group is -1"},
    {"57 group 2^32+1", CONV("group=4294967297"), ATTRIBUTE, IN_CONV "group is 4294967297"},
    {"58 group 3 of 4 channels", CONV("group=3"), SHAPE, IN_CONV "4 channels|group 3"},
    {"59 3 filters in 2 groups", X "const w f32[3,2,3,3]\ny = Conv(x, w) group=2" OUT, SHAPE,
     IN_CONV "output channels are 3|group 2"},
    {"60 weights of other channels", X "const w f32[4,3,3,3]\ny = Conv(x, w)" OUT, SHAPE,
     IN_CONV "input W has dims [4,3,3,3]|4 channels"},
    {"61 weights of rank 3", X "const w f32[4,4,3]\ny = Conv(x, w)" OUT, SHAPE, IN_CONV "input W has dims [4,4,3]"},
    {"61 weights of rank 6", X "const w f32[4,4,3,3,1,1]\ny = Conv(x, w)" OUT, SHAPE,
     IN_CONV "input W has dims [4,4,3,3,1,1]"},
    {"61 input of rank 0", "input x f32[]\n" W "y = Conv(x, w)" OUT, UNSUPPORTED, IN_CONV "input X has rank 0"},
    {"62 a bias too many", X W "const b f32[5]\ny = Conv(x, w, b)" OUT, SHAPE, IN_CONV "input B has dims [5]|[4]"},
    {"62 bias of rank 2", X W "const b f32[4,1]\ny = Conv(x, w, b)" OUT, SHAPE, IN_CONV "input B has dims [4,1]"},
    {"63 auto_pad X", CONV("auto_pad='X'"), ATTRIBUTE, IN_CONV "auto_pad is \"X\""},
    {"64 SAME_UPPER with pads", CONV("auto_pad='SAME_UPPER' pads=[1,1,1,1]"), ATTRIBUTE,
     IN_CONV "pads[0] is 1|auto_pad SAME_UPPER"},
    {"65 pads as large as the kernel", POOL("kernel_shape=[2,2] pads=[0,2,0,0]"), ATTRIBUTE,
     IN_POOL "pads[1] is 2|less than the kernel's 2"},
    {"65 of an average", AVERAGE("kernel_shape=[3,1] pads=[0,0,3,0]"), ATTRIBUTE,
     "node 'node_y' (AveragePool): |pads[2] is 3|less than the kernel's 3"},
    {"66 ceil_mode 2", POOL("kernel_shape=[2,2] ceil_mode=2"), ATTRIBUTE, IN_POOL "ceil_mode is 2"},
    {"66 count_include_pad -1", AVERAGE("kernel_shape=[2,2] count_include_pad=-1"), ATTRIBUTE,
     "node 'node_y' (AveragePool): |count_include_pad is -1"},
    /* 490 GB of columns are refused (tests/layers), so another lowering is taken, whose tensors alone are too large. */
    {"67 columns of 490 GB", "input x f32[1,1,50000,50000]\nconst w f32[1,1,7,7]\ny = Conv(x, w)" OUT,
     STOA_ERROR_MEMORY, "bytes", .lowering = STOA_LOWERING_IM2COL_FULL},
    {"68 products of other K", X "const a f32[4,5]\nconst b f32[4,6]\ni = Flatten(x)\ny = Gemm(i, b)" OUT, SHAPE,
     "node 'node_y' (Gemm): |A has K = 256|B has K = 4"},
    {"68 matrices of rank 1", "input a f32[4]\nconst b f32[4,6]\ny = Gemm(a, b)" OUT, SHAPE,
     "node 'node_y' (Gemm): |input A has dims [4]"},
    {"68 of a product of matrices", "input a f32[2,3]\nconst b f32[4,6]\ny = MatMul(a, b)" OUT, SHAPE,
     "node 'node_y' (MatMul): |[2,3]|[4,6]"},
    {"68 C that does not broadcast", "input a f32[2,3]\nconst b f32[3,6]\nconst c f32[3,6]\ny = Gemm(a, b, c)" OUT,
     SHAPE, "node 'node_y' (Gemm): |input C has dims [3,6]|[2,6]"},
    {"69 transA 2", "input a f32[2,3]\nconst b f32[3,6]\ny = Gemm(a, b) transA=2" OUT, ATTRIBUTE,
     "node 'node_y' (Gemm): |transA is 2"},
    {"70 alpha NaN", "input a f32[2,3]\nconst b f32[3,6]\ny = Gemm(a, b) alpha=nan" OUT, ATTRIBUTE,
     "node 'node_y' (Gemm): |alpha is NaN"},
    {"71 epsilon -1", X "const s f32[4]\ny = BatchNormalization(x, s, s, s, s) epsilon=-1.0" OUT, ATTRIBUTE,
     "node 'node_y' (BatchNormalization): |epsilon is -1"},
    {"71 epsilon NaN", X "const s f32[4]\ny = BatchNormalization(x, s, s, s, s) epsilon=nan" OUT, ATTRIBUTE,
     "node 'node_y' (BatchNormalization): |epsilon is NaN"},
    {"72 scale of other channels", X "const s f32[4]\nconst t f32[3]\ny = BatchNormalization(x, t, s, s, s)" OUT, SHAPE,
     "node 'node_y' (BatchNormalization): |input scale has dims [3]|[4]"},
    {"72 variance of rank 0", X "const s f32[4]\nconst t f32(1)\ny = BatchNormalization(x, s, s, s, t)" OUT, SHAPE,
     "node 'node_y' (BatchNormalization): |input var has dims []|[4]"},
    {"73 shape [-1,-1]", RESHAPE("{-1,-1}"), ATTRIBUTE, "node 'node_y' (Reshape): |shape[1] is -1"},
    {"73 shape [-2]", RESHAPE("{-2}"), ATTRIBUTE, "node 'node_y' (Reshape): |shape[0] is -2"},
    {"74 shape [2^32,2^32]", RESHAPE("{4294967296,4294967296}"), LIMIT,
     "node 'node_y' (Reshape): |shape[1] is 4294967296"},
    {"74 of other elements", RESHAPE("{3,-1}"), SHAPE, "node 'node_y' (Reshape): |shape[1] is -1|256 elements|3"},
    {"74 of more elements", RESHAPE("{257}"), SHAPE, "node 'node_y' (Reshape): |[1,4,8,8]|256|[257]"},
    {"74 a 0 without a dimension", RESHAPE("{1,4,8,8,0}"), SHAPE, "node 'node_y' (Reshape): |shape[4] is 0"},
    {"75 axis 9", X "y = Flatten(x) axis=9" OUT, ATTRIBUTE, "node 'node_y' (Flatten): |axis is 9"},
    {"75 axis 5 of 4", X "y = Flatten(x) axis=5" OUT, ATTRIBUTE, "node 'node_y' (Flatten): |axis is 5"},
    {"75 axis -2^63", X "y = Flatten(x) axis=-9223372036854775808" OUT, ATTRIBUTE,
     "node 'node_y' (Flatten): |axis is -9223372036854775808"},
    {"76 no inputs", "y = Concat() axis=0" OUT, GRAPH, "node 'node_y' (Concat)|input"},
    {"77 ratio 1", X "y = Dropout(x) ratio=1.0" OUT, ATTRIBUTE, "node 'node_y' (Dropout): |ratio is 1", 10},
    {"77 ratio NaN", X "y = Dropout(x) ratio=nan" OUT, ATTRIBUTE, "node 'node_y' (Dropout): |ratio is NaN", 10},
    {"77 ratio 1, an input", X "const r f32(1)\ny = Dropout(x, r)" OUT, ATTRIBUTE,
     "node 'node_y' (Dropout): |ratio is 1"},
    {"77 ratio NaN, an input", X "const r f32(nan)\ny = Dropout(x, r)" OUT, ATTRIBUTE,
     "node 'node_y' (Dropout): |ratio is nan"},

    /* Sizes that come out of attributes and shape inputs. */
    {"transposed to nothing", DECONV("pads=[5,0,5,0]"), SHAPE, "node 'node_y' (ConvTranspose): |pads 5 and 5|height"},
    {"transposed beyond BLAS", DECONV("strides=[2147483647,1]"), LIMIT,
     "node 'node_y' (ConvTranspose): |stride 2147483647"},
    {"output_shape of 0", DECONV("output_shape=[0,4]"), ATTRIBUTE, "node 'node_y' (ConvTranspose): |output_shape[0]"},
    {"pads of 2^62", X "const p i64{0,0,0,4611686018427387904,0,0,0,4611686018427387904}\ny = Pad(x, p)" OUT, LIMIT,
     "node 'node_y' (Pad): |pads"},
    {"pads that cut too much", X "const p i64{0,0,-5,0,0,0,-4,0}\ny = Pad(x, p)" OUT, SHAPE,
     "node 'node_y' (Pad): |pads"},
    {"pads for fewer axes", X "const p i64{0,0,1,1}\ny = Pad(x, p)" OUT, ATTRIBUTE, "node 'node_y' (Pad): |pads"},
    {"reflected beyond the edge", X "const p i64{0,0,8,0,0,0,0,0}\ny = Pad(x, p) mode='reflect'" OUT, UNSUPPORTED,
     "node 'node_y' (Pad): |reflect"},
    {"filled with 2^124 elements", "const s i64{4611686018427387904,4611686018427387904}\ny = ConstantOfShape(s)" OUT,
     LIMIT, "node 'node_y' (ConstantOfShape): |4611686018427387904"},
    {"filled with -1 elements", "const s i64{2,-1}\ny = ConstantOfShape(s)" OUT, ATTRIBUTE,
     "node 'node_y' (ConstantOfShape): |[1] is -1"},
    {"filled with 40 GB", "const s i64{10000000000}\ny = ConstantOfShape(s)" OUT, STOA_ERROR_MEMORY, "bytes"},
    {"expanded to 2^62", X "const s i64{4611686018427387904,1,1,1,1}\ny = Expand(x, s)" OUT, LIMIT,
     "node 'node_y' (Expand): |4611686018427387904"},
    {"expanded to -1", X "const s i64{-1,1,1,1}\ny = Expand(x, s)" OUT, ATTRIBUTE,
     "node 'node_y' (Expand): |[0] is -1"},
    {"slice of step 0",
     X "const a i64{0}\nconst b i64{4}\nconst c i64{1}\nconst s i64{0}\ny = Slice(x, a, b, c, s)" OUT, ATTRIBUTE,
     "node 'node_y' (Slice): |steps[0] is 0"},
    {"slice of an axis twice", X "const a i64{0,0}\nconst b i64{4,4}\nconst c i64{1,-3}\ny = Slice(x, a, b, c)" OUT,
     ATTRIBUTE, "node 'node_y' (Slice): |axes names axis 1 twice"},
    {"scaled by NaN", X "const s f32{1,1,nan,1}\ny = Resize(x, -, s)" OUT, SHAPE,
     "node 'node_y' (Resize): |scales has nan for axis 2"},
    {"scaled by -1", X "const s f32{1,1,-1,1}\ny = Resize(x, -, s)" OUT, SHAPE,
     "node 'node_y' (Resize): |scales has -1 for axis 2"},
    {"scaled by infinity", X "const s f32{1,1,inf,1}\ny = Resize(x, -, s)" OUT, SHAPE,
     "node 'node_y' (Resize): |scales has inf for axis 2"},
    {"scaled by 1e30", X "const s f32{1,1,1e30,1}\ny = Resize(x, -, s)" OUT, LIMIT, "node 'node_y' (Resize): |axis 2"},
    {"resized to -1", X "const s i64{1,4,-1,8}\ny = Resize(x, -, -, s)" OUT, SHAPE,
     "node 'node_y' (Resize): |sizes has -1 for axis 2"},
    {"perm twice the same", X "y = Transpose(x) perm=[0,1,1,3]" OUT, ATTRIBUTE,
     "node 'node_y' (Transpose): |perm names axis 1 twice"},
    {"perm of 3 for 4", X "y = Transpose(x) perm=[0,1,2]" OUT, ATTRIBUTE, "node 'node_y' (Transpose): |perm"},
    {"split that does not add up", X "const s i64{1,2}\ny, z = Split(x, s) axis=1" OUT, SHAPE,
     "node 'node_y' (Split): |split"},
    {"split of a negative part", X "const s i64{-1,5}\ny, z = Split(x, s) axis=1" OUT, ATTRIBUTE,
     "node 'node_y' (Split): |split[0] is -1"},
    {"split into unequal parts", X "y, z, u = Split(x) axis=1" OUT, SHAPE, "node 'node_y' (Split): |3"},
    {"squeezed where it is 4", X "const a i64{1}\ny = Squeeze(x, a)" OUT, SHAPE,
     "node 'node_y' (Squeeze): |axes names axis 1"},
    {"unsqueezed to rank 9", X "const a i64{0,1,2,3,4}\ny = Unsqueeze(x, a)" OUT, LIMIT,
     "node 'node_y' (Unsqueeze): |rank"},
    {"unsqueezed twice at 0", X "const a i64{0,0}\ny = Unsqueeze(x, a)" OUT, ATTRIBUTE,
     "node 'node_y' (Unsqueeze): |axes names axis 0 twice"},
    {"softmax of axis 4", X "y = Softmax(x) axis=4" OUT, ATTRIBUTE, "node 'node_y' (Softmax): |axis is 4"},
    {"mean of axis 4", X "y = ReduceMean(x) axes=[4]" OUT, ATTRIBUTE, "node 'node_y' (ReduceMean): |axes is 4"},
    {"LRN of size 0", X "y = LRN(x) size=0" OUT, ATTRIBUTE, "node 'node_y' (LRN): |size is 0"},
    {"shapes that do not broadcast", X "const a f32[3,1]\ny = Add(x, a)" OUT, SHAPE, "node 'node_y' (Add): |[3,1]"},
    {"concatenated beyond memory", "input x f32[0,4611686018427387904]\ny = Concat(x, x, x, x) axis=1" OUT, LIMIT,
     "4611686018427387904"},
    {"an input beyond memory", "input x f32[4611686018427387904,0]\ny = Relu(x)" OUT, LIMIT,
     "input 'x': |4611686018427387904"},
};

static enum stoa_status load_and_plan(const struct bad_net *row, const struct onnx_writer *file,
                                      const struct stoa_allocator *allocator, struct stoa_error *error)
{
    struct stoa_model_options options = {.allocator = allocator};
    struct stoa_session_options session_options = {.threads = 1, .lowering = row->lowering};
    struct stoa_model *model;
    struct stoa_session *session;
    enum stoa_status status = stoa_model_load_memory(file->data, file->size, &options, error, &model);
    cr_expect((status == STOA_OK) == (model != NULL), "%s: model after %s", row->name, stoa_status_name(status));
    if (status != STOA_OK)
        return status;
    status = stoa_session_create(model, &session_options, error, &session);
    cr_expect((status == STOA_OK) == (session != NULL), "%s: session after %s", row->name, stoa_status_name(status));
    stoa_session_free(session);
    stoa_model_free(model);
    return status;
}

static void check_words(const char *name, const char *words, const char *message)
{
    char text[256], *rest = text, *word;
    snprintf(text, sizeof text, "%s", words);
    while ((word = strsep(&rest, "|")))
        cr_expect(strstr(message, word), "%s: no \"%s\" in: %s", name, word, message);
}

Test(bad_attributes, are_refused_by_name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct onnx_writer file = {0};
        struct counting_allocator memory;
        struct stoa_error error = {0};
        counting_allocator_init(&memory);
        onnx_net(&file, rows[i].text, rows[i].opset ? rows[i].opset : 13);
        memory.limit = ((size_t)64 << 20) + 4 * file.size;
        clock_t begin = clock();
        enum stoa_status status = load_and_plan(&rows[i], &file, &memory.interface, &error);
        double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
        cr_expect(status == rows[i].status, "%s: %s: %s", rows[i].name, stoa_status_name(status), error.message);
        check_words(rows[i].name, rows[i].words, error.message);
        cr_expect(memory.live == 0, "%s: %zu blocks leaked", rows[i].name, memory.live);
        cr_expect(seconds < 1, "%s: a stall of %.3f s", rows[i].name, seconds); /* ten times what is aimed at */
        onnx_free(&file);
    }
}
