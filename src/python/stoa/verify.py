"""Checks: the engine against the naive reference, and gradients against difference quotients."""

import ctypes

from . import declarations as d
from .convert import address, encoded_list, options, record, shape_text, table
from .library import Calls, Error, Status, library
from .model import as_model
from .session import fixed_inputs, session_options


class Report:
    """What a check found: `items`, a list of dicts; `passed`; `message`, the first thing that diverged, or "". True if
    it passed; as a string, a table."""

    def __init__(self, items, columns, message):
        self.items, self.message, self._columns = items, message, columns

    @property
    def passed(self):
        return not self.message

    def __bool__(self):
        return self.passed

    def __str__(self):
        rows = [[item[name] if name != "shape" else shape_text(item[name]) for name in self._columns] for item in self.items]
        return table(self._columns, rows) + "\n" + (self.message or f"all {len(rows)} passed")


def _collect(check, callback_type, columns, extra=lambda item: {}):
    """Runs check(callback); the callback notes each item it is called with. Ctrl-C is raised when all is done."""
    items, calls = [], Calls()

    def note(_, item):
        items.append({**record(item.contents), **extra(item.contents), "passed": bool(item.contents.passed)})

    try:
        calls.run(check, calls.wrap(callback_type, note))
    except Error as error:
        if error.status != Status.ERROR_MISMATCH:
            raise
        return Report(items, columns, str(error))
    return Report(items, columns, "")


def verify(model, inputs=None, *, seed=0, **keywords):
    """Runs a model and compares each layer with the naive reference on the very inputs that layer had; a layer passes
    if no element is off by more than a float result may be. Then the model runs as usual, its values sharing memory,
    and the outputs must be the same to the bit. inputs: {"name": array}, others are seeded random
    numbers; those that decide shapes are known to the planner. keywords: a session's options. Returns a Report whose
    items have node, type, value, shape, worst_difference, worst_share (of its bound; passes at <= 1), engine, twin,
    passed."""
    model = as_model(model)
    arrays = fixed_inputs(model, inputs or {})
    fixed = {info.name for info in model.inputs if info.decides_shapes}
    specs = [(name, array.shape, array if name in fixed else None) for name, array in arrays.items()]
    session = session_options(keywords, specs)
    data = (ctypes.c_void_p * max(1, len(model.inputs)))(
        *(address(arrays[info.name]) if info.name in arrays else None for info in model.inputs)
    )

    def check(callback):
        chosen = options(d.stoa_verify_options, dict(seed=seed), "verify")
        chosen.session, chosen.layer = ctypes.pointer(session), callback
        library.stoa_verify(model._open(), data, chosen)

    callback_type = dict(d.stoa_verify_options._fields_)["layer"]
    columns = ["node", "type", "shape", "worst_difference", "worst_share", "passed"]
    return _collect(
        check, callback_type, columns, lambda item: {"shape": tuple(item.output.dims[: item.output.rank])}
    )


def gradient_check(model, inputs=None, *, frozen=(), session=None, **keywords):
    """Whether what training computes is the derivative of the loss: the naive reference's gradients against difference
    quotients in double, then the engine against the reference. For small images. inputs: {"name": array}, fixed values;
    options: loss, label_smoothing, margin, check_inputs (their gradients, too), samples, tolerance, seed; session: a
    dict of a session's options. Returns a Report whose items have name, shape, tried, kinks, worst (relative
    difference), passed."""
    model = as_model(model)
    arrays = fixed_inputs(model, inputs or {})
    own = session_options(session or {}, [(name, array.shape, array) for name, array in arrays.items()])
    keywords["inputs"] = keywords.pop("check_inputs", 0)

    def check(callback):
        chosen = options(d.stoa_gradient_options, keywords, "gradient_check")
        chosen.frozen, chosen.frozen_count = encoded_list(frozen, "frozen")
        chosen.session, chosen.parameter = ctypes.pointer(own), callback
        library.stoa_gradient_check(model._open(), chosen)

    callback_type = dict(d.stoa_gradient_options._fields_)["parameter"]
    return _collect(check, callback_type, ["name", "shape", "tried", "kinks", "worst", "passed"])
