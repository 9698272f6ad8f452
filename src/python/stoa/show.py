"""What a network sees, as arrays: filters, maps, what in a picture its answer depends on, what it mistakes for what. As
<stoa/show.h> states; it needs the library libstoa-show."""

import ctypes
import os

import numpy as np

from . import declarations as d
from .convert import address, as_input, encoded, memory_array, name_of, options, record, sizes, tensor_array, text
from .library import Calls, Closeable, Handle, Status, library
from .model import as_model
from .session import fixed_inputs, input_specs
from .train import Arrays, batches


def _taken(array):
    try:
        return tensor_array(array.tensor).copy()
    finally:
        library.stoa_array_free(array)


def _copied(place, shape, dtype=np.float32):
    """A copy of the elements at an address or a ctypes pointer; None of null."""
    if place and not isinstance(place, int):
        place = ctypes.addressof(place.contents)
    return memory_array(place, shape, dtype).copy() if place else None


def _subject(model, inputs, threads):
    """struct stoa_subject of {"name": array}, or of the array of the only input."""
    if not isinstance(inputs, dict):
        inputs = {model.inputs[0].name: inputs}
    arrays = fixed_inputs(model, inputs)
    missing = [info.name for info in model.inputs if info.name not in arrays]
    if missing:
        raise ValueError(f"inputs {missing} are missing")
    arrays = {info.name: arrays[info.name] for info in model.inputs}
    subject = options(d.stoa_subject, dict(threads=threads), "a subject")
    specs = [(name, array.shape, None) for name, array in arrays.items()]
    handle = model._open()
    subject.model, subject.inputs, subject.input_count = handle._as_parameter_, input_specs(specs), len(specs)
    subject.values = (ctypes.c_void_p * len(arrays))(*map(address, arrays.values()))
    subject.kept = handle, arrays
    return subject


def filters(model, layer=None):
    """The weights [K, C, kh, kw] of a convolution; None: the first."""
    array = d.stoa_array()
    library.stoa_show_filters(as_model(model)._open(), layer, array)
    return _taken(array)


def activations(model, inputs, layer=None, *, threads=1):
    """What a layer makes of the inputs; None: the first convolution."""
    array = d.stoa_array()
    library.stoa_show_activations(_subject(as_model(model), inputs, threads), layer, array)
    return _taken(array)


def saliency(model, image, class_index, *, threads=1):
    """The gradient [1, C, H, W] of a class's score with regard to the image."""
    array = d.stoa_array()
    library.stoa_show_saliency(_subject(as_model(model), image, threads), class_index, array)
    return _taken(array)


def gradcam(model, image, class_index, layer=None, *, threads=1):
    """Grad-CAM: the map [H, W] of where a layer speaks for a class, and the weights [C] of its maps."""
    weights, array = d.stoa_array(), d.stoa_array()
    library.stoa_show_gradcam(_subject(as_model(model), image, threads), layer, class_index, weights, array)
    return _taken(array), _taken(weights)


def occlusion(model, image, class_index, *, size=0, stride=0, threads=1):
    """A class's probability while a grey square hides a part of the image: [rows, columns]."""
    array = d.stoa_array()
    library.stoa_show_occlusion(_subject(as_model(model), image, threads), class_index, size, stride, array)
    return _taken(array)


def maximize(model, shape, layer=None, *, threads=1, **keywords):
    """An image [1, C, H, W] of that shape which a class, or a channel of a layer, answers strongly, and the answer.
    Options as <stoa/show.h> states: unit (the class or channel), steps, rate, decay, blur, middle, spread, seed."""
    chosen = options(d.stoa_maximize_options, keywords, "maximize", own=("layer", "threads"))
    chosen.layer = encoded(layer, "layer")
    array, score = d.stoa_array(), ctypes.c_double()
    subject = _subject(as_model(model), np.zeros(shape, np.float32), threads)
    library.stoa_show_maximize(subject, chosen, array, score)
    return _taken(array), score.value


def curves(path):
    """What `stoa train --log` wrote: {"epoch": array, "loss", "train-accuracy", "test-loss", "test-accuracy"}; NaN for
    what was not measured."""
    array = d.stoa_array()
    library.stoa_show_curves(os.fsencode(path), None, array)
    return {name_of(member): row for member, row in zip(d.stoa_curve, _taken(array))}


def _judge(function, model, data, batch, threads, *arguments):
    model, calls = as_model(model), Calls()
    if isinstance(data, (tuple, list)):
        data = Arrays(*data, batch)
    subject = _subject(model, data.get(0, 0)[0], threads)
    dtype, shape = model.inputs[0].dtype, tuple(subject.inputs[0].dims[: subject.inputs[0].rank])

    def taken(x, labels, count):
        return as_input("x", x, dtype, shape), as_input("labels", labels, np.int64, (count,))

    calls.run(function, subject, batches(data, calls, taken), *arguments)


def confusion(model, data, *, batch=64, threads=1):
    """int64 [classes, classes]: how many images of a class (row) the model takes for a class (column). data: a pair of
    arrays (images, classes), or batches as of Dataset.batches()."""
    array = d.stoa_array()
    _judge(library.stoa_show_confusion, model, data, batch, threads, array)
    return _taken(array)


def errors(model, data, *, most=40, batch=64, threads=1):
    """The surest mistakes: a dict of examples and made (how many there are, and how many of them mistaken), and arrays
    of as many as were found: index (of the image), label, taken, probability, of_label. data: as of confusion."""
    pointer = ctypes.POINTER(d.stoa_mistakes)()
    _judge(library.stoa_show_errors, model, data, batch, threads, most, pointer)
    mistakes = pointer.contents
    try:
        items = [record(mistakes.items[i]) for i in range(mistakes.count)]
        names = [name for name, _ in d.stoa_mistake._fields_ if name != "reserved"]
        columns = {name: np.array([item[name] for item in items]) for name in names}
        return {"examples": mistakes.examples, "made": mistakes.made, **columns}
    finally:
        library.stoa_mistakes_free(pointer)


def graph(session, seconds=None):
    """The steps of a stoa.Session as a graph in Graphviz's language dot, the darker the more of the multiply-adds, or of
    the seconds, a number for each step, they take."""
    with session._lock:
        handle = session._latest()
        count = library.stoa_session_step_count(handle)
        if seconds is not None:
            seconds = as_input("seconds", seconds, np.float64, (count,))
            seconds = (ctypes.c_double * count).from_buffer_copy(seconds)
        dot = d.stoa_text()
        library.stoa_show_graph(handle, seconds, dot)
    try:
        return text(dot.data)
    finally:
        library.stoa_text_free(dot)


def steps(model, inputs, layer=None, *, pixel=None, channel=0, threads=1):
    """One output of a convolution worked out (layer None: the first; pixel: row and column, None: the middle). A dict:
    layer; conv, the keywords of stoa.conv2d; oy, ox, oc, group; image [H, W, C]; row, filter and products [kh, kw,
    C/groups]; taps, a list of dicts, one for each kernel position; row_stride and pixel_stride of views; sum, bias;
    chosen, matrix and view, what the engine computes as it chooses, by the whole matrix and by views, each with
    value and how; after, what follows the sum."""
    pointer = ctypes.POINTER(d.stoa_steps)()
    pixel = None if pixel is None else sizes(pixel, "pixel")
    if pixel is not None and len(pixel) != 2:
        raise ValueError(f"pixel has {len(pixel)} numbers, must have 2: row and column")
    library.stoa_show_steps(_subject(as_model(model), inputs, threads), layer, pixel, channel, pointer)
    made = pointer.contents
    try:
        conv = made.conv
        window = (*conv.kernel, made.channels)
        kinds = {name: tuple(getattr(conv, name)) for name in ("stride", "pad", "dilation")}
        return {
            **record(made, leave_out=("has_bias", "channels", "count", "tap_count", "after_count")),
            "conv": {**kinds, "groups": conv.groups},
            "image": _copied(made.image, (conv.height, conv.width, conv.in_channels)),
            "row": _copied(made.row, window),
            "filter": _copied(made.filter, window),
            "products": _copied(made.products, window, np.float64),
            "taps": [record(made.taps[i]) for i in range(made.tap_count)],
            "bias": made.bias if made.has_bias else None,
            **{name: record(getattr(made, name)) for name in ("chosen", "matrix", "view")},
            "after": [record(made.after[i]) for i in range(made.after_count)],
        }
    finally:
        library.stoa_steps_free(pointer)


class Deconv(Closeable):
    """The deconvolutional network of Zeiler and Fergus: what in a picture an element of a layer answers to.

    layer None: the first convolution; height and width of the pictures where the model leaves them open; spread: also
    where average pooling, which has no switches, is all there is. Pictures are [C, H, W], with one or three channels.
    info is a dict of what <stoa/show.h> states: channels, height, width, maps, map_height, map_width, field_height,
    field_width, max_pools, average_pools, value, channels_last. Used by one thread at a time."""

    def __init__(self, model, layer=None, *, height=0, width=0, spread=False, threads=1):
        model = as_model(model)._open()
        fields = dict(height=height, width=width, spread=bool(spread), threads=threads)
        chosen = options(d.stoa_deconv_options, fields, "Deconv")
        chosen.layer = encoded(layer, "layer")
        self._handle = Handle(library.stoa_deconv_create, library.stoa_deconv_free, model, chosen, owners=(model,))
        info = d.stoa_deconv_info()
        library.stoa_deconv_describe(self._handle, info)
        self.info = record(info)
        self._shape = (info.channels, info.height, info.width)
        self._field = (info.channels, info.field_height, info.field_width)

    def _picture(self, picture):
        return as_input("picture", picture, np.float32, self._shape)

    def run(self, picture):
        """What the layer makes of a picture: [maps, map_height, map_width]."""
        picture, maps = self._picture(picture), ctypes.c_void_p()
        library.stoa_deconv_run(self._open(), address(picture), maps)
        return _copied(maps.value, tuple(self.info[name] for name in ("maps", "map_height", "map_width")))

    def project(self, picture, map, row, column):
        """An element carried back to the pixels [C, H, W], beginning at the value that it has for the picture."""
        picture, pixels = self._picture(picture), np.empty(self._shape, np.float32)
        library.stoa_deconv_project(self._open(), address(picture), map, row, column, address(pixels))
        return pixels

    def strongest(self, pictures, *, maps=16, top=9):
        """Of the maps that answer the strongest, for each the elements of the `top` pictures that it answers the most: a
        list of lists of dicts of image, map, row, column, value, top and left (of the part of the picture that is
        seen), picture and projection there [C, field_height, field_width]. pictures: anything with len() and pictures
        by number, such as an array [n, C, H, W]."""
        calls, held, pointer = Calls(), [], ctypes.POINTER(d.stoa_deconv_sheet)()

        def get(_, index, error, picture):
            if calls.failure:
                return int(Status.ERROR_CANCELLED)
            held[:] = [self._picture(pictures[index])]
            picture[0] = address(held[0])
            return 0

        kind = dict(d.stoa_deconv_pictures._fields_)["get"]
        source = d.stoa_deconv_pictures(len(pictures), calls.wrap(kind, get, int(Status.ERROR_DATA)), None)
        calls.run(library.stoa_deconv_strongest, self._open(), source, maps, top, pointer)
        sheet = pointer.contents
        try:
            made = [[self._item(sheet.items[m * sheet.top + t]) for t in range(sheet.top)] for m in range(sheet.map_count)]
        finally:
            library.stoa_deconv_sheet_free(pointer)
        return [[item for item in row if item["picture"] is not None] for row in made]

    def _item(self, item):
        parts = {name: _copied(getattr(item, name), self._field) for name in ("picture", "projection")}
        return {**record(item.unit), **record(item), **parts}
