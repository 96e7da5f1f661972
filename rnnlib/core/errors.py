"""The errors of the package: few classes, each with a code that programs and tests can rely on.

A door raises the class that says what kind of fault it is; its `code` says which door and which
fault, for instance "fit.patience".  Sentences may be reworded, codes stay.

    try:
        rnn.fit(model, batches, ...)
    except core.RnnlibError as error:
        print(error.code, error)
"""

from __future__ import annotations

from typing import Any


class _Coded(BaseException):
    """What the errors of the package share: a message, a code, and that they can be sent."""

    code = "rnnlib"
    # Keras makes a new error, without the code, of any that leaves a layer and does not say so
    _keras_call_info_injected = True

    def __init__(self, message: str = "", code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple:
        return _again, (type(self), self.args, self.__dict__.copy())


class RnnlibError(_Coded, Exception):
    """What all errors of the package are: a message, and `.code`, the same in every version."""


def _again(kind: type[BaseException], args: tuple, state: dict) -> BaseException:
    """An error as it was, out of a pickle: its class may take other arguments than a message."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ArgumentError(RnnlibError, ValueError):
    """An argument of the right type with a value that will not do."""

    code = "argument"


class ArgumentTypeError(RnnlibError, TypeError):
    """An argument of a type that will not do."""

    code = "argument.type"


class NotFittedError(RnnlibError, ValueError, AttributeError):
    """An estimator was asked before `fit`; caught by whoever catches scikit-learn's two bases."""

    code = "estimator.not_fitted"

    def __init__(self, estimator: object, remedy: str = "call fit first") -> None:
        if isinstance(estimator, str):
            name = estimator
        else:
            name = type(estimator).__name__
        super().__init__(f"this {name} has not been fitted: {remedy}")


class Diverged(RnnlibError, FloatingPointError):
    """A loss, or the norm of its gradient, became NaN or infinite.

    `.history` is the run up to there, this update left out.
    """

    code = "fit.diverged"

    def __init__(self, message: str, history: Any) -> None:
        super().__init__(message)
        self.history = history


class Interrupted(_Coded, KeyboardInterrupt):
    """Ctrl-C during `fit`; `.history` is what was learned, the message says which weights stay.

    It has a code as the others have, but is no RnnlibError and no Exception: who catches those goes
    on, and Ctrl-C must end a program.
    """

    code = "fit.interrupted"

    def __init__(self, message: str, history: Any) -> None:
        super().__init__(message)
        self.history = history


class OtherRun(RnnlibError, ValueError):
    """A checkpoint is that of another run; `.differences` maps what differs to (there, here)."""

    code = "resume.other_run"

    def __init__(self, message: str, differences: dict[str, tuple[object, object]]) -> None:
        super().__init__(message)
        self.differences = differences


class FileError(RnnlibError, OSError):
    """A file could not be written, or is not what it should be; the message names it."""

    code = "file"


class ExportError(RnnlibError, RuntimeError):
    """An exporter cannot keep free what must stay free;
    the message names it and a way that works.
    """

    code = "export"


class CannotCompare(UserWarning):
    """A run goes on although part of it leaves nothing to compare with the run of the file."""

    code = "resume.cannot_compare"
