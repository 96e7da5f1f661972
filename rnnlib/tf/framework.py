"""Import TensorFlow, before any other module of this half does, and without its greetings."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


def load() -> None:
    """Import the framework; an ImportError says what to do where that cannot be done."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        if "tensorflow" not in sys.modules:
            with _stderr_set_aside():
                import_module("tensorflow")
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ModuleNotFoundError(
            "rnnlib.tf needs TensorFlow, which is not installed: pip install 'rnnlib[tensorflow]'",
            name="tensorflow",
        ) from None
    backend = import_module("keras").backend.backend()
    if backend != "tensorflow":
        raise ImportError(
            f"rnnlib.tf needs Keras on TensorFlow, but Keras runs on {backend!r}: "
            "set the environment variable KERAS_BACKEND=tensorflow before Python starts"
        )


@contextmanager
def _stderr_set_aside() -> Iterator[None]:
    """Let file descriptor 2 lead nowhere for a while; a closed one stays closed.

    TensorFlow's libraries write there when they start, past Python's sys.stderr and whatever the
    log level says.
    """
    kept = _copy_of_stderr()
    if kept is None:
        yield
        return
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        os.close(sink)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _copy_of_stderr() -> int | None:
    """A second descriptor of what descriptor 2 is; None where that is closed, as in a daemon."""
    try:
        return os.dup(2)
    except OSError:
        return None
