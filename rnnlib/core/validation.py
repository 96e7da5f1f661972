"""What the public doors refuse, in one voice: what was asked, what was got, what to do."""

import operator
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnnlib.core.errors import ArgumentError, ArgumentTypeError

_SEEN = threading.local()


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Inside, in this thread, layers and losses do not look at numbers again that `fit` has seen.

    Looking costs a copy to the host at each update, and on a GPU a wait.
    """
    before = trusted()
    _SEEN.trusted = bool(trust)
    try:
        yield
    finally:
        _SEEN.trusted = before


def trusted() -> bool:
    """Are we inside `trusting`?"""
    return getattr(_SEEN, "trusted", False)


def named(spec, known, what):
    """`spec` is a name or (name, options); -> name, dict of options.

    ValueError lists the `known` names and options.

    `known` maps a name to the dict of its options with their defaults; the defaults are filled in.
    """
    if isinstance(spec, str):
        name = spec
        options = {}
    elif (
        isinstance(spec, (tuple, list))
        and len(spec) == 2
        and isinstance(spec[0], str)
        and isinstance(spec[1], dict)
    ):
        name, options = spec
    else:
        raise ArgumentTypeError(
            f"{what} is a name or a pair (name, options), got {spec!r}", "argument.spec"
        )
    if name not in known:
        raise ArgumentError(
            f"unknown {what} {name!r}: choose one of {', '.join(sorted(known))}", "argument.unknown"
        )
    surplus = sorted(set(options) - set(known[name]))
    if surplus:
        has = ", ".join(sorted(known[name])) or "none"
        raise ArgumentError(
            f"{what} {name!r} has no option {', '.join(map(repr, surplus))}; its options: {has}",
            "argument.option",
        )
    return name, {**known[name], **options}


def choice(value, known, what):
    """One of the names in `known`, or ValueError that lists them."""
    if not isinstance(value, str) or value not in known:
        raise ArgumentError(
            f"unknown {what} {value!r}: choose one of {', '.join(known)}", "argument.unknown"
        )
    return value


def positive(value, what):
    """A whole number of at least 1, or an error with the number."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(
            f"{what} must be a whole number, got {value!r}", "argument.positive"
        ) from None
    if isinstance(value, (bool, np.bool_)) or number < 1:
        raise ArgumentError(f"{what} must be at least 1, got {value!r}", "argument.positive")
    return number


def rank(shape, expected, what):
    """`expected` names the axes, e.g.

    "(B, T, D)"; their number must agree and none may be empty.
    """
    shape = tuple(shape)
    axes = expected.strip("()").split(",")
    if len(shape) != len([axis for axis in axes if axis.strip()]):
        raise ArgumentError(f"{what} must have shape {expected}, got {shape}", "argument.shape")
    for axis, size in zip(axes, shape, strict=False):
        if size == 0:
            raise ArgumentError(
                f"{what} of shape {shape} is empty along {axis.strip()}: leave out empty "
                "sequences and batches",
                "argument.shape",
            )


def numbers(values, what):
    """An array of numbers (bools count) in this machine's byte order, or an error that says what
    else it holds.
    """
    values = _array(values, what)
    if values.dtype.kind not in "fiub":
        raise ArgumentTypeError(
            f"{what} must hold numbers, got {values.dtype}: encode text and labels as whole "
            "numbers first",
            "argument.numbers",
        )
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _array(values, what):
    try:
        return np.asarray(values)
    except ValueError:
        raise ArgumentError(
            f"{what} has rows of different lengths: make it one array, for instance with data.pad",
            "argument.ragged",
        ) from None


def floats(values, what):
    """An array of float64, None and pandas' NA as NaN.

    TypeError for text and dates, which NumPy would make numbers of.
    """
    found = _array(values, what)
    if found.dtype.kind in "fiub":
        return found.astype(float)
    text = found.dtype.kind in "US" or any(isinstance(value, (str, bytes)) for value in found.flat)
    if found.dtype.kind == "O" and not text:
        try:
            return np.asarray(values, float)
        except (TypeError, ValueError):
            pass
    raise ArgumentTypeError(
        f"{what} must hold numbers, got {'text' if text else found.dtype}: encode it first",
        "argument.numbers",
    )


KINDS: dict[Any, str] = {
    str: "strings",
    bytes: "bytes",
    (bool, np.bool_): "bools",
    (int, np.integer): "whole numbers",
}


def labels(values, what="labels"):
    """Labels of one kind, strings, whole numbers or bools, as an array;
    TypeError names the first that is missing or of another kind.
    """
    asked = f"{what} must be strings or whole numbers, none missing (of scores take the argmax)"
    if hasattr(values, "dtype"):
        found = np.asarray(values)
    else:
        found = np.array(values, object)
    if found.dtype.kind in "iubUS":
        return found
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise ArgumentTypeError(
            f"{asked}; got nan at place {int(np.argmax(np.isnan(found)))}", "argument.labels"
        )
    if found.dtype.kind != "O":
        raise ArgumentTypeError(f"{asked}; got {found.dtype}", "argument.labels")
    kinds = [next((k for k in KINDS if isinstance(value, k)), None) for value in found.flat]
    for place, (value, kind) in enumerate(zip(found.flat, kinds, strict=True)):
        if kind is None:
            raise ArgumentTypeError(f"{asked}; got {value!r} at place {place}", "argument.labels")
        if kind != kinds[0]:
            raise ArgumentTypeError(
                f"{what} are all strings or all whole numbers, got {found.flat[0]!r} and, at "
                f"place {place}, {value!r}",
                "argument.labels",
            )
    plain = np.array(found.tolist())
    if plain.dtype.kind not in "iubUS" and plain.size:
        raise ArgumentTypeError(f"{asked} and below 2 ** 63; got {plain.dtype}", "argument.labels")
    return plain


def lengths(values, batch=None, time=None):
    """Valid steps of each sequence, int64 (B,): at least 1, at most T, one for each row of the
    batch; None: any.
    """
    values = np.asarray(values)
    if values.ndim != 1 or values.size == 0:
        raise ArgumentError(
            f"lengths must have shape (B,), one for each sequence, got {values.shape}",
            "argument.lengths",
        )
    if batch is not None and values.shape != (batch,):
        raise ArgumentError(
            f"lengths must have shape ({batch},), one for each sequence, got {values.shape}",
            "argument.lengths",
        )
    if values.dtype.kind not in "iu":
        raise ArgumentTypeError(
            f"lengths must be whole numbers, got {values.dtype}", "argument.lengths"
        )
    if values.min() < 1:
        row = int(values.argmin())
        raise ArgumentError(
            f"lengths[{row}] is {values[row]}: a sequence has at least one step, drop empty ones",
            "argument.lengths",
        )
    if time is not None and values.max() > time:
        row = int(values.argmax())
        raise ArgumentError(
            f"lengths[{row}] is {values[row]}, but the sequences are padded to T = {time}: pad "
            f"them to T = {values[row]}",
            "argument.lengths",
        )
    return values.astype(np.int64)


def finite(array, what):
    """No NaN and no infinity in an array of floats; the error says where the first one is."""
    array = np.asarray(array)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ArgumentError(
            f"{what} has {int(bad.sum())} values that are NaN or infinite, the first at index "
            f"{where}: fill or drop them, np.isfinite says which are good",
            "argument.finite",
        )
    return array


def ids(values, size, what, remedy=None):
    """Whole numbers in 0 .. size - 1, or an error with the first that is not.

    `remedy` says of that number what helps, in code form.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "iu":
        raise ArgumentTypeError(
            f"{what} must be whole numbers, got {values.dtype}: convert them with astype('int64')",
            "argument.ids",
        )
    bad = (values < 0) | (values >= size)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        message = (
            f"{what}[{', '.join(map(str, where))}] is {values[where]}, outside 0 .. {size - 1}"
        )
        if remedy is not None:
            message += f": {remedy(int(values[where]))}"
        raise ArgumentError(message, "argument.ids")
    return values


def classes(values, count):
    """Targets y in 0 .. count - 1, or an error that says what helps the first that is not."""
    return ids(values, count, "classes y", _more_classes)


def _more_classes(value):
    if value < 0:
        return f'leave such targets out by the option {{"ignore": {value}}} of "cross_entropy"'
    return f"build the model with num_classes={value + 1} (a Tagger: output_size={value + 1})"


def words(values, size):
    """Ids of an embedding in 0 .. size - 1, or an error that says what helps."""
    return ids(values, size, "ids", _more_words)


def _more_words(value):
    if value < 0:
        return "ids count from 0, as vocabulary.encode(tokens) gives them"
    return f"build with vocab_size={value + 1}"


def flag(value, what):
    """True or False, or TypeError."""
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(f"{what} is True or False, got {value!r}", "argument.flag")
    return bool(value)


def number(value, what, low=-np.inf, below=np.inf):
    """A finite number with low <= value < below, as a float, or an error with the number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise ArgumentTypeError(f"{what} must be a number, got {value!r}", "argument.number")
    if not (np.isfinite(value) and low <= value < below):
        if low == -np.inf:
            span = "finite"
        else:
            span = f"at least {low:g} and below {below:g}"
        raise ArgumentError(f"{what} must be {span}, got {value!r}", "argument.number")
    return float(value)
