"""Networks built layer by layer."""

from . import declarations as d
from .convert import options, sizes
from .library import Closeable, Handle, library
from .model import Model


class NetValue:
    """A layer's output, for the Net that returned it. shape has the batch as None."""

    def __init__(self, net, value, shape):
        self._net, self._value, self.shape = net, value, shape

    def __repr__(self):
        return f"<stoa.NetValue {self.shape}>"


class Net(Closeable):
    """A network in the making:

        net = stoa.Net(seed=1)
        x = net.input("input", (1, 28, 28))
        x = net.max_pool2d(net.relu(net.conv2d(x, 8, 3)), 2, stride=2)
        net.output("output", net.linear(net.flatten(x), 10))
        model = net.finish()

    Layers know their inputs' shapes; the batch is not given and stays open. Each takes a `name`, for its node, output
    and parameters (NAME.weight, NAME.bias); else it is called after its kind and a number. A layer that does not fit
    raises stoa.Error, naming the layer and the field, and closes the net. init: how weights begin ("he-normal",
    "he-uniform", "xavier-normal", "xavier-uniform", "fan-in-uniform", "zeros"); same layers and seed, same bits. See
    <stoa/build.h>."""

    def __init__(self, *, seed=0, init="default"):
        chosen = options(d.stoa_builder_options, dict(seed=seed, init=init), "Net")
        self._handle = Handle(library.stoa_builder_create, library.stoa_builder_free, chosen)

    def _value(self, value):
        info = library.stoa_builder_describe(self._open(), value)
        if info.rank == 0:
            # There was an error, which only finish tells.
            self.finish()
        return NetValue(self, value, tuple(size if size >= 0 else None for size in info.dims[: info.rank]))

    def _own(self, x):
        if not isinstance(x, NetValue) or x._net is not self:
            raise ValueError(f"{x!r} is no value of this net")
        return x._value

    def _layer(self, kind, name, x, *more):
        build = getattr(library, f"stoa_build_{kind}")
        return self._value(build(self._open(), name, self._own(x), *more))

    def input(self, name, shape):
        """An input of floats; shape is that of one entry of the batch: (C, H, W) for images."""
        dims = sizes(shape, "shape")
        return self._value(library.stoa_build_input(self._open(), name, len(dims), dims))

    def output(self, name, x):
        """Makes x an output of the model, of that name; None: it keeps its own."""
        library.stoa_build_output(self._open(), name, self._own(x))

    def finish(self):
        """The stoa.Model; the net is closed, whether or not it succeeds."""
        handle, self._handle = self._open(), None
        return Model._made(library.stoa_builder_finish, handle.give_up())

    def conv2d(self, x, out_channels, kernel, *, stride=1, pad=0, dilation=1, groups=1, bias=True, init="default", name=None):
        """[N, C, H, W] to [N, out_channels, OH, OW], as stoa.Conv2d."""
        fields = dict(out_channels=out_channels, kernel=kernel, stride=stride, pad=pad, dilation=dilation, groups=groups)
        return self._layer("conv2d", name, x, options(d.stoa_build_conv, dict(fields, no_bias=not bias, init=init), "conv2d"))

    def conv_transpose2d(
        self, x, out_channels, kernel, *, stride=1, pad=0, dilation=1, groups=1, output_pad=0, bias=True, init="default", name=None
    ):
        """[N, C, H, W] to [N, out_channels, OH, OW], OH = stride (H - 1) + dilation (kh - 1) + 1 + output_pad - top -
        bottom."""
        fields = dict(out_channels=out_channels, kernel=kernel, stride=stride, pad=pad, dilation=dilation, groups=groups)
        fields.update(output_pad=output_pad, no_bias=not bias, init=init)
        return self._layer("conv_transpose2d", name, x, options(d.stoa_build_conv, fields, "conv_transpose2d"))

    def linear(self, x, out_features, *, bias=True, init="default", name=None):
        """[N, in] to [N, out_features]; weights [out_features, in]."""
        fields = dict(out_features=out_features, no_bias=not bias, init=init)
        return self._layer("linear", name, x, options(d.stoa_build_linear, fields, "linear"))

    def max_pool2d(self, x, kernel, *, stride=1, pad=0, ceil_mode=False, name=None):
        """The greatest of each window."""
        fields = dict(kernel=kernel, stride=stride, pad=pad, ceil_mode=ceil_mode)
        return self._layer("max_pool2d", name, x, options(d.stoa_build_pool, fields, "max_pool2d"))

    def avg_pool2d(self, x, kernel, *, stride=1, pad=0, ceil_mode=False, count_include_pad=False, name=None):
        """The mean of each window."""
        fields = dict(kernel=kernel, stride=stride, pad=pad, ceil_mode=ceil_mode, count_include_pad=count_include_pad)
        return self._layer("average_pool2d", name, x, options(d.stoa_build_pool, fields, "avg_pool2d"))

    def global_avg_pool(self, x, *, name=None):
        """[N, C, H, W] to [N, C, 1, 1]."""
        return self._layer("global_average_pool", name, x)

    def batch_norm(self, x, *, epsilon=1e-5, momentum=0.9, name=None):
        """Batch normalisation; running = momentum running + (1 - momentum) of this batch."""
        norm = options(d.stoa_build_norm, dict(epsilon=epsilon, momentum=momentum), "batch_norm")
        return self._layer("batch_norm", name, x, norm)

    def dropout(self, x, ratio=0.5, *, name=None):
        """Training drops elements with that probability; otherwise y = x."""
        return self._layer("dropout", name, x, ratio)

    def clip(self, x, least, most, *, name=None):
        """min(max(x, least), most)."""
        return self._layer("clip", name, x, least, most)

    def leaky_relu(self, x, slope=0.01, *, name=None):
        """x, or slope x where x < 0."""
        return self._layer("leaky_relu", name, x, slope)

    def elu(self, x, alpha=1.0, *, name=None):
        """x, or alpha (e^x - 1) where x < 0."""
        return self._layer("elu", name, x, alpha)

    def add(self, a, b, *, name=None):
        """a + b; dims other than the batch may be 1 in one of them."""
        return self._layer("add", name, a, self._own(b))

    def mul(self, a, b, *, name=None):
        """a b, as add."""
        return self._layer("mul", name, a, self._own(b))

    def concat(self, parts, axis=1, *, name=None):
        """Side by side along an axis."""
        values = (d.stoa_value * len(parts))(*map(self._own, parts))
        return self._value(library.stoa_build_concat(self._open(), name, len(parts), values, axis))

    def upsample(self, x, rows, columns=None, *, name=None):
        """Each pixel becomes rows x columns equal ones."""
        return self._layer("upsample", name, x, rows, rows if columns is None else columns)

    def relu(self, x, *, name=None):
        """max(x, 0)."""
        return self._layer("relu", name, x)

    def selu(self, x, *, name=None):
        """Selu, with ONNX's constants."""
        return self._layer("selu", name, x)

    def sigmoid(self, x, *, name=None):
        """1 / (1 + e^-x)."""
        return self._layer("sigmoid", name, x)

    def tanh(self, x, *, name=None):
        """The hyperbolic tangent."""
        return self._layer("tanh", name, x)

    def softplus(self, x, *, name=None):
        """ln(1 + e^x)."""
        return self._layer("softplus", name, x)

    def hard_sigmoid(self, x, *, name=None):
        """min(max(x / 6 + 1/2, 0), 1): ONNX's HardSigmoid with an alpha of 1/6."""
        return self._layer("hard_sigmoid", name, x)

    def flatten(self, x, *, name=None):
        """[N, ...] to [N, product of the others]."""
        return self._layer("flatten", name, x)

    def softmax(self, x, *, name=None):
        """Along dimension 1. Losses take the scores in front of it."""
        return self._layer("softmax", name, x)
