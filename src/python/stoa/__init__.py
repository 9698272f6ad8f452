"""Stoa: a CNN engine for the CPU.

    session = stoa.Session("resnet50.onnx", threads=2)
    scores = session.run({"input": x})["output"]

Session runs models, Model holds them, verify checks them layer by layer against a naive reference. conv2d, linear and
others are single layers on NumPy arrays, conv2d_backward and the like their backward passes; Net builds networks, Trainer
trains them. What fails raises stoa.Error with a `status`; arguments that do not fit raise TypeError or ValueError.

Nothing here changes what belongs to the process, so two things are the program's: OpenBLAS's own threads should be 1
(blas_set_threads(1), or OPENBLAS_NUM_THREADS=1), and where blas_info()["better_core"] names kernels, OPENBLAS_CORETYPE
set to that name before Python starts gives several times the speed."""

from importlib import import_module as _import_module
from types import ModuleType as _Module

from .backward import (
    activate_backward,
    avg_pool2d_backward,
    batch_norm,
    batch_norm_backward,
    batch_norm_training,
    conv2d_backward,
    global_avg_pool2d_backward,
    global_max_pool2d_backward,
    linear_backward,
    max_pool2d_backward,
    softmax_backward,
)
from .convert import record as _record
from .data import Dataset
from .declarations import stoa_blas_info as _blas_info
from .layers import (
    Conv2d,
    Linear,
    activate,
    avg_pool2d,
    conv2d,
    global_avg_pool2d,
    global_max_pool2d,
    linear,
    max_pool2d,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from .library import Error, Status, library as _library, version
from .model import Model, ValueInfo, create_net, net_names
from .net import Net, NetValue
from .session import Session, Tuning
from .train import Arrays, Trainer
from .verify import Report, gradient_check, verify

__version__ = version()


def blas_info():
    """What computes the matrix products: a dict of config, core, threads, small_matrix, better_core."""
    info = _blas_info()
    _library.stoa_blas_describe(info)
    return _record(info)


def blas_set_threads(threads):
    """BLAS's own thread count, for the whole process (NumPy's too, where it uses the same OpenBLAS). Not to be called
    beside runs."""
    _library.stoa_blas_set_threads(threads)


def __getattr__(name):
    """The modules that need more than the rest, loaded when they are first asked for."""
    if name in ("show", "onnx_backend"):
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [name for name, value in globals().items() if not name.startswith("_") and not isinstance(value, _Module)]
