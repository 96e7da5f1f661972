"""Schedules of the learning rate by name, the same factor in both frameworks at each update."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError, ArgumentTypeError
from rnnlib.training.optimizers import is_real

SCHEDULES = {
    "constant": {"warmup": 0},
    "linear": {"warmup": 0, "end": 0.0},
    "cosine": {"warmup": 0, "end": 0.0},
    "step": {"warmup": 0, "every": 10, "factor": 0.1},
    "exponential": {"warmup": 0, "factor": 0.95},
}


@dataclass(frozen=True)
class Schedule:
    """The factor on the optimizer's rate at each update k = 0, 1, ...

    of `total`, the same in both frameworks.

    constant     1
    linear       from 1 down to `end` at the end of the run
    cosine       from 1 down to `end` along half a cosine (Loshchilov & Hutter 2017, without
                 restarts)
    step         `factor` ** n after n times `every` epochs
    exponential  `factor` ** (epochs done, with fractions)

    Each rises from 1/warmup to 1 in the first `warmup` updates; the others go on from there.
    """

    name: str
    options: dict[str, Any]
    total: int
    updates: int

    def __call__(self, update: int) -> float:
        """The factor at this update."""
        warmup = self.options["warmup"]
        if update < warmup:
            return (update + 1) / warmup
        done = (update - warmup) / max(1, self.total - warmup)
        if self.name == "constant":
            return 1.0
        if self.name == "step":
            return self.options["factor"] ** (update // self.updates // self.options["every"])
        if self.name == "exponential":
            return self.options["factor"] ** ((update - warmup) / self.updates)
        end = self.options["end"]
        if self.name == "linear":
            fall = 1 - done
        else:
            fall = (1 + math.cos(math.pi * done)) / 2
        return end + (1 - end) * fall


def schedule_of(schedule: Any, epochs: int, updates: int) -> Callable[[int], float] | None:
    """A name, (name, options) or a function of the update -> a function of the update; None for
    None."""
    if schedule is None:
        return None
    if not isinstance(schedule, (str, tuple, list)):
        return _own_schedule(schedule)
    name, options = validation.named(schedule, SCHEDULES, "schedule")
    warmup = options["warmup"]
    if isinstance(warmup, bool) or not isinstance(warmup, (int, np.integer)) or warmup < 0:
        raise ArgumentError(
            f"warmup is a number of updates, 0 or more, got {warmup!r}: for instance "
            f'("{name}", {{"warmup": 100}})',
            "schedule.warmup",
        )
    if "every" in options:
        validation.positive(options["every"], "every, in epochs,")
    for key in ("end", "factor"):
        if key in options:
            options[key] = validation.number(options[key], key, 0)
    return Schedule(name, options, epochs * updates, updates)


def _own_schedule(schedule: Any) -> Callable[[int], float]:
    if not callable(schedule):
        raise ArgumentTypeError(
            "schedule is a name, (name, options), a function update -> factor or the "
            "framework's own, "
            f"got {schedule!r}",
            "schedule",
        )

    def factor(update: int) -> float:
        value = schedule(update)
        if not is_real(value) or not 0 <= value < math.inf:
            raise ArgumentError(
                f"the schedule gives {value!r} at update {update}: give a factor of at least 0 "
                "on the rate, max(factor, 0.0)",
                "schedule.factor",
            )
        return float(value)

    factor.__dict__["schedule"] = schedule
    return factor
