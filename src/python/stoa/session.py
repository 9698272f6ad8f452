"""Sessions: a model planned for input shapes, and run."""

import ctypes
import os
import threading
from collections.abc import Mapping

import numpy as np

from . import declarations as d
from .convert import address, as_input, as_output, encoded, number_of, numpy_dtype, options, record, shape_text, table
from .convert import name_of, scalar, tensor_array, text
from .library import Calls, Closeable, Error, Handle, Status, handle_of, library
from .model import as_model


def input_specs(specs, images=()):
    """struct stoa_input_spec[] of (name, shape, array or None) triples; an array is the input's fixed value. `images` are
    names of those whose buffers lie as N H W C."""
    array = (d.stoa_input_spec * len(specs))()
    for spec, (name, shape, value) in zip(array, specs):
        spec.layout = d.STOA_NHWC if name in images and value is None else d.STOA_NCHW
        spec.name, spec.rank = encoded(name, "an input's name"), len(shape)
        if len(shape) > d.STOA_MAX_RANK:
            raise ValueError(f"input '{name}': has rank {len(shape)}, at most {d.STOA_MAX_RANK} are taken")
        spec.dims[: len(shape)] = shape
        spec.data = None if value is None else address(value)
    return array


_HIDDEN = "disabled_passes", "cached_plans", "no_cached_plans"


def session_options(keywords, specs=(), own=()):
    """struct stoa_session_options of keywords; what it points at lives as it does. `disable` are names of passes. own:
    further keywords that the caller takes."""
    keywords = dict(keywords)
    disable, tuning = keywords.pop("disable", None) or (), keywords.pop("tuning", None)
    disable = (disable,) if isinstance(disable, str) else disable
    chosen = options(d.stoa_session_options, keywords, "a session", ("disable", "tuning", *own), _HIDDEN)
    for name in disable:
        chosen.disabled_passes |= 1 << number_of(d.stoa_pass, name, "a disabled pass")
    if tuning is not None:
        handle = handle_of(tuning, Tuning, "tuning")
        chosen.tuning, chosen.kept = handle._as_parameter_, handle
    if specs:
        chosen.inputs, chosen.input_count = input_specs(specs), len(specs)
        chosen.values = specs
    return chosen


def _channels_last(shape):
    """N C H W as N H W C."""
    return (shape[0], *shape[2:], shape[1])


def _channels_first(shape):
    """N H W C as N C H W."""
    return (shape[0], shape[-1], *shape[1:-1])


_OF_SHAPES = (Status.ERROR_SHAPE, Status.ERROR_DATA, Status.ERROR_ATTRIBUTE)


class Session(Closeable):
    """A model ready to run.

        session = stoa.Session("resnet50.onnx", threads=2)
        scores = session.run({"input": x})["output"]

    model: a path, ONNX as bytes, or a stoa.Model. Options, by keyword (<stoa/session.h> describes them): threads (0:
    all the CPUs this process may use), accuracy ("fast", "strict"), lowering ("auto", "view", "im2col", "im2col-full",
    "depthwise", "direct", "winograd"), max_bytes, profile, keep_values, disable (passes to leave out, such as
    ["fuse-norm"]), tuning (a stoa.Tuning).

    layout="NHWC": images, that is inputs and outputs which the model says have four dims, are arrays [N, H, W, C]; so
    they lie inside, and need no conversion. {"name": "NHWC"} says it of single ones.

    progress(done, steps) is called after each step but the last, by the thread that runs; where it returns true, or
    raises, run ends with ERROR_CANCELLED, or what it raised. It must use no method of the session but cancel.

    Planning is the slow part. It is done for the shapes of the inputs as they come, and the last `plans` ones are kept,
    sharing weights and memory; where the model states all dims but the batch, and no input decides shapes, batch 1 is
    planned at once if the model takes that. Values of inputs that decide shapes (stoa.ValueInfo) are planned for as
    shapes are. Results are the same to the bit for any number of threads.

    run() may be called from several threads, which then take turns; for running at once, give each thread a Session of
    one shared Model. The interpreter's lock is released meanwhile. Raises stoa.Error when the model cannot be loaded or
    planned."""

    def __init__(self, model, *, plans=4, layout="NCHW", progress=None, **options):
        if scalar(ctypes.c_size_t, plans, "plans") < 1:
            raise ValueError(f"plans is {plans}, must be at least 1")
        self.model = as_model(model)
        self._options, self._plans = options, plans
        self._lock = threading.Lock()
        self._calls, self._progress = Calls(), None
        if progress:
            kind = dict(d.stoa_session_options._fields_)["progress"]
            self._progress = self._calls.wrap(
                kind, lambda _, done, steps: int(bool(progress(done, steps) or self._calls.failure)), 1
            )
        self._handle = self.model._open()
        self._session, self._key = None, None  # the library's session, and what it is planned for
        # The places of inputs whose values are planned with, and so are known when they come.
        self._fixed = [i for i, info in enumerate(self.model.inputs) if info.decides_shapes]
        self._outputs = []  # shape (as arrays have it) and type of each
        self._images = self._named_images(layout)
        self._shapes = [_channels_last(i.shape) if i.name in self._images and i.shape else i.shape for i in self.model.inputs]
        session_options(options, own=("layout", "plans", "progress"))
        shapes = [info.shape for info in self.model.inputs]
        if not self._fixed and all(shape is not None and None not in shape[1:] for shape in shapes):
            try:
                self._plan([tuple(1 if size is None else size for size in shape) for shape in shapes], [])
            except Error as error:  # what is open may be no batch, or not one of 1: arrays will tell
                if error.status not in _OF_SHAPES or not any(None in shape for shape in shapes):
                    raise

    def _named_images(self, layout):
        """Names of the inputs and outputs whose arrays lie as N H W C."""
        values = [*self.model.inputs, *self.model.outputs]
        if isinstance(layout, Mapping):
            unknown = set(layout) - {value.name for value in values}
            if unknown:
                raise ValueError(f"layout: the model has no inputs or outputs {sorted(unknown)}")
        else:
            number_of(d.stoa_layout, layout, "layout")
            layout = {value.name: layout for value in values if value.shape is not None and len(value.shape) == 4}
        return {name for name, one in layout.items() if number_of(d.stoa_layout, one, "layout") == d.STOA_NHWC}

    def close(self):
        with self._lock:
            self._session = None
            super().close()

    def cancel(self):
        """Ends the run that is under way in another thread when its present step is done, or else the next one, which
        raises Error with ERROR_CANCELLED; later ones are runs like any other."""
        session = self._session
        if session is not None:
            library.stoa_session_cancel(session)

    def trim(self):
        """Gives back what a session that rests does not need: kept plans, and memory that the next run takes anew."""
        with self._lock:
            library.stoa_session_trim(self._latest())

    def get_inputs(self):
        """The model's inputs: list of stoa.ValueInfo."""
        return self.model.inputs

    def get_outputs(self):
        """The model's outputs: list of stoa.ValueInfo."""
        return self.model.outputs

    def run(self, *arguments, out=None):
        """run({"input": x}) returns a dict of all outputs by name; run(names, {"input": x}) a list of those named, of
        all if names is None.

        Inputs are read in place if they are C-contiguous arrays of the input's type, else from a copy: arrays are
        converted where no value can change (float16 to float32), lists and numbers as NumPy converts them. Outputs are
        new arrays, but those of `out`, {"output": y}: C-contiguous arrays of exact shape and type that overlap no input
        and one another.

        ValueError: an input is missing or unknown, or its shape does not fit the model's. TypeError: its type does not.
        stoa.Error: what the library finds wrong, with the node's name."""
        if len(arguments) not in (1, 2):
            raise TypeError(f"run takes (inputs) or (output names, inputs), not {len(arguments)} arguments")
        feed = arguments[-1]
        if not isinstance(feed, Mapping):
            raise TypeError(f"inputs are a dict of arrays by name, not {type(feed).__name__}")
        if out is not None and not isinstance(out, Mapping):
            raise TypeError(f"out is a dict of arrays by name, not {type(out).__name__}")
        known = [info.name for info in self.model.outputs]
        names = known if len(arguments) == 1 or arguments[0] is None else list(arguments[0])
        for name in [*names, *(out or {})]:
            if name not in known:
                raise ValueError(f"the model has no output '{name}'; it has {known}")
        with self._lock:
            self._open()
            results = dict(zip(known, self._run(self._inputs(feed), out or {})))
        return results if len(arguments) == 1 else [results[name] for name in names]

    def _inputs(self, feed):
        known = [info.name for info in self.model.inputs]
        missing = [name for name in known if name not in feed]
        unknown = [name for name in feed if name not in known]
        if missing or unknown:
            what = f"inputs {missing} are missing" if missing else f"the model has no inputs {unknown}"
            raise ValueError(f"{what}; it takes {known}")
        return [
            as_input(f"input '{info.name}'", feed[info.name], info.dtype, shape)
            for info, shape in zip(self.model.inputs, self._shapes)
        ]

    def _run(self, arrays, out):
        self._plan_for(arrays)
        results = []
        # Every buffer is bound anew each time: those of earlier runs may be gone.
        for i, array in enumerate(arrays):
            if i not in self._fixed:
                library.stoa_session_bind_input_at(self._session, i, address(array))
        for i, (info, (shape, dtype)) in enumerate(zip(self.model.outputs, self._outputs)):
            result = as_output(f"output '{info.name}'", out.get(info.name), shape, dtype, (*arrays, *results))
            library.stoa_session_bind_output_at(self._session, i, address(result))
            results.append(result)
        self._calls.run(library.stoa_session_run, self._session)
        return results

    def _plan_for(self, arrays):
        for info, array in zip(self.model.inputs, arrays):
            if info.name in self._images and array.ndim < 3:
                raise ValueError(f"input '{info.name}': has rank {array.ndim}, which is no image of layout NHWC")
        shapes = [
            _channels_first(array.shape) if info.name in self._images else array.shape
            for info, array in zip(self.model.inputs, arrays)
        ]
        self._plan(shapes, arrays)

    def _plan(self, shapes, arrays):
        """Makes the session one for these (logical) shapes and values of inputs; it keeps some plans by itself."""
        key = shapes, [arrays[i].tobytes() for i in self._fixed]
        if key == self._key:
            return
        specs = []
        for i, (info, shape) in enumerate(zip(self.model.inputs, shapes)):
            value = arrays[i] if i in self._fixed else None
            if value is not None and info.name in self._images:
                value = np.ascontiguousarray(np.moveaxis(value, -1, 1))
            specs.append((info.name, shape, value))
        self._key = None  # until it has come to that
        if self._session is None:
            self._session = self._create(specs)
        else:
            library.stoa_session_reshape(self._session, input_specs(specs, self._images), len(specs))
        self._outputs = []
        for i, info in enumerate(self.model.outputs):
            tensor = d.stoa_tensor()
            library.stoa_session_output_at(self._session, i, tensor)
            shape = tuple(tensor.dims[: tensor.rank])
            shape = _channels_last(shape) if info.name in self._images else shape
            self._outputs.append((shape, numpy_dtype(tensor.dtype)))
        self._key = key

    def _create(self, specs):
        chosen = session_options(self._options)
        chosen.cached_plans, chosen.no_cached_plans = self._plans - 1, int(self._plans == 1)
        chosen.inputs, chosen.input_count = input_specs(specs, self._images), len(specs)
        named = [info.name for info in self.model.outputs if info.name in self._images]
        outputs = (d.stoa_output_spec * len(named))()
        for spec, name in zip(outputs, named):
            spec.name, spec.layout = name.encode(), d.STOA_NHWC
        chosen.outputs, chosen.output_count = outputs, len(named)
        if self._progress:
            chosen.progress = self._progress
        model = self._open()
        return Handle(library.stoa_session_create, library.stoa_session_free, model, chosen, owners=(model, self._progress))

    def _latest(self):
        self._open()
        if self._session is None:
            raise ValueError("nothing is planned yet: run() decides the shapes of this model's inputs")
        return self._session

    def _steps(self):
        session = self._latest()
        for i in range(library.stoa_session_step_count(session)):
            info = d.stoa_step_info()
            library.stoa_session_step(session, i, info)
            yield info

    def memory(self):
        """Bytes that all kept plans hold: a dict of weights (packed copies), activations (one block, scratch included),
        outputs, and peak, the most there has been at once so far."""
        with self._lock:
            info = d.stoa_memory_info()
            library.stoa_session_memory(self._latest(), info)
            return record(info)

    def profile(self):
        """What the last run spent where, of a session made with profile=True: a list with a dict for each step, with
        node, type, shape, how (the lowering), macs, parameter_count, begin and seconds (from the beginning of the
        run)."""
        if not self._options.get("profile"):
            raise ValueError("nothing was measured: create the session with profile=True")
        with self._lock:
            steps = []
            for info in self._steps():
                output = info.output.contents
                steps.append({**record(info), "shape": tuple(output.dims[: output.rank])})
            return steps

    def value(self, name):
        """A copy of an intermediate value as the last run left it, of a session made with keep_values=True. Error:
        ERROR_UNSUPPORTED for a value inside a step that does the work of several nodes."""
        with self._lock:
            tensor = d.stoa_tensor()
            library.stoa_session_value(self._latest(), name, tensor)
            return tensor_array(tensor).copy()

    def summary(self):
        """A table of the layers as they are planned (of the plan last used): shapes, parameters, multiply-adds,
        lowerings."""
        with self._lock:
            steps = list(self._steps())
            rows = []
            for info in steps:
                output = info.output.contents
                shape = shape_text(output.dims[: output.rank])
                rows.append([text(info.node), text(info.type), shape, info.parameter_count, int(info.macs), text(info.how)])
        total = f"{len(rows)} layers, {sum(row[3] for row in rows)} parameters, {sum(row[4] for row in rows) / 1e6:.6g} million MACs"
        return table(["layer", "op", "output", "parameters", "MACs", "how"], rows) + "\n" + total

    def explain(self):
        """summary(), what each pass of the planner did, and of each convolution how else it could be computed."""
        lines = [self.summary()]
        with self._lock:
            session = self._latest()
            for i in range(library.stoa_session_rewrite_count(session)):
                info = d.stoa_rewrite_info()
                library.stoa_session_rewrite(session, i, info)
                lines.append(f"{name_of(d.stoa_pass(getattr(info, 'pass')))}: {text(info.node)} -> {text(info.into)}")
            for info in self._steps():
                if info.choice:
                    choice = info.choice.contents
                    lines.append(f"{text(info.node)}: {text(choice.shape)}: {text(choice.line)}")
        return "\n".join(lines)

    def __repr__(self):
        plans = library.stoa_session_plan_count(self._session) if self._session else 0
        return f"<stoa.Session of {self.model!r}, {plans} plans>"


class Tuning(Closeable):
    """Which way of convolving is the fastest on this machine, measured: Session(..., tuning=t) takes it. Measuring must
    not run beside the creation of sessions with it."""

    def __init__(self, path=None):
        """Empty, or what the file of an earlier save holds. Error: ERROR_IO, ERROR_PARSE."""
        self._handle = Handle(library.stoa_tuning_create, library.stoa_tuning_free, None)
        if path is not None:
            library.stoa_tuning_load(self._handle, os.fsencode(path))

    def measure(self, model, inputs=None, *, rounds=0, **options):
        """Measures the convolutions of a model that are not known yet, on random input or {"name": array}, with a
        session's options. Returns how many there were."""
        model = as_model(model)
        arrays = fixed_inputs(model, inputs or {})
        specs = [(name, array.shape, None) for name, array in arrays.items()]
        data = (ctypes.c_void_p * max(1, len(model.inputs)))(
            *(address(arrays[info.name]) if info.name in arrays else None for info in model.inputs)
        )
        measured = ctypes.c_size_t()
        library.stoa_tune(self._open(), model._open(), session_options(options, specs), data, rounds, measured)
        return measured.value

    def save(self, path):
        """Writes all it knows; the file appears whole or not at all."""
        library.stoa_tuning_save(self._open(), os.fsencode(path))

    def __len__(self):
        return library.stoa_tuning_count(self._open())


def fixed_inputs(model, inputs):
    """{"name": array} with each array as the model takes it."""
    infos = {info.name: info for info in model.inputs}
    unknown = [name for name in inputs if name not in infos]
    if unknown:
        raise ValueError(f"the model has no inputs {unknown}; it takes {list(infos)}")
    return {
        name: as_input(f"input '{name}'", value, infos[name].dtype, infos[name].shape) for name, value in inputs.items()
    }
