"""What the suites of forecasters and of classifiers share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np

from rnnlib.core import packing


def refused(error: type[Exception], door: Callable, name: str) -> str:
    """The message with which a door refuses; AssertionError if it does not, or raises otherwise."""
    try:
        door()
    except error as found:
        return str(found)
    except Exception as found:
        raise AssertionError(
            f"{name} raises {type(found).__name__}, not {error.__name__}: {found}"
        ) from found
    raise AssertionError(f"{name} is taken, though {error.__name__} is due")


def run_fresh(code: str) -> None:
    """Run code in a Python of its own, which finds the same modules; AssertionError if it fails."""
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    environment = {**os.environ, "PYTHONPATH": paths}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert ran.returncode == 0, f"in a fresh process: {ran.stderr[-2000:]}"


def same(one: tuple, other: tuple) -> bool:
    """Are two results of `packing.pack` equal, array by array?"""
    plain, arrays = one
    other_plain, other_arrays = other
    return (
        plain == other_plain
        and arrays.keys() == other_arrays.keys()
        and all(np.array_equal(arrays[k], other_arrays[k], equal_nan=True) for k in arrays)
    )


def same_params(one: dict, other: dict) -> bool:
    """Are two sets of hyper-parameters equal, value by value and of the same types?"""
    return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)


def _equal(one, other):
    """By what a file would hold, since `==` says nothing of arrays and seeds; else by `==`."""
    if one is other:
        return True
    try:
        return same(packing.pack(one), packing.pack(other))
    except TypeError:
        return one == other
