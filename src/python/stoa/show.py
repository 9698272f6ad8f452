"""What a network sees, as arrays: filters, maps, and what in a picture its answer depends on. As <stoa/show.h> states;
it needs the library libstoa-show."""

import ctypes

import numpy as np

from . import declarations as d
from .convert import address, as_input, options, tensor_array
from .library import library
from .model import as_model
from .session import input_specs


def _taken(array):
    try:
        return tensor_array(array.tensor).copy()
    finally:
        library.stoa_array_free(array)


def _layer(name):
    return None if name is None else name.encode()


def _subject(model, inputs, threads):
    """struct stoa_subject of {"name": array}, or of the array of the only input."""
    if not isinstance(inputs, dict):
        inputs = {model.inputs[0].name: inputs}
    arrays = [as_input(info.name, inputs[info.name], info.dtype) for info in model.inputs]
    specs = [(info.name, array.shape, None) for info, array in zip(model.inputs, arrays)]
    subject = d.stoa_subject(threads=threads, input_count=len(specs))
    handle = model._open()
    subject.model, subject.inputs = handle._as_parameter_, input_specs(specs)
    subject.values = (ctypes.c_void_p * len(arrays))(*(address(array) for array in arrays))
    subject.kept = handle, arrays
    return subject


def filters(model, layer=None):
    """The weights [K, C, kh, kw] of a convolution; None: the first."""
    array = d.stoa_array()
    library.stoa_show_filters(as_model(model)._open(), _layer(layer), array)
    return _taken(array)


def activations(model, inputs, layer=None, *, threads=1):
    """What a layer makes of the inputs; None: the first convolution."""
    array = d.stoa_array()
    library.stoa_show_activations(_subject(as_model(model), inputs, threads), _layer(layer), array)
    return _taken(array)


def saliency(model, image, class_index, *, threads=1):
    """The gradient [1, C, H, W] of a class's score with regard to the image."""
    array = d.stoa_array()
    library.stoa_show_saliency(_subject(as_model(model), image, threads), class_index, array)
    return _taken(array)


def gradcam(model, image, class_index, layer=None, *, threads=1):
    """Grad-CAM: the map [H, W] of where a layer speaks for a class, and the weights [C] of its maps."""
    weights, array = d.stoa_array(), d.stoa_array()
    library.stoa_show_gradcam(_subject(as_model(model), image, threads), _layer(layer), class_index, weights, array)
    return _taken(array), _taken(weights)


def occlusion(model, image, class_index, *, size=0, stride=0, threads=1):
    """A class's probability while a grey square hides a part of the image: [rows, columns]."""
    array = d.stoa_array()
    library.stoa_show_occlusion(_subject(as_model(model), image, threads), class_index, size, stride, array)
    return _taken(array)


def maximize(model, shape, *, threads=1, **keywords):
    """An image [1, C, H, W] of that shape which a class or a channel answers strongly, and the answer. Options as
    <stoa/show.h> states: layer, unit, steps, rate, decay, blur, middle, spread, seed."""
    chosen = options(d.stoa_maximize_options, keywords, "maximize")
    array, score = d.stoa_array(), ctypes.c_double()
    subject = _subject(as_model(model), np.zeros(shape, np.float32), threads)
    library.stoa_show_maximize(subject, chosen, array, score)
    return _taken(array), score.value
