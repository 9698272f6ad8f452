"""Single layers on float32 arrays, for programs with a framework of their own.

Images are [N, C, H, W], with layout="NHWC" [N, H, W, C]. Inputs are read in place where they are C-contiguous float32,
else copied as Session.run says; `out` names an array for the result. Options follow <stoa/layers.h>; numbers for height
and width may be one for both, pads one for all, (vertical, horizontal) or (top, left, bottom, right). Of an empty batch
comes an empty one. ValueError and TypeError tell of arrays that do not fit, stoa.Error (ERROR_ATTRIBUTE, ERROR_SHAPE,
...) of options that do not."""

import ctypes

import numpy as np

from . import declarations as d
from .convert import Cache, address, as_input, as_output, number_of, options, record, scalar, text
from .library import Handle, library

_SHAPES_KEPT = 8
_ALIGNMENT = 64


def image(layout, x):
    """x as an array, its N C H W, and a function that gives the shape of an output with other C H W."""
    x = as_input("x", x)
    if x.ndim != 4:
        raise ValueError(f"x: has rank {x.ndim}, images have 4")
    if number_of(d.stoa_layout, layout, "layout") == d.STOA_NHWC:
        n, h, w, c = x.shape
        return x, (n, c, h, w), lambda channels, height, width: (n, height, width, channels)
    return x, x.shape, lambda channels, height, width: (x.shape[0], channels, height, width)


def _none_is_identity(activation):
    return "identity" if activation is None else activation


def workspace(size):
    """So many bytes, aligned as workspaces are."""
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    return memory[-address(memory) % _ALIGNMENT :][:size]


def image_weights(weights):
    weights = as_input("weights", weights)
    if weights.ndim != 4:
        raise ValueError(f"weights: have rank {weights.ndim}, must have 4: [OC, C/groups, kh, kw]")
    return weights


# What arrays decide.
_OF_IMAGES = "batch", "height", "width", "in_channels", "out_channels", "kernel"
_OF_ROWS = "batch", "in_features", "out_features"


def conv2d_desc(weights, dims, keywords):
    """struct stoa_conv2d_desc of weights on images of dims N C H W."""
    batch, channels, height, width = dims
    groups = keywords.get("groups")
    wanted = weights.shape[1] * (1 if groups is None else scalar(ctypes.c_size_t, groups, "groups"))
    if channels != wanted:
        raise ValueError(f"x: has {channels} channels, the weights are for {wanted}")
    decided = batch, height, width, channels, weights.shape[0], weights.shape[2:]
    return options(d.stoa_conv2d_desc, keywords, "conv2d", decided=dict(zip(_OF_IMAGES, decided)))


class Conv2d:
    """A convolution whose weights are packed once: conv = Conv2d(w, b, pad=1); y = conv(x). It may be called from any
    number of threads at once.

    weights [OC, C/groups, kh, kw] and bias [OC] or None are copied. Options: stride, pad, dilation, groups, layout,
    activation ("relu", "relu6", "leaky-relu", "sigmoid", "tanh", "hard-sigmoid", "hard-swish"), lowering, accuracy,
    threads (0: 1). y is [N, OC, OH, OW], OH = (H + top + bottom - dilation (kh - 1) - 1) // stride + 1. Packing happens
    at the first call for each shape of x; the last few are kept."""

    def __init__(self, weights, bias=None, *, stride=1, pad=0, dilation=1, groups=1, layout="NCHW", activation=None, **keywords):
        self._weights = image_weights(weights).copy()
        out_channels = self._weights.shape[0]
        self._bias = None if bias is None else as_input("bias", bias, shape=(out_channels,)).copy()
        self._layout = layout
        self._options = dict(
            keywords, stride=stride, pad=pad, dilation=dilation, groups=groups, layout=layout,
            activation=_none_is_identity(activation),
        )
        options(d.stoa_conv2d_desc, self._options, "conv2d", hidden=_OF_IMAGES)
        self._shapes = Cache(_SHAPES_KEPT)
        self._workspaces = []

    def _create(self, dims):
        desc = conv2d_desc(self._weights, dims, self._options)
        bias = None if self._bias is None else address(self._bias)
        handle = Handle(library.stoa_conv2d_create, library.stoa_conv2d_free, desc, address(self._weights), bias)
        height, width = ctypes.c_size_t(), ctypes.c_size_t()
        library.stoa_conv2d_output_size(handle, height, width)
        return handle, height.value, width.value

    def __call__(self, x, out=None):
        x, dims, shape = image(self._layout, x)
        handle, height, width = self._shapes.get(dims, lambda: self._create(dims))
        y = as_output("out", out, shape(self._weights.shape[0], height, width), apart_from=(x,))
        if not y.size:
            return y
        size = library.stoa_conv2d_workspace_size(handle)
        # Each run has a workspace of its own, which it leaves for the next.
        try:
            memory = self._workspaces.pop()
        except IndexError:
            memory = workspace(size)
        if memory.size < size:
            memory = workspace(size)
        library.stoa_conv2d_run(handle, address(x), memory.size, address(memory), address(y))
        self._workspaces.append(memory)
        return y

    def explain(self, shape):
        """What was decided for x of that shape (in this layer's layout) and why: a dict with shape, line, and
        lowerings, a list of dicts."""
        _, dims, _ = image(self._layout, np.broadcast_to(np.float32(0), shape))
        handle, _, _ = self._shapes.get(dims, lambda: self._create(dims))
        choice = library.stoa_conv2d_explain(handle).contents
        lowerings = [record(choice.lowerings[i]) for i in range(choice.count)]
        return {"shape": text(choice.shape), "line": text(choice.line), "lowerings": lowerings}


def conv2d(x, weights, bias=None, *, out=None, **options):
    """Conv2d(weights, bias, **options)(x), for a single call."""
    return Conv2d(weights, bias, **options)(x, out)


class Linear:
    """y = activation(x weights^T + bias) with weights packed once: x [N, in], weights [out, in], bias [out] or None, y
    [N, out]. Weights are copied. Options: activation, threads (0: 1). May be called from any number of threads at
    once."""

    def __init__(self, weights, bias=None, *, activation=None, **keywords):
        self._weights = as_input("weights", weights).copy()
        if self._weights.ndim != 2:
            raise ValueError(f"weights: have rank {self._weights.ndim}, must have 2: [out, in]")
        self._bias = None if bias is None else as_input("bias", bias, shape=self._weights.shape[:1]).copy()
        self._options = dict(keywords, activation=_none_is_identity(activation))
        options(d.stoa_linear_desc, self._options, "linear", hidden=_OF_ROWS)
        self._batches = Cache(_SHAPES_KEPT)

    def _create(self, batch):
        out_features, in_features = self._weights.shape
        decided = dict(zip(_OF_ROWS, (batch, in_features, out_features)))
        desc = options(d.stoa_linear_desc, self._options, "linear", decided=decided)
        bias = None if self._bias is None else address(self._bias)
        return Handle(library.stoa_linear_create, library.stoa_linear_free, desc, address(self._weights), bias)

    def __call__(self, x, out=None):
        x = as_input("x", x, shape=(None, self._weights.shape[1]))
        y = as_output("out", out, (x.shape[0], self._weights.shape[0]), apart_from=(x,))
        if y.size:
            handle = self._batches.get(x.shape[0], lambda: self._create(x.shape[0]))
            library.stoa_linear_run(handle, address(x), address(y))
        return y


def linear(x, weights, bias=None, *, out=None, **options):
    """Linear(weights, bias, **options)(x), for a single call."""
    return Linear(weights, bias, **options)(x, out)


def pool_desc(kind, dims, layout, keywords):
    """struct stoa_pool2d_desc for images of dims N C H W, and the output's height and width."""
    n, c, h, w = dims
    desc = options(
        d.stoa_pool2d_desc, dict(keywords, kind=kind, layout=layout, batch=n, channels=c, height=h, width=w), kind
    )
    height, width = ctypes.c_size_t(), ctypes.c_size_t()
    library.stoa_pool2d_output_size(desc, height, width)
    return desc, (height.value, width.value)


def _pool(kind, x, layout, out, keywords):
    x, dims, shape = image(layout, x)
    desc, size = pool_desc(kind, dims, layout, keywords)
    y = as_output("out", out, shape(dims[1], *size), apart_from=(x,))
    if y.size:
        library.stoa_pool2d_run(desc, address(x), address(y))
    return y


def max_pool2d(x, kernel, *, stride=1, pad=0, dilation=1, ceil_mode=False, layout="NCHW", out=None):
    """The greatest of each window, as ONNX MaxPool: [N, C, OH, OW]."""
    return _pool("max-pool", x, layout, out, dict(kernel=kernel, stride=stride, pad=pad, dilation=dilation, ceil_mode=ceil_mode))


def avg_pool2d(x, kernel, *, stride=1, pad=0, ceil_mode=False, count_include_pad=False, layout="NCHW", out=None):
    """The mean of each window, as ONNX AveragePool: [N, C, OH, OW]."""
    window = dict(kernel=kernel, stride=stride, pad=pad, ceil_mode=ceil_mode, count_include_pad=count_include_pad)
    return _pool("average-pool", x, layout, out, window)


def global_avg_pool2d(x, *, layout="NCHW", out=None):
    """The mean of each channel: [N, C, 1, 1]."""
    return _pool("global-average-pool", x, layout, out, {})


def global_max_pool2d(x, *, layout="NCHW", out=None):
    """The greatest of each channel: [N, C, 1, 1]."""
    return _pool("global-max-pool", x, layout, out, {})


def last_axis(x, axis):
    """x with that axis last, C-contiguous, and a function that moves it back."""
    if x.ndim == 0:
        raise ValueError("x: softmax needs an axis")
    return np.ascontiguousarray(np.moveaxis(x, axis, -1)), lambda y: np.ascontiguousarray(np.moveaxis(y, -1, axis))


def softmax(x, axis=-1, *, out=None):
    """Softmax along an axis, of any shape; out may be x."""
    x = as_input("x", x)
    rows, back = last_axis(x, axis)
    y = as_output("out", out, x.shape, in_place_of=x)
    result = y if axis in (-1, x.ndim - 1) else np.empty(rows.shape, np.float32)
    columns = rows.shape[-1]
    library.stoa_softmax_run(rows.size // columns if columns else 0, columns, address(rows), address(result))
    if result is not y:
        y[...] = back(result)
    return y


def activate(x, activation, *, out=None):
    """A function of each element, by name as for Conv2d; out may be x."""
    x = as_input("x", x)
    y = as_output("out", out, x.shape, in_place_of=x)
    library.stoa_activation_run(number_of(d.stoa_activation, activation, "activation"), x.size, address(x), address(y))
    return y


def relu(x, *, out=None):
    """max(x, 0); out may be x."""
    return activate(x, "relu", out=out)


def sigmoid(x, *, out=None):
    """1 / (1 + e^-x); out may be x."""
    return activate(x, "sigmoid", out=out)


def tanh(x, *, out=None):
    """The hyperbolic tangent; out may be x."""
    return activate(x, "tanh", out=out)
