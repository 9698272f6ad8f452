"""The shared library: finding it, calling it, and owning what it makes.

Every function of the headers is an attribute of `library`. Those that can fail take no `struct stoa_error *` here (it
is put in between) and raise Error instead of returning a status. ctypes releases the interpreter's lock during
calls."""

import ctypes
import os
import weakref

from . import declarations, place

Status = declarations.stoa_status


class Error(RuntimeError):
    """What the library has to say about a call that failed. `status` is a Status, such as Status.ERROR_SHAPE."""

    __module__ = __package__  # what tracebacks call it is what programs catch

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


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
        function.restype, function.argtypes = declarations.functions[name]
        error_pointer = ctypes.POINTER(declarations.stoa_error)
        if error_pointer in function.argtypes:
            function = _raising(function, function.argtypes.index(error_pointer))
        setattr(self, name, function)
        return function


def _raising(function, place_of_error):
    def call(*arguments):
        error = declarations.stoa_error()
        status = function(*arguments[:place_of_error], error, *arguments[place_of_error:])
        if status:
            raise Error(Status(status), error.message.decode(errors="replace"))

    return call


library = Library()


class Handle:
    """Owns what a create function made, and frees it when nobody refers to it any more. `owners` live at least as long.
    Is an argument for the library as it stands."""

    def __init__(self, create, free, *arguments, owners=()):
        pointer = ctypes.c_void_p()
        create(*arguments, pointer)
        self._as_parameter_ = pointer
        weakref.finalize(self, lambda free, pointer, owners: free(pointer), free, pointer, owners)

    def give_up(self):
        """What it owned, for a function that frees it."""
        pointer = ctypes.c_void_p(self._as_parameter_.value)
        self._as_parameter_.value = None
        return pointer


class Closeable:
    """What holds a Handle: closed by close(), at the end of a with statement, or when it is dropped. Then it raises
    ValueError."""

    _handle = None

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


class Calls:
    """The exceptions of callbacks, which cannot pass through the library: kept, and raised when its function has
    returned."""

    def __init__(self):
        self.failure = None

    def wrap(self, kind, function, at_failure=None):
        def call(*arguments):
            try:
                return function(*arguments)
            except BaseException as failure:  # KeyboardInterrupt, too
                self.failure = self.failure or failure
                return at_failure

        return kind(call)

    def run(self, function, *arguments):
        try:
            function(*arguments)
        finally:
            failure, self.failure = self.failure, None
            if failure:
                raise failure


def version():
    """"major.minor.patch" of the library."""
    return library.stoa_version().decode()
