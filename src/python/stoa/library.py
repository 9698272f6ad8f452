"""The shared library: finding it, calling it, and owning what it makes.

Every function of the headers is an attribute of `library`. Those that can fail take no `struct stoa_error *` here (it
is put in between) and raise Error instead of returning a status. Numbers must be in range, names and paths whole; what
is wrong is named as in the headers. ctypes releases the interpreter's lock during calls."""

import ctypes
import os
import signal
import threading
import weakref

from . import declarations, place
from .convert import checks

Status = declarations.stoa_status


class Error(RuntimeError):
    """What the library has to say about a call that failed. `status` is a Status, such as Status.ERROR_SHAPE."""

    __module__ = __package__  # what tracebacks call it is what programs catch

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status

    def __reduce__(self):
        return Error, (self.status, str(self))


class Library:
    """libstoa, and the libraries beside it for what libstoa does not have, each loaded when it is first needed."""

    def __init__(self):
        here = os.path.dirname(os.path.abspath(__file__))
        named = os.environ.get("STOA_LIBRARY")
        # Beside the module in a wheel; where `meson install` put it; where the system looks.
        packed, installed = os.path.join(here, "libstoa.so"), os.path.join(here, place.LIBRARY)
        places = [named] if named else [packed, installed, os.path.basename(installed)]
        self._main, self.path = self._load(places)
        self._others = {}

    @staticmethod
    def _load(paths):
        reasons = []
        for path in paths:
            try:
                return ctypes.CDLL(path), path
            except OSError as error:
                reasons.append(str(error))
        raise ImportError("the Stoa library is not there (STOA_LIBRARY can name it): " + "; ".join(reasons))

    def _find(self, name):
        try:
            return getattr(self._main, name)
        except AttributeError:
            pass
        folder, file = os.path.split(self.path)
        for other in "libstoa-data", "libstoa-show":
            try:
                if other not in self._others:
                    self._others[other], _ = self._load([os.path.join(folder, file.replace("libstoa", other, 1))])
                return getattr(self._others[other], name)
            except (ImportError, AttributeError):
                pass
        raise Error(Status.ERROR_UNSUPPORTED, f"{self.path} was built without {name}")

    def __getattr__(self, name):
        if name not in declarations.functions:
            raise AttributeError(name)
        function = self._find(name)
        function.restype, parameters = declarations.functions[name]
        function.argtypes = [kind for _, kind in parameters]
        error_pointer = ctypes.POINTER(declarations.stoa_error)
        if error_pointer in function.argtypes:
            index = function.argtypes.index(error_pointer)
            parameters = [*parameters[:index], *parameters[index + 1 :]]
            function = _raising(function, index)
        checked = checks(parameters)
        if checked:
            function = _checked(function, checked)
        setattr(self, name, function)
        return function


def _raising(function, place_of_error):
    def call(*arguments):
        error = declarations.stoa_error()
        status = function(*arguments[:place_of_error], error, *arguments[place_of_error:])
        if status:
            raise Error(Status(status), error.message.decode(errors="replace"))

    return call


def _checked(function, checked):
    def call(*arguments):
        arguments = list(arguments)
        for i, is_number, check in checked:
            value = arguments[i]
            if not is_number or type(value) is not int or not 0 <= value < 2**31:  # others fit any
                arguments[i] = check(value)
        return function(*arguments)

    return call


library = Library()


class Handle:
    """Owns what a create function made, and frees it when nobody refers to it any more. `owners` live at least as long.
    Is an argument for the library as it stands."""

    def __init__(self, create, free, *arguments, owners=()):
        pointer = ctypes.c_void_p()
        create(*arguments, pointer)
        self._as_parameter_ = pointer
        finalizer = weakref.finalize(self, lambda free, pointer, owners: free(pointer), free, pointer, owners)
        finalizer.atexit = False  # a thread may still be at work with it when the program ends

    def give_up(self):
        """What it owned, for a function that frees it."""
        pointer = ctypes.c_void_p(self._as_parameter_.value)
        self._as_parameter_.value = None
        return pointer


class Closeable:
    """What holds a Handle: closed by close(), at the end of a with statement, or when it is dropped. Then it raises
    ValueError."""

    _handle = None

    def __reduce__(self):
        raise TypeError(f"a {type(self).__name__} can be neither copied nor pickled")

    def _open(self):
        if self._handle is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._handle

    def close(self):
        """Frees what the library holds, unless another object still needs it. Closing twice is fine."""
        self._handle = None

    def __enter__(self):
        self._open()
        return self

    def __exit__(self, *_):
        self.close()


def handle_of(value, kind, what):
    """The Handle of a `kind` that a caller passed."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} is {value!r}, must be a stoa.{kind.__name__}")
    return value._open()


class Calls:
    """The exceptions of callbacks, which cannot pass through the library: kept, and raised when its function has
    returned. So is Ctrl-C, which Python would raise at the entry of a callback, beyond what that could catch."""

    def __init__(self):
        self.failure, self._any = None, False

    def wrap(self, kind, function, at_failure=None):
        self._any = True

        def call(*arguments):
            try:
                return function(*arguments)
            except BaseException as failure:
                self.failure = self.failure or failure
                return at_failure

        return kind(call)

    def _interrupt(self, *_):
        if isinstance(self.failure, KeyboardInterrupt):
            raise KeyboardInterrupt  # asked again: a callback may not come to its end
        self.failure = self.failure or KeyboardInterrupt()

    def run(self, function, *arguments):
        ours = self._any and threading.current_thread() is threading.main_thread()
        ours = ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if ours:
            signal.signal(signal.SIGINT, self._interrupt)
        try:
            function(*arguments)
        finally:
            if ours:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            failure, self.failure = self.failure, None
            if failure:
                raise failure


def version():
    """"major.minor.patch" of the library."""
    return library.stoa_version().decode()
