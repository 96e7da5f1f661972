"""What a run minimises, whatever the framework: a loss, resolved once.

A loss comes as a name, (name, options), a function, (function, options) or a framework's object.
`objective` says what it is and what its value is the mean over; a framework's `losses.resolve`
makes
the function (outputs, batch) of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError, ArgumentTypeError
from rnnlib.data.batches import Batch, Batches, mask
from rnnlib.metrics.probabilistic import check_levels

PER = ("token", "sequence", "batch")
LOSSES: dict[str, dict] = {
    "cross_entropy": {
        "per": "token",
        "class_weights": None,
        "label_smoothing": 0.0,
        "ignore": None,
    },
    "mse": {"per": "token"},
    "pinball": {"levels": (0.05, 0.5, 0.95)},
    "gaussian": {},
}
OWN = {"per": "sequence"}  # options of a function or an object


@dataclass(frozen=True)
class Objective:
    """A loss as it was asked for.

    name      of a loss by name; None for a function or an object
    options   all of them, defaults filled in
    function  what is called where there is no name
    takes     "batch": function (outputs, batch); "lengths": function (prediction, y, lengths)
    """

    name: str | None
    options: dict[str, Any] = field(default_factory=dict)
    function: Callable | None = None
    takes: str = "lengths"

    def share(self, batch: Batch) -> float:
        """What the loss of this batch (arrays) is the mean over: sequences, valid steps, or their
        weights."""
        per = self.options.get("per", "sequence")
        if callable(per):
            return float(per(batch))
        if "y" not in batch:
            return float(len(batch))
        plain = "weights" not in batch and not self._reweighs
        if plain or self.name is None:
            return float(self._steps(batch) if per == "token" else len(batch))
        weights = self.weights_of(batch)
        if per == "token":
            return float(weights.sum())
        if per == "batch":
            return float(len(batch))
        alive = weights.reshape(len(batch), -1).sum(axis=1) > 0
        if "weights" in batch and batch.weights.ndim == 1:
            each = batch.weights
        else:
            each = 1.0
        return float((alive * each).sum())

    @property
    def _reweighs(self) -> bool:
        return (
            self.options.get("class_weights") is not None or self.options.get("ignore") is not None
        )

    def _steps(self, batch: Batch) -> int:
        """Valid targets of a batch."""
        if not self._stepwise(batch.y):
            return len(batch)
        lengths = batch.y_lengths
        if lengths is None:
            return len(batch) * batch.y.shape[1]
        return int(lengths.sum())

    def _stepwise(self, y: np.ndarray) -> bool:
        """Is there a target for each step, (B, T) classes or (B, T, K) numbers?"""
        return y.ndim > (1 if self.name in (None, "cross_entropy") else 2)

    def weights_of(self, batch: Batch) -> np.ndarray:
        """The weight of each target of a batch, (B,) or (B, T): mask, field `weights`, class
        weights, ignored ones."""
        y = batch.y
        if self._stepwise(y):
            shape = y.shape[:2]
        else:
            shape = y.shape[:1]
        weights = np.ones(shape)
        if len(shape) == 2 and batch.y_lengths is not None:
            weights *= mask(batch.y_lengths, shape[1])
        if "weights" in batch:
            given = batch.weights
            weights = weights * (given if given.ndim == len(shape) else given[:, None])
        if self.options.get("ignore") is not None:
            weights = weights * (y != self.options["ignore"])
        if self.options.get("class_weights") is not None:
            known = np.clip(y, 0, len(self.options["class_weights"]) - 1)
            weights = weights * np.asarray(self.options["class_weights"])[known]
        return weights

    def check(self, batches: Batches, classes: int | None = None) -> None:
        """Refuse data that this loss cannot take, all of it, before the first update."""
        if self.takes == "lengths" and "y" not in batches.fields:
            raise ArgumentError(
                f"the loss needs a field y, the fields are {', '.join(batches.fields)}: call the "
                "targets y, "
                "or pass a function whose arguments are called (outputs, batch)",
                "loss.no_y",
            )
        if "weights" in batches.fields and self.name is not None:
            self._check_weights(batches)
        if self.name == "cross_entropy" and classes is not None:
            self._check_classes(batches, classes)

    def _check_weights(self, batches: Batches) -> None:
        if "per" not in self.options:
            raise ArgumentError(
                f"the loss {self.name!r} takes no weights: leave out the field", "loss.weights"
            )
        weights = batches.fields["weights"]
        if isinstance(weights, list):
            parts = weights
        else:
            parts = [weights]
        if any((part < 0).any() for part in parts) or not any(part.any() for part in parts):
            raise ArgumentError("weights must not be negative, nor all 0", "loss.weights")

    def _check_classes(self, batches: Batches, classes: int) -> None:
        y = batches.fields["y"]
        ignored = self.options["ignore"]
        for values in y if isinstance(y, list) else [y]:
            if ignored is None:
                validation.classes(values, classes)
            else:
                validation.classes(np.where(values == ignored, 0, values), classes)


def objective(loss: Any) -> Objective:
    """A loss in any of its forms as an Objective; ValueError or TypeError for what is none."""
    if isinstance(loss, Objective):
        return loss
    options = {}
    if isinstance(loss, (tuple, list)) and len(loss) == 2 and callable(loss[0]):
        loss, options = loss
        _, options = validation.named(("of one's own", options), {"of one's own": OWN}, "loss")
        if not callable(options["per"]):
            validation.choice(options["per"], PER, "averaging per")
    if isinstance(loss, (str, tuple, list)):
        name, options = validation.named(loss, LOSSES, "loss")
        return Objective(name, _checked(name, options))
    if not callable(loss):
        raise ArgumentTypeError(
            "loss is a name, (name, options) or a function (prediction, y, lengths) or (outputs, "
            "batch) "
            f"-> scalar, got {loss!r}",
            "loss",
        )
    return Objective(None, {**OWN, **options}, loss, "batch" if _takes_batch(loss) else "lengths")


def _takes_batch(loss: Callable) -> bool:
    """Is the second argument called `batch`?"""
    try:
        names = list(inspect.signature(loss).parameters)
    except (TypeError, ValueError):  # what is written in C says nothing of its arguments
        return False
    return len(names) > 1 and names[1] == "batch"


def _checked(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a loss by name, as plain values."""
    if "per" in options:
        validation.choice(options["per"], PER, "averaging per")
    if "levels" in options:
        options["levels"] = check_levels(options["levels"])
    if name != "cross_entropy":
        return options
    smoothing = options["label_smoothing"]
    options["label_smoothing"] = validation.number(smoothing, "label_smoothing", 0, 1)
    if options["ignore"] is not None and not isinstance(options["ignore"], (int, np.integer)):
        message = f"ignore is the class that has no say, a whole number, got {options['ignore']!r}"
        raise ArgumentTypeError(message, "loss.ignore")
    if options["class_weights"] is not None:
        weights = validation.finite(
            validation.floats(options["class_weights"], "class_weights"), "class_weights"
        )
        if weights.ndim != 1 or (weights < 0).any() or not weights.any():
            message = (
                f"class_weights are numbers of at least 0, one a class, not all 0, such as "
                f"(1.0, 2.0); got {weights}"
            )
            raise ArgumentError(message, "loss.class_weights")
        options["class_weights"] = tuple(weights.tolist())
    return options
