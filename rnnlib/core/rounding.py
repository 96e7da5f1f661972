"""Whether two results are equal up to rounding, with a tolerance that comes from their type and
size.

Processors add in different orders, and each order rounds elsewhere: two right answers differ by
some multiple of the type's precision times the *largest* number that went in. An absolute bound
that one processor meets, another misses.
"""

import numpy as np
from numpy.typing import ArrayLike

WITHIN = 64  # roundings: sums of some hundred terms, a few layers; float32 near 1: 8e-6


def bound(*results: ArrayLike, within: float = WITHIN, dtype: str | type | None = None) -> float:
    """How far apart results of this size and type may lie:
    `within` roundings of the largest absolute value.

    results  arrays, tensors on the CPU or numbers, of any shape; one without an element is a
             ValueError
    within   roundings that are allowed for; more for long chains of updates, whose roundings grow
    dtype    the type that was computed with, where the results are of another: a Python float holds
             what a float32 loss was; without it, the coarsest type of the results (whole numbers
             and Python floats count as float64)
    """
    arrays = [_array(result) for result in results]
    for array in arrays:
        if array.size == 0:
            raise ValueError(
                f"a result of shape {array.shape} has no element: nothing was compared"
            )
    largest = max(float(np.abs(array).max()) for array in arrays)
    if dtype is None:
        precision = max(_precision(array.dtype) for array in arrays)
    else:
        precision = _precision(np.dtype(dtype))
    return within * precision * largest


def gap(a: ArrayLike, b: ArrayLike, dtype: str | type | None = None) -> float:
    """The largest distance of two results of equal shape (or a number), in roundings of the
    largest absolute value.

    NaN where one of them holds NaN or infinity.  ValueError where the shapes differ.
    """
    first = _array(a)
    second = _array(b)
    if first.shape != second.shape and first.ndim and second.ndim:
        raise ValueError(
            f"results of shapes {first.shape} and {second.shape}: compare equal shapes, or with a "
            "number"
        )
    unit = bound(first, second, within=1, dtype=dtype)
    if not np.isfinite(unit):
        return float("nan")
    difference = float(np.abs(first.astype("float64") - second.astype("float64")).max())
    if difference == 0:
        return 0.0
    return difference / unit


def same(
    a: ArrayLike, b: ArrayLike, within: float = WITHIN, dtype: str | type | None = None
) -> bool:
    """Whether two results are equal up to `within` roundings; see `gap` and `bound`.

    >>> thirds = np.full(3, 1 / 3, "float32")
    >>> same(thirds.sum(), np.float32(1)), same(thirds, thirds + np.float32(1e-3))
    (True, False)
    """
    return gap(a, b, dtype) <= within


def _array(result):
    """The result as an array; a tensor of PyTorch leaves its graph first."""
    detach = getattr(result, "detach", None)
    return np.asarray(result if detach is None else detach())


def _precision(dtype):
    """The distance from 1 to the next number of a type."""
    if dtype.kind == "f":
        return float(np.finfo(dtype).eps)
    return float(np.finfo("float64").eps)
