"""Optimizers by name: their options with defaults, checked, and what helps where a run diverges."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError

OPTIMIZERS: dict[str, dict] = {
    "sgd": {"lr": 0.1, "momentum": 0.0},
    "adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8},
    "adamw": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01},
}


LARGEST_RATE = 1e30  # beyond, the bias correction of Adam leaves float32


def parse_spec(value: Any, known: Mapping[str, dict], role: str) -> tuple[str | None, Any]:
    """(name, options) of a neutral spec, its numbers checked; (None, value) for an object or a
    function."""
    if not isinstance(value, (str, tuple, list)):
        return None, value
    name, options = validation.named(value, known, role)
    for key, number in options.items():
        fits, expected = OPTIONS[key]
        if not fits(number):
            message = (
                f"{role} {name!r}: {key} must be {expected}, got {number!r}: for instance "
                f'("{name}", {{"{key}": {known[name][key]}}})'
            )
            raise ArgumentError(message, f"{role}.{key}")
        if is_real(number):
            options[key] = float(number)  # Keras takes no number of NumPy
    return name, options


def _share(value: Any) -> bool:
    return is_real(value) and 0 <= value < 1


OPTIONS = {  # of optimizers: what fits, in code and in words
    "lr": (
        lambda value: is_real(value) and 0 < value < LARGEST_RATE,
        f"above 0 and below {LARGEST_RATE:g}",
    ),
    "eps": (lambda value: is_real(value) and 0 <= value < math.inf, "0 or above"),
    "weight_decay": (lambda value: is_real(value) and 0 <= value < math.inf, "0 or above"),
    "momentum": (_share, "from 0 to below 1"),
    "betas": (
        lambda value: (
            isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_share, value))
        ),
        "two numbers from 0 to below 1",
    ),
}


def _plain_spec(optimizer: Any) -> Any:
    """An optimizer as it was asked for, comparable; an object is itself."""
    name, options = parse_spec(optimizer, OPTIMIZERS, "optimizer")
    if name is None:
        return id(optimizer)
    return (name, sorted(options.items()))


def remedy(optimizer: Any, clip_norm: float | None, rate: float | None = None) -> str:
    """What helps a run that diverges, in code form, of what this call has not done yet.

    `rate` is that of a door which has an option `lr` of its own.
    """
    name, options = parse_spec(optimizer, OPTIMIZERS, "optimizer")
    lower = "the rate of your optimizer"
    if rate is not None:
        lower = f"the rate, for instance lr={rate / 10:g}"
    elif name is not None:
        rate = options["lr"] / 10
        lower = f'the optimizer\'s lr, for instance optimizer=("{name}", {{"lr": {rate:g}}})'
    if clip_norm is None:
        clip = "pass clip_norm=1.0"
    else:
        clip = f"clip_norm={clip_norm / 10:g}"
    return f"Lower {lower}, or {clip}"


def is_real(value: Any) -> bool:
    """A plain number, no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
