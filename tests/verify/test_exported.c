/* What exporters make of a layer: the graphs in which PyTorch's by torch.export writes what it has no operator for,
 * with every attribute stated and the batch (or the image's size) open, at the operator sets they may state. Each is
 * read as a file, planned for the dims given and checked layer by layer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stoa/stoa.h>

#include "support/onnx_net.h"

#define BATCH "b = Shape(x) start=0 end=1\n"
#define RESIZE                                                                                                         \
    " antialias=0 cubic_coeff_a=-0.75 exclude_outside=0 extrapolation_value=0.0 keep_aspect_ratio_policy='stretch'"    \
    " nearest_mode='floor' coordinate_transformation_mode="

static const struct {
    const char *name;
    size_t rank, dims[4]; /* of x */
    const char *text;
} rows[] = {
    {"a view whose batch is open",
     4,
     {3, 6, 2, 5},
     "input x f32[?,6,2,5]\nconst n i64{60}\nconst m i64{-1}\n" BATCH "i = Squeeze(b)\nj = Reshape(i, m) allowzero=0\n"
     "s = Concat(j, n) axis=0\ny = Reshape(x, s) allowzero=1\noutput y\n"},
    {"a view of what is left",
     4,
     {3, 6, 2, 5},
     "input x f32[?,6,2,5]\nconst s i64{-1,60}\ny = Reshape(x, s) allowzero=1\noutput y\n"},
    {"sizes computed",
     4,
     {2, 6, 4, 6},
     "input x f32[?,6,?,?]\nconst m i64{-1}\nconst c i64{6}\nconst two i64(2)\nconst t i64{2}\n" BATCH
     "h = Shape(x) start=2 end=3\nhs = Squeeze(h)\nd = Div(hs, two)\ndr = Reshape(d, m)\nw = Shape(x) start=3 end=4\n"
     "s = Concat(b, c, dr, t, w) axis=0\ny = Reshape(x, s) allowzero=1\noutput y\n"},
    {"shuffled channels",
     4,
     {2, 6, 5, 7},
     "input x f32[?,6,5,7]\nconst p i64{2,3,5,7}\nconst q i64{6,5,7}\n" BATCH "s = Concat(b, p) axis=0\n"
     "u = Reshape(x, s) allowzero=1\nv = Transpose(u) perm=[0,2,1,3,4]\nr = Concat(b, q) axis=0\n"
     "y = Reshape(v, r) allowzero=1\noutput y\n"},
    {"shuffled pixels",
     4,
     {2, 8, 5, 6},
     "input x f32[?,8,?,?]\nconst z i64{0}\nconst e i64{-3}\nconst m i64{-1}\nconst far i64{9223372036854775807}\n"
     "s = Shape(x) start=0\nb = Slice(s, z, e)\nc = Slice(s, e, far)\nf = Concat(m, c) axis=0\nu = Reshape(x, f)\n"
     "v = DepthToSpace(u) blocksize=2 mode='CRD'\no = Shape(v) start=1\nr = Concat(b, o) axis=0\n"
     "y = Reshape(v, r) allowzero=1\noutput y\n"},
    {"an image made larger",
     4,
     {2, 3, 5, 6},
     "input x f32[?,3,5,6]\nconst n i64{10,13}\nc = Shape(x) start=0 end=2\ns = Concat(c, n) axis=0\n"
     "y = Resize(x, -, -, s) mode='nearest'" RESIZE "'asymmetric'\nz = Resize(x, -, -, s) mode='linear'" RESIZE
     "'pytorch_half_pixel'\nu = Resize(x, -, -, s) mode='cubic'" RESIZE
     "'align_corners'\noutput y\noutput z\noutput u\n"},
    {"groups normalised by instances",
     4,
     {2, 6, 5, 7},
     "input x f32[?,6,?,?]\nconst g i64{0,3,-1}\nconst o f32{1,1,1}\nconst z f32{0,0,0}\nconst w f32[6]\n"
     "const v f32[6]\nconst one i64(1)\nu = Reshape(x, g) allowzero=0\nn = InstanceNormalization(u, o, z) "
     "epsilon=0.00001\ns = Shape(x) start=0\nr = Reshape(n, s)\nk = Size(s)\nl = Sub(k, one)\na = Range(one, l, one)\n"
     "wu = Unsqueeze(w, a)\nvu = Unsqueeze(v, a)\nt = Mul(r, wu)\ny = Add(t, vu)\noutput y\n"},
    {"a deviation by hand",
     4,
     {2, 6, 5, 7},
     "input x f32[?,6,?,?]\nconst d i64{2,3}\nconst one f32(1)\nm = ReduceMean(x, d) keepdims=1 "
     "noop_with_empty_axes=0\n"
     "s = Sub(x, m)\nq = Mul(s, s)\nv = ReduceMean(q, d) keepdims=0 noop_with_empty_axes=0\nh = Shape(x) start=0\n"
     "g = Gather(h, d) axis=0\nn = ReduceProd(g) keepdims=0 noop_with_empty_axes=0\nf = CastLike(n, x)\n"
     "a = Mul(v, f)\nb = Sub(f, one)\nc = Div(a, b)\ny = Sqrt(c)\noutput y\n"},
    {"vectors of length 1",
     2,
     {3, 7},
     "input x f32[?,7]\nconst d i64{1}\nconst e f32(0.000000000001)\n"
     "n = ReduceL2(x, d) keepdims=1 noop_with_empty_axes=0\nc = Clip(n, e)\ns = Shape(x) start=0\nf = Expand(c, s)\n"
     "y = Div(x, f)\noutput y\n"},
    {"rolled",
     4,
     {2, 5, 6, 4},
     "input x f32[?,5,6,4]\nconst d i64{1}\nconst z i64{0}\nconst t i64{2}\nconst m i64{-1}\ns = Shape(x) start=0\n"
     "g = Gather(s, d) axis=0\nl = Sub(g, t)\na = Slice(x, z, l, d)\nn = Size(x)\ne = Reshape(n, m)\n"
     "b = Slice(x, l, e, d)\ny = Concat(b, a) axis=1\noutput y\n"},
    {"padded as torch counts",
     4,
     {2, 3, 5, 6},
     "input x f32[?,3,5,6]\nconst p i64{1,2,0,1}\nconst z i64{0}\nconst two i64(2)\nconst m i64{-1}\nconst t i64{-2}\n"
     "const far i64{-9}\ns = Shape(x) start=0\nr = Size(s)\nk = Mul(r, two)\nn = Size(p)\no = Sub(k, n)\n"
     "c = Reshape(o, m)\ne = Expand(z, c)\nf = Concat(p, e) axis=0\na = Slice(f, t, far, z, t)\n"
     "b = Slice(f, m, far, z, t)\ng = Concat(a, b) axis=0\ny = Pad(x, g) mode='reflect'\noutput y\n"},
    {"coordinates of pixels",
     4,
     {1, 2, 3, 4},
     "input x f32[?,2,?,?]\nconst o i64(0)\nconst i i64(1)\nconst m i64{-1}\nconst r i64{-1,1}\nconst l i64{1,-1}\n"
     "const k i64{1,-1,2}\nhs = Shape(x) start=2 end=3\nh = Squeeze(hs)\nws = Shape(x) start=3 end=4\nw = Squeeze(ws)\n"
     "a = Range(o, h, i)\nb = Range(o, w, i)\ns = Concat(hs, ws) axis=0\nar = Reshape(a, r)\ngy = Expand(ar, s)\n"
     "br = Reshape(b, l)\ngx = Expand(br, s)\nu = Unsqueeze(gx, m)\nv = Unsqueeze(gy, m)\nc = Concat(u, v) axis=-1\n"
     "d = Reshape(c, k)\ny = Cast(d) to=1\noutput y\n"},
    {"rounded towards minus infinity",
     2,
     {2, 3},
     "input x f32[?,3]\nconst k f32(5)\nconst o i64(4)\nconst z i64(0)\na = Mul(x, k)\ni = Cast(a) to=7\n"
     "q = Div(i, o)\nl = Less(i, z)\nm = Less(o, z)\nn = Xor(l, m)\nr = Mod(i, o) fmod=0\ns = Cast(r) to=9\n"
     "t = And(n, s)\nu = Cast(t) to=7\ny = Sub(q, u)\noutput y\n"},
    {"windows averaged by their indices",
     4,
     {2, 4, 5, 7},
     "input x f32[?,4,5,7]\nconst i i64[2,3,1,1]{0,1,2,2,3,4}\nconst j i64[1,1,3,3]{0,1,2,2,3,4,4,5,6}\n"
     "const n i64{2,3,3,3}\nconst m i64{-1}\nconst d i64{-3,-1}\nt = Transpose(x) perm=[2,3,0,1]\na = Expand(i, n)\n"
     "b = Expand(j, n)\nu = Unsqueeze(a, m)\nv = Unsqueeze(b, m)\nc = Concat(u, v) axis=-1\n"
     "g = GatherND(t, c) batch_dims=0\nf = Transpose(g) perm=[4,5,0,1,2,3]\n"
     "y = ReduceMean(f, d) keepdims=0 noop_with_empty_axes=0\noutput y\n"},
    {"a pool whose places nobody wants",
     4,
     {2, 4, 9, 11},
     "input x f32[?,4,?,?]\ny, i = MaxPool(x) auto_pad='NOTSET' ceil_mode=1 dilations=[1,1] kernel_shape=[3,3] "
     "pads=[1,1,1,1] storage_order=0 strides=[2,2]\nz = AveragePool(x) auto_pad='NOTSET' ceil_mode=1 "
     "count_include_pad=1 kernel_shape=[3,3] pads=[1,1,1,1] strides=[2,2]\noutput y\noutput z\n"},
    {"full of one number",
     2,
     {3, 4},
     "input x f32[?,4]\nconst n i64{3}\nconst k i64(2)\n" BATCH "s = Concat(b, n) axis=0\nf = Cast(k) to=1\n"
     "y = Expand(f, s)\nz = ConstantOfShape(s)\no = CastLike(k, x)\nt = Shape(x) start=0\nu = Expand(o, t)\n"
     "output y\noutput z\noutput u\n"},
};

Test(verify, graphs_that_exporters_make_of_a_layer)
{
    static const int64_t opsets[] = {18, 20, 22, 23, 24, 25, 26};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof opsets / sizeof *opsets; k++) {
            struct onnx_writer file = {0};
            struct stoa_error error = {0};
            struct stoa_model *model;
            struct stoa_input_spec x = {.name = "x", .rank = rows[i].rank};
            for (size_t d = 0; d < x.rank; d++)
                x.dims[d] = rows[i].dims[d];
            struct stoa_session_options session = {.threads = 2, .inputs = &x, .input_count = 1};
            struct stoa_verify_options options = {.session = &session, .seed = 5};
            onnx_net(&file, rows[i].text, opsets[k]);
            cr_assert(stoa_model_load_memory(file.data, file.size, NULL, &error, &model) == STOA_OK, "%s, opset %d: %s",
                      rows[i].name, (int)opsets[k], error.message);
            cr_expect(stoa_verify(model, NULL, &options, &error) == STOA_OK, "%s, opset %d: %s", rows[i].name,
                      (int)opsets[k], error.message);
            stoa_model_free(model);
            onnx_free(&file);
        }
}
