/* Networks of signals and volumes, planned with all passes and with none, against the twin. */
#include <criterion/criterion.h>

#include <stoa/stoa.h>

#include "support/net.h"

#define NORM(name, channels)                                                                                           \
    "const " name "s f32+[" channels "]\nconst " name "b f32[" channels "]\nconst " name "m f32[" channels             \
    "]\nconst " name "v f32+[" channels "]\n"

static const struct {
    const char *name, *text;
} nets[] = {
    {"residual network of a signal",
     "input x f32[2,3,40]\nconst w f32[16,3,7]\nconst v f32[16,16,3]\nconst u f32[8,32,1]\nconst f f32[5,80]\n" NORM(
         "n",
         "16") "a = Conv(x, w) strides=[2] pads=[3,3]\nb = BatchNormalization(a, ns, nb, nm, nv)\nc = Relu(b)\n"
               "d = Conv(c, v) pads=[1,1]\ne = Add(d, c)\ng = Relu(e)\nh = MaxPool(g) kernel_shape=[2] strides=[2]\n"
               "i = AveragePool(g) kernel_shape=[2] strides=[2]\nj = Concat(h, i) axis=1\nk = Conv(j, u)\n"
               "l = Flatten(k)\ny = Gemm(l, f) transB=1\noutput y\n"},
    {"a signal between other operators",
     "input x f32[1,8,15]\nconst w f32[8,8,3]\nconst p f32[8,1]\nconst s f32[8]\nconst k f32{1.0,1.0,2.0}\n"
     "const t f32[8,8,4]\na = Conv(x, w) pads=[1,1] group=1\nb, c = Split(a) axis=1\nd = Sigmoid(b)\ne = Mul(c, d)\n"
     "g = Concat(e, b) axis=1\nh = PRelu(g, p)\ni = InstanceNormalization(h, s, s)\nj = Resize(i, -, k) mode='linear'\n"
     "l = ConvTranspose(j, t) strides=[2] pads=[1,1]\nm = Transpose(l) perm=[0,2,1]\nn = Softmax(m)\n"
     "o = LRN(l) size=3 alpha=0.5\ny = GlobalAveragePool(o)\noutput n\noutput y\n"},
    {"U-net of a volume",
     "input x f32[1,2,6,8,10]\nconst w f32[16,2,3,3,3]\nconst v f32[16,16,3,3,3]\nconst t f32[16,16,2,2,2]\n"
     "const u f32[3,32,1,1,1]\nconst b f32[3]\n" NORM("n", "16")
         NORM("o", "16") "a = Conv(x, w) pads=[1,1,1,1,1,1]\n"
                         "c = BatchNormalization(a, ns, nb, nm, nv)\nd = Relu(c)\ne = MaxPool(d) kernel_shape=[2,2,2] "
                         "strides=[2,2,2]\n"
                         "g = Conv(e, v) pads=[1,1,1,1,1,1]\nh = Add(g, e)\ni = Relu(h)\nj = ConvTranspose(i, t) "
                         "strides=[2,2,2]\n"
                         "k = BatchNormalization(j, os, ob, om, ov)\nl = LeakyRelu(k)\nm = Concat(l, d) axis=1\nn = "
                         "Conv(m, u, b)\n"
                         "y = Softmax(n) axis=1\noutput y\n"},
    {"a volume becomes pictures",
     "input x f32[1,4,3,8,8]\nconst w f32[8,4,3,3,3]\nconst q i64{1,8,8,8}\nconst v f32[8,8,3,3]\nconst z i64{2}\n"
     "const k f32{1.0,1.0,1.0,2.0,2.0}\na = Conv(x, w) pads=[0,1,1,0,1,1]\nb = Squeeze(a, z)\n"
     "c = Conv(b, v) pads=[1,1,1,1]\nd = Unsqueeze(c, z)\ne = Resize(d, -, k) mode='cubic'\n"
     "g = GlobalMaxPool(e)\nh = Reshape(a, q)\ny = Conv(h, v)\noutput y\noutput g\n"},
    {"constants that are folded",
     "const x f32[1,2,3,4,5]\nconst w f32[3,2,2,2,2]\nconst s f32[1,2,9]\nconst v f32[3,2,3]\ninput a f32[1,3,2,3,4]\n"
     "b = Conv(x, w)\nc = MaxPool(s) kernel_shape=[2]\nd = Conv(c, v)\ny = Add(a, b)\nz = Relu(d)\noutput y\noutput "
     "z\n"},
};

Test(axes, networks_agree_with_the_twin)
{
    static const unsigned disabled[] = {0, STOA_PASS_ALL};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        for (size_t d = 0; d < 2; d++) {
            struct net net;
            struct stoa_error error = {0};
            net_build(&net, nets[i].text, NULL);
            struct stoa_session_options session = {.threads = 2, .disabled_passes = disabled[d]};
            struct stoa_verify_options options = {.session = &session, .seed = 7};
            cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%s, %s: %s", nets[i].name,
                      d ? "no passes" : "all passes", error.message);
            net_free(&net);
        }
}
