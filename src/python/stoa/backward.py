"""Backward passes of single layers, and batch normalisation, on float32 arrays: for programs with a framework of their own.

Arrays, layouts and options are those of layers.py; dy is the gradient of the loss with regard to a layer's output, of its
shape. Results are new arrays; gradients of weights are 0 of an empty batch. stoa.Error (ERROR_UNSUPPORTED) where the
library was built without training."""

import ctypes

import numpy as np

from . import declarations as d
from .convert import address, as_input, as_output, number_of, options
from .layers import conv2d_desc, image, image_weights, last_axis, pool_desc, workspace
from .library import Handle, library


def _gradient(dy, shape):
    return as_input("dy", dy, shape=shape)


def conv2d_backward(x, weights, dy, *, need_dx=True, layout="NCHW", **keywords):
    """Of y = conv2d(x, weights, bias, ...) without its activation: dx (None unless need_dx), dweights and dbias. Options:
    stride, pad, dilation, groups, layout, lowering, accuracy, threads."""
    weights = image_weights(weights)
    x, dims, shape = image(layout, x)
    desc = conv2d_desc(weights, dims, dict(keywords, layout=layout))
    handle = Handle(library.stoa_conv2d_backward_create, library.stoa_conv2d_backward_free, desc)
    size = (
        (dims[2 + i] + desc.pad[i] + desc.pad[2 + i] - (desc.dilation[i] or 1) * (desc.kernel[i] - 1) - 1)
        // (desc.stride[i] or 1) + 1
        for i in range(2)
    )
    dy = _gradient(dy, shape(weights.shape[0], *size))
    dx, dweights, dbias = np.empty_like(x) if need_dx else None, np.zeros_like(weights), np.zeros(weights.shape[0], np.float32)
    if not dy.size:
        return dx, dweights, dbias
    memory = workspace(library.stoa_conv2d_backward_workspace_size(handle))
    if need_dx:
        library.stoa_conv2d_backward_set_weights(handle, address(weights))
        library.stoa_conv2d_backward_data(handle, address(dy), memory.size, address(memory), address(dx))
    library.stoa_conv2d_backward_weights(
        handle, address(x), address(dy), memory.size, address(memory), address(dweights), address(dbias)
    )
    return dx, dweights, dbias


def linear_backward(x, weights, dy):
    """Of y = linear(x, weights, bias) without its activation: dx, dweights and dbias."""
    weights = as_input("weights", weights)
    if weights.ndim != 2:
        raise ValueError(f"weights: have rank {weights.ndim}, must have 2: [out, in]")
    x = as_input("x", x, shape=(None, weights.shape[1]))
    dy = _gradient(dy, (x.shape[0], weights.shape[0]))
    desc = options(
        d.stoa_linear_desc, dict(batch=x.shape[0], in_features=weights.shape[1], out_features=weights.shape[0]), "linear"
    )
    dx, dweights, dbias = np.empty_like(x), np.zeros_like(weights), np.zeros(weights.shape[0], np.float32)
    if not dy.size:
        return dx, dweights, dbias
    memory = workspace(_size(library.stoa_linear_backward_workspace_size, desc))
    library.stoa_linear_backward_run(
        desc, address(x), address(weights), address(dy), memory.size, address(memory), address(dx), address(dweights),
        address(dbias),
    )
    return dx, dweights, dbias


def _size(function, desc):
    size = ctypes.c_size_t()
    function(desc, size)
    return size.value


def _pool_backward(kind, x, dy, layout, keywords):
    x, dims, shape = image(layout, x)
    desc, size = pool_desc(kind, dims, layout, keywords)
    dy = _gradient(dy, shape(dims[1], *size))
    dx = np.empty_like(x)
    if dy.size:
        memory = workspace(_size(library.stoa_pool2d_backward_workspace_size, desc))
        library.stoa_pool2d_backward_run(desc, address(x), address(dy), memory.size, address(memory), address(dx))
    return dx


def max_pool2d_backward(x, dy, kernel, *, layout="NCHW", **keywords):
    """dx of max_pool2d, with its options; the gradient goes to the first of equal elements of a window."""
    return _pool_backward("max-pool", x, dy, layout, dict(keywords, kernel=kernel))


def avg_pool2d_backward(x, dy, kernel, *, layout="NCHW", **keywords):
    """dx of avg_pool2d, with its options."""
    return _pool_backward("average-pool", x, dy, layout, dict(keywords, kernel=kernel))


def global_avg_pool2d_backward(x, dy, *, layout="NCHW"):
    """dx of global_avg_pool2d."""
    return _pool_backward("global-average-pool", x, dy, layout, {})


def global_max_pool2d_backward(x, dy, *, layout="NCHW"):
    """dx of global_max_pool2d."""
    return _pool_backward("global-max-pool", x, dy, layout, {})


def softmax_backward(y, dy, axis=-1):
    """dx of y = softmax(x, axis)."""
    y = as_input("y", y)
    rows, back = last_axis(y, axis)
    gradient, _ = last_axis(_gradient(dy, y.shape), axis)
    dx, columns = np.empty(rows.shape, np.float32), rows.shape[-1]
    library.stoa_softmax_backward_run(
        rows.size // columns if columns else 0, columns, address(rows), address(gradient), address(dx)
    )
    return back(dx)


def activate_backward(dy, activation, *, x=None, y=None):
    """dx of y = activate(x, activation): "leaky-relu" and "hard-swish" need x, the others y."""
    number = number_of(d.stoa_activation, activation, "activation")
    of_x = number in (d.STOA_LEAKY_RELU, d.STOA_HARD_SWISH)
    name, value = ("x", x) if of_x else ("y", y)
    if value is None:
        raise ValueError(f"the gradient of {activation} is computed from {name}")
    value = as_input(name, value)
    dy = _gradient(dy, value.shape)
    dx = np.empty_like(dy)
    given = (address(value), None) if of_x else (None, address(value))
    library.stoa_activation_backward_run(number, dy.size, *given, address(dy), address(dx))
    return dx


def _batch_norm_desc(x, layout, keywords):
    x, (n, c, h, w), _ = image(layout, x)
    desc = options(
        d.stoa_batch_norm_desc, dict(keywords, layout=layout, batch=n, channels=c, height=h, width=w), "batch norm"
    )
    return x, desc, c


def _of_channels(channels, **arrays):
    return [as_input(name, value, shape=(channels,)) for name, value in arrays.items()]


def batch_norm(x, scale, shift, mean, variance, *, layout="NCHW", **keywords):
    """(x - mean) / sqrt(variance + epsilon) * scale + shift, each of the four [C]. Options: epsilon (1e-5)."""
    x, desc, channels = _batch_norm_desc(x, layout, keywords)
    given = _of_channels(channels, scale=scale, shift=shift, mean=mean, variance=variance)
    y = np.empty_like(x)
    if y.size:
        library.stoa_batch_norm_run(desc, address(x), *map(address, given), address(y))
    return y


def batch_norm_training(x, scale, shift, running_mean, running_variance, *, layout="NCHW", **keywords):
    """The same with mean and variance of x itself: y, and a pair `saved` for batch_norm_backward. The running ones, which
    must be float32 arrays, become momentum * running + (1 - momentum) * of x. An empty batch has no mean. Options: epsilon
    (1e-5), momentum (0.9)."""
    x, desc, channels = _batch_norm_desc(x, layout, keywords)
    if not x.size:
        raise ValueError(f"x: has shape {x.shape}, which has no mean")
    scale, shift = given = _of_channels(channels, scale=scale, shift=shift)
    running = running_mean, running_variance
    as_output("running_mean", running_mean, (channels,), apart_from=(x, *given))
    as_output("running_variance", running_variance, (channels,), apart_from=(x, *given, running_mean))
    saved = np.empty(channels, np.float32), np.empty(channels, np.float32)
    y = np.empty_like(x)
    memory = workspace(_size(library.stoa_batch_norm_workspace_size, desc))
    library.stoa_batch_norm_training_run(
        desc, address(x), *map(address, given), memory.size, address(memory), *map(address, (*running, *saved)), address(y)
    )
    return y, saved


def batch_norm_backward(x, dy, scale, saved, *, layout="NCHW", **keywords):
    """Of batch_norm_training, which gave `saved`, with its options: dx, dscale and dshift."""
    x, desc, channels = _batch_norm_desc(x, layout, keywords)
    dy = _gradient(dy, x.shape)
    scale, mean, factor = _of_channels(channels, scale=scale, saved_mean=saved[0], saved_factor=saved[1])
    dx, dscale, dshift = np.empty_like(x), np.zeros_like(scale), np.zeros_like(scale)
    if not dx.size:
        return dx, dscale, dshift
    memory = workspace(_size(library.stoa_batch_norm_workspace_size, desc))
    library.stoa_batch_norm_backward_run(
        desc, *map(address, (x, dy, scale, mean, factor)), memory.size, address(memory), *map(address, (dx, dscale, dshift))
    )
    return dx, dscale, dshift
