"""Between Python's values and the library's: arrays, element types, names of enums, option structs."""

import collections
import ctypes
import operator
import threading

import numpy as np

# By ONNX's numbers (TensorProto.DataType), which are the library's; names as ONNX Runtime prints them.
DTYPES = {
    1: (np.float32, "float"),
    2: (np.uint8, "uint8"),
    3: (np.int8, "int8"),
    4: (np.uint16, "uint16"),
    5: (np.int16, "int16"),
    6: (np.int32, "int32"),
    7: (np.int64, "int64"),
    9: (np.bool_, "bool"),
    11: (np.float64, "double"),
    12: (np.uint32, "uint32"),
    13: (np.uint64, "uint64"),
}


def numpy_dtype(number):
    return np.dtype(DTYPES[number][0])


def address(array):
    return array.__array_interface__["data"][0]


def as_input(what, value, dtype=np.float32, shape=None):
    """`value` as a C-contiguous array: itself where it is one of that type, else a copy. Arrays of another type are
    converted where no value can change (NumPy's safe casts: float16 or uint8 to float32), otherwise TypeError; of lists
    and numbers floats are rounded, and whole numbers must be in range. shape: the dims it must have, None for any."""
    array = np.asarray(value)
    dtype = np.dtype(dtype)
    if array.dtype != dtype:
        if not hasattr(value, "dtype"):
            array = _of_list(what, array, dtype)
        elif not np.can_cast(array.dtype, dtype, "safe"):
            raise TypeError(f"{what}: takes {dtype}, not {array.dtype}; convert it with .astype('{dtype}')")
    if shape is not None and shape != array.shape:
        fits = len(shape) == array.ndim and all(want in (None, have) for want, have in zip(shape, array.shape))
        if not fits:
            raise ValueError(f"{what}: takes shape {shape_text(shape)}, not {shape_text(array.shape)}")
    # What np.require would find, too, but slower than running a small network.
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.require(array, dtype, ["C", "A"])


def _of_list(what, array, dtype):
    """What a list holds as that type."""
    if array.size == 0 or (array.dtype.kind in "iu" and dtype.kind in "iu"):
        result = array.astype(dtype)
        if (result != array).any():
            raise ValueError(f"{what}: has a value beyond the range of {dtype}")
        return result
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(f"{what}: takes {dtype}, not {array.dtype}")
    return array


def as_output(what, out, shape, dtype=np.float32, apart_from=(), in_place_of=None):
    """The array that a result goes into: `out`, which must be a writable C-contiguous array of just that shape and type
    and overlap none of `apart_from`, or a new one if it is None. in_place_of: an array that it may be, but not a part of."""
    shape = tuple(shape)
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        raise TypeError(f"{what}: takes an array of {np.dtype(dtype)}, not {getattr(out, 'dtype', type(out).__name__)}")
    if out.shape != shape:
        raise ValueError(f"{what}: takes shape {shape_text(shape)}, not {shape_text(out.shape)}")
    if not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise ValueError(f"{what}: must be C-contiguous, aligned and writable")
    if any(np.may_share_memory(out, other) for other in apart_from):
        raise ValueError(f"{what}: overlaps an input or another output")
    if in_place_of is not None and address(out) != address(in_place_of) and np.may_share_memory(out, in_place_of):
        raise ValueError(f"{what}: overlaps a part of the input")
    return out


def tensor_array(tensor):
    """A view of a struct stoa_tensor, valid as long as its memory is."""
    dtype, rank = numpy_dtype(tensor.dtype), tensor.rank
    shape = tuple(tensor.dims[:rank])
    strides = tuple(stride * dtype.itemsize for stride in tensor.strides[:rank])
    extent = sum((size - 1) * stride for size, stride in zip(shape, strides)) + dtype.itemsize if 0 not in shape else 0
    if not extent:
        return np.empty(shape, dtype)
    memory = (ctypes.c_char * extent).from_address(tensor.data)
    return np.ndarray(shape, dtype, memory, strides=strides)


def memory_array(place, shape, dtype=np.float32, owner=None):
    """A view of the row-major elements at an address, which keeps `owner`; None of a null pointer."""
    if not place:
        return None
    size = int(np.prod(shape, dtype=np.int64))
    memory = (ctypes.c_char * (size * np.dtype(dtype).itemsize)).from_address(place)
    memory.owner = owner
    return np.frombuffer(memory, dtype, size).reshape(shape)


def shape_text(shape):
    return "[" + ",".join("?" if size is None else str(size) for size in shape) + "]"


def text(value):
    return None if value is None else value.decode(errors="replace")


def name_of(member):
    """How Python calls an enum's member: "im2col-full" for IM2COL_FULL."""
    return member.name.lower().replace("_", "-")


def number_of(enum, value, what):
    """The number of a member given by name (in any case, with - or _), or as itself."""
    names = {name_of(member): member for member in enum}
    try:
        return int(names[value.lower().replace("_", "-")] if isinstance(value, str) else enum(operator.index(value)))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{what} is {value!r}; known are {', '.join(names)}") from None


_WHOLE = {ctypes.c_int: (-(2**31), 2**31 - 1), ctypes.c_uint: (0, 2**32 - 1), ctypes.c_int64: (-(2**63), 2**63 - 1)}
_WHOLE.update({kind: (0, 2**64 - 1) for kind in (ctypes.c_size_t, ctypes.c_uint64)})
_NUMBERS = {*_WHOLE, ctypes.c_float, ctypes.c_double}


def scalar(kind, value, what):
    whole = kind in _WHOLE
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        number = operator.index(value) if whole else float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {value!r}, must be a {'whole ' if whole else ''}number") from None
    if whole:
        least, most = _WHOLE[kind]
        if not least <= number <= most:
            raise ValueError(f"{what} is {number}, must be from {least} to {most}")
    return number


def encoded(value, what):
    """A name or path as C takes it; None of None."""
    if value is None or isinstance(value, bytes):
        result = value
    elif isinstance(value, str):
        result = value.encode(errors="surrogateescape")
    else:
        raise TypeError(f"{what} is {value!r}, must be a string")
    if result and 0 in result:
        raise ValueError(f"{what} is {value!r}, which has a null character")
    return result


def encoded_list(values, what):
    """char *[] of strings, or of a single one, and their number."""
    values = [values] if isinstance(values, str) else list(values)
    return (ctypes.c_char_p * max(1, len(values)))(*(encoded(value, what) for value in values)), len(values)


def sizes(values, what):
    """size_t[] of whole numbers."""
    values = [scalar(ctypes.c_size_t, value, what) for value in values]
    return (ctypes.c_size_t * len(values))(*values)


def checks(parameters):
    """Of a function's parameters, [(name, type)], those where ctypes alone would cut off bits or text: [(index, whether it
    is a number, function of an argument that returns it as it is passed)]."""
    result = []
    for i, (name, kind) in enumerate(parameters):
        if kind in _NUMBERS:
            result.append((i, True, lambda value, name=name, kind=kind: scalar(kind, value, name)))
        elif kind is ctypes.c_char_p:
            result.append((i, False, lambda value, name=name: encoded(value, name)))
    return result


def spread(value, count, what):
    """One number for all, one for each, or of pads (height, width) for (top, left, bottom, right)."""
    values = (value,) if np.ndim(value) == 0 else tuple(value)
    if len(values) == 1:
        values *= count
    if count == 4 and len(values) == 2:
        values *= 2
    if len(values) != count:
        raise ValueError(f"{what} has {len(values)} numbers, must have 1 or {count}")
    return values


def options(kind, keywords, what, own=(), hidden=(), decided=None):
    """A struct of that kind with the fields that keywords give: numbers, enums by name, arrays as `spread` says; None
    leaves the default. Pointers and `hidden` fields are no keywords: callers set them, perhaps from keywords of their
    `own`, which the message about an unknown one names, too. Nor are those that are `decided`, with their values."""
    struct = kind()
    decided = decided or {}
    types = dict(kind._fields_)
    lengths = {f"{pointer.rstrip('s')}_count" for pointer in types}
    types = {name: field for name, field in types.items() if name != "reserved" and name not in lengths}
    plain = {name for name, field in types.items() if field in _NUMBERS}
    arrays = {name for name, field in types.items() if issubclass(field, ctypes.Array)}
    known = (plain | arrays).difference(hidden, decided)
    for key in keywords:
        if key not in known:
            raise TypeError(f"{what} has no option {key!r}; options are {', '.join(sorted(known.union(own)))}")
    for key, value in {**keywords, **decided}.items():
        if value is None:
            continue
        if key in kind._enums_:
            value = number_of(kind._enums_[key], value, key)
        elif key in arrays:
            field = types[key]
            value = field(*(scalar(field._type_, item, key) for item in spread(value, field._length_, key)))
        else:
            value = scalar(types[key], value, key)
        setattr(struct, key, value)
    return struct


def record(struct, leave_out=()):
    """A struct's fields as a dict: strings, numbers, enums by name; dims as "shape". Other pointers are left out."""
    result = {}
    kinds = dict(struct._fields_)
    for name, kind in struct._fields_:
        value = getattr(struct, name)
        if name in leave_out or name == "rank":
            continue
        if name == "dims":
            result["shape"] = tuple(value[: struct.rank])
        elif name in struct._enums_:
            result[name] = name_of(struct._enums_[name](value))
        elif isinstance(value, bytes) or kinds[name] is ctypes.c_char_p:
            result[name] = text(value)
        elif isinstance(value, (int, float)) and kinds[name] is not ctypes.c_void_p:
            result[name] = value
    return result


class Cache:
    """The results last asked for, at most `limit` of them, by any number of threads. A copy is empty."""

    def __init__(self, limit):
        self._limit, self._items, self._lock = limit, collections.OrderedDict(), threading.Lock()

    def __reduce__(self):
        return Cache, (self._limit,)

    def get(self, key, make):
        """What make() returned for that key; it may be called again if another thread asks meanwhile."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        value = make()
        with self._lock:
            self._items[key] = value
            while len(self._items) > self._limit:
                self._items.popitem(last=False)
        return value


def table(header, rows):
    """Columns two spaces apart; numbers to the right."""
    numbers = [bool(rows) and all(isinstance(row[c], (int, float)) for row in rows) for c in range(len(header))]
    lines = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(line[c]) for line in lines) for c in range(len(header))]

    def column(cell, width, is_number):
        return cell.rjust(width) if is_number else cell.ljust(width)

    return "\n".join("  ".join(map(column, line, widths, numbers)).rstrip() for line in lines)
