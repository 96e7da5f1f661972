"""Weights and whole runs in files, TensorFlow's end.

Mirror: rnnlib/pt/training/checkpoint.py. What stands in them: rnnlib/training/checkpoint_format.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rnnlib.core import weight_files
from rnnlib.data.batches import Batches
from rnnlib.tf.convert import array, assign, load, params
from rnnlib.training import checkpoint_format, identity
from rnnlib.training.history import History
from rnnlib.training.objectives import Objective

FRAMEWORK = "tf"
VERSIONS = {"tensorflow": tf.__version__, "keras": keras.__version__}


def save(path: str | os.PathLike[str], model: keras.layers.Layer, /, **about: Any) -> None:
    """Write a model's weights to a safetensors file that either framework reads, with `about`
    (plain values) in its header."""
    weight_files.write_weights(
        path, params(model), checkpoint_format.header("weights", FRAMEWORK, VERSIONS, about=about)
    )


def restore(path: str | os.PathLike[str], model: keras.layers.Layer) -> dict[str, Any]:
    """Load weights from a file of `save`, or of `fit` (the best so far), into a model of the same
    shape; returns its `about`.

    ValueError, and the model untouched, if the file is cut off or holds other names or shapes.
    """
    arrays, about = checkpoint_format.weights_of(path)
    load(model, arrays)
    return about.get("about", {})


class Run:
    """What moves in a run of `fit` between two epochs: all that a file keeps, and the best weights
    so far.

    `best` and `last` are pairs (weights, what else moves with them), or None.
    """

    def __init__(
        self,
        model: keras.layers.Layer,
        optimizer: Any,
        history: History,
        rates: Any,
        earlier: Mapping[str, Any],
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.history = history
        self.rates = rates
        self.best = earlier.get("best")
        self.settings: dict = {}
        self.opaque: list[str] = []
        last = earlier.get("last")
        if last is not None and self.best is not None and _same(params(model), self.best[0]):
            self._load(last)  # an earlier piece of this run left the best weights in the model

    def identify(
        self, batches: Batches, valid: Batches | None, goal: Objective, clip_norm: float | None
    ) -> None:
        """Note what this run is, for its file."""
        self.settings = checkpoint_format.settings(
            self.model,
            attributes(self.model, self.opaque),
            params(self.model),
            batches,
            valid,
            goal,
            describe(self.optimizer, self.model),
            self.rates.described(),
            clip_norm,
            self.opaque,
        )

    def note_epoch(self) -> None:
        """Keep the weights, if this epoch is the best so far."""
        if self.history.best_epoch == len(self.history) - 1:
            self.best = self._now()

    def finish(self, asked: Any, keeps: bool) -> bool:
        """Leave the best weights in the model, or the last ones; are they the best?"""
        last = None
        if keeps and self.best is not None:
            last = self._now()
            self._load(self.best)
        self.history.leave(self.model, asked, self.optimizer, best=self.best, last=last)
        return last is not None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the state of the run after an epoch: all that `resume` needs."""
        arrays, options = optimizer_state(self.optimizer)
        about = checkpoint_format.header(
            "checkpoint",
            FRAMEWORK,
            VERSIONS,
            history={"updates": self.history.updates},
            settings=self.settings,
            optimizer=options,
            schedule=self.rates.state(),
        )
        best, best_extra = self.best or ({}, {})
        parts = checkpoint_format.sections(
            model=params(self.model),
            best=best,
            best_extra=best_extra,
            optimizer=arrays,
            extra=extra(self.model),
            history=checkpoint_format.history_arrays(self.history),
        )
        weight_files.write_weights(path, parts, about)

    def resume(self, path: str | os.PathLike[str], epochs: int) -> None:
        """Put the run back to where the file left it; nothing is done if there is no file.

        ValueError, and nothing changed, if the file is of another framework, model or run, or cut
        off.
        """
        if not Path(path).exists():
            return
        have = params(self.model)
        arrays, about = checkpoint_format.run_of(
            path, FRAMEWORK, have, epochs, self.settings, self.opaque
        )
        load_extra(self.model, checkpoint_format.section(arrays, "extra"))
        load_optimizer(
            self.optimizer, checkpoint_format.section(arrays, "optimizer"), about["optimizer"]
        )
        load(self.model, checkpoint_format.section(arrays, "model"))
        self.rates.load(about.get("schedule"))
        self.history = History(**about["history"])
        best = checkpoint_format.section(arrays, "best")
        if best:
            self.best = (best, checkpoint_format.section(arrays, "best_extra"))
        else:
            self.best = None

    def _now(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        return params(self.model), buffers(self.model)

    def _load(self, kept: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]) -> None:
        load(self.model, kept[0])
        load_buffers(self.model, kept[1])


def _same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def attributes(model: keras.layers.Layer, opaque: list[str]) -> dict[str, Any]:
    """What a model is besides its weights, {dotted name: description}: plain attributes, code of
    classes of one's own."""
    known = {}
    for k, part in enumerate(model._flatten_layers()):
        kind = type(part)
        name = f"{k}.{kind.__qualname__}"
        if not identity.is_library(kind):
            own = {key: v for key, v in vars(part).items() if not _of_keras(key, v)}
            state = identity.describe(own, opaque, name)
            code = identity.own_code(kind)
            known[name] = {
                "class": kind.__qualname__,
                "code": code,
                "python": identity.PYTHON,
                "state": state,
            }
        elif kind.__module__.startswith("keras.") and "Dropout" in kind.__name__:
            known[name] = {"p": part.rate}
        elif kind.__name__ == "Dropout" and part.p:
            known[name] = {"p": part.p}
    return known


OF_KERAS = frozenset(vars(keras.layers.Layer())) | {
    "built",
    "autocast",
    "trainable",
    "stop_training",
}


def _of_keras(name: str, value: Any) -> bool:
    """Is an attribute of a layer Keras' own, or a layer or a weight, which count by themselves?"""
    if isinstance(value, (list, tuple)):
        parts = value
    else:
        parts = [value]
    counted = any(isinstance(part, (keras.layers.Layer, keras.Variable)) for part in parts)
    return name.startswith("_") or name in OF_KERAS or counted


def optimizer_state(optimizer: keras.optimizers.Optimizer) -> tuple[dict[str, np.ndarray], list]:
    """An optimizer's moments {name: array}, and the options of its groups."""
    arrays = {str(i): array(variable) for i, variable in enumerate(optimizer.variables)}
    return arrays, [variable.path for variable in optimizer.variables]


def describe(optimizer: keras.optimizers.Optimizer, model: keras.layers.Layer) -> dict[str, Any]:
    """An optimizer's kind and options, and what it updates, as plain values."""
    options = {key: value for key, value in optimizer.get_config().items() if key != "name"}
    updates = [f"{variable.name} {tuple(variable.shape)}" for variable in model.trainable_variables]
    return {"kind": type(optimizer).__name__, "options": options, "updates": updates}


def load_optimizer(
    optimizer: keras.optimizers.Optimizer, arrays: Mapping[str, np.ndarray], options: list
) -> None:
    """Give an optimizer the state that a file holds."""
    have = {str(i): variable for i, variable in enumerate(optimizer.variables)}
    kept = weight_files.match_parameters(
        {name: array(variable) for name, variable in have.items()}, arrays, "optimizer"
    )
    for name, variable in have.items():
        assign(variable, kept[name])


def buffers(model: keras.layers.Layer) -> dict[str, np.ndarray]:
    """What belongs to the weights though nothing trains it, running means for instance, {name:
    array}."""
    return {str(i): array(variable) for i, variable in enumerate(model.non_trainable_variables)}


def load_buffers(model: keras.layers.Layer, arrays: Mapping[str, np.ndarray]) -> None:
    """Put that back."""
    for i, variable in enumerate(model.non_trainable_variables):
        if str(i) in arrays:
            assign(variable, arrays[str(i)])


def extra(model: keras.layers.Layer) -> dict[str, np.ndarray]:
    """What moves besides weights: the state of random numbers (dropout) and buffers (running
    means), {name: array}."""
    return buffers(model)


def load_extra(model: keras.layers.Layer, arrays: Mapping[str, np.ndarray]) -> None:
    """Put that back."""
    load_buffers(model, weight_files.match_parameters(extra(model), arrays, type(model).__name__))
