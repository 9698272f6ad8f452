"""Models: loaded, made, saved."""

import ctypes
import os
from dataclasses import dataclass

import numpy as np

from . import declarations as d
from .convert import DTYPES, address, numpy_dtype, options, text
from .library import Closeable, Handle, library


@dataclass(frozen=True)
class ValueInfo:
    """An input or output of a model: name, shape (None where the model leaves a dimension open; None instead of a shape
    where it says nothing), dtype for NumPy and type as ONNX Runtime writes it, such as "tensor(float)" (None and "" where
    the model says nothing of an output's), and decides_shapes: whether an input's value, not its shape alone, is planned
    with (the shape of a Reshape, the scales of a Resize)."""

    name: str
    shape: tuple
    dtype: np.dtype
    type: str
    decides_shapes: bool


def _value_info(get, model, index):
    info = d.stoa_value_info()
    get(model, index, info)
    shape = tuple(size if size >= 0 else None for size in info.dims[: info.rank]) if info.has_shape else None
    known = info.dtype in DTYPES
    dtype, named = (numpy_dtype(info.dtype), f"tensor({DTYPES[info.dtype][1]})") if known else (None, "")
    return ValueInfo(text(info.name), shape, dtype, named, bool(info.decides_shapes))


class Model(Closeable):
    """A network, immutable; any number of sessions, in any threads, share one.

    Model("net.onnx") reads a file and those beside it that hold its external data, which must not be shortened while the
    model lives; Model(data) ONNX from bytes.
    Raises Error with the node, field and value: ERROR_IO, ERROR_PARSE, ERROR_UNSUPPORTED (all unsupported operators are
    named at once), ...

    inputs and outputs are lists of ValueInfo."""

    def __init__(self, source):
        if isinstance(source, (bytes, bytearray, memoryview)):
            # The library borrows it: a copy of what could change.
            data = source if isinstance(source, bytes) else bytes(source)
            memory = np.frombuffer(data, np.uint8)
            handle = Handle(
                library.stoa_model_load_memory, library.stoa_model_free, address(memory), len(data), None, owners=(memory,)
            )
        else:
            handle = Handle(library.stoa_model_load, library.stoa_model_free, os.fsencode(source), None)
        self._adopt(handle)

    def _adopt(self, handle):
        self._handle = handle
        self.inputs = [
            _value_info(library.stoa_model_input, handle, i) for i in range(library.stoa_model_input_count(handle))
        ]
        self.outputs = [
            _value_info(library.stoa_model_output, handle, i) for i in range(library.stoa_model_output_count(handle))
        ]

    @classmethod
    def _made(cls, create, *arguments):
        model = cls.__new__(cls)
        model._adopt(Handle(create, library.stoa_model_free, *arguments))
        return model

    @classmethod
    def load(cls, source):
        """Model(source)."""
        return cls(source)

    def save(self, path):
        """Writes an ONNX file, which appears whole or not at all. Error: ERROR_IO, ERROR_LIMIT beyond 2 GiB."""
        library.stoa_model_save(self._open(), os.fsencode(path))

    def to_bytes(self):
        """What save would write."""
        size = ctypes.c_size_t()
        library.stoa_model_save_memory(self._open(), 0, None, size)
        data = np.empty(size.value, np.uint8)
        library.stoa_model_save_memory(self._open(), data.size, address(data), size)
        return data.tobytes()

    def __repr__(self):
        return f"<stoa.Model {[i.name for i in self.inputs]} -> {[o.name for o in self.outputs]}>"


def as_model(source):
    return source if isinstance(source, Model) else Model(source)


def create_net(name, **keywords):
    """A ready-made network with fresh weights as a Model: input "input" [N, channels, height, width], output "output"
    [N, classes], the scores in front of softmax. net_names() lists them. Options: classes, channels, height, width,
    seed, init ("he-normal", ...); defaults as <stoa/build.h> states."""
    chosen = options(d.stoa_net_options, keywords, "create_net")
    return Model._made(library.stoa_net_create, name, chosen)


def net_names():
    """The names of the ready-made networks."""
    names = []
    while (name := library.stoa_net_name(len(names))) is not None:
        names.append(name.decode())
    return names
