"""Weights and whole runs in files, PyTorch's end.

Mirror: rnnlib/tf/training/checkpoint.py. What stands in them: rnnlib/training/checkpoint_format.py.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rnnlib.core import weight_files
from rnnlib.data.batches import Batches
from rnnlib.pt.convert import array, assign, load, params
from rnnlib.training import checkpoint_format, identity
from rnnlib.training.history import History
from rnnlib.training.objectives import Objective

FRAMEWORK = "pt"
VERSIONS = {"torch": torch.__version__}


def save(path: str | os.PathLike[str], model: nn.Module, /, **about: Any) -> None:
    """Write a model's weights to a safetensors file that either framework reads, with `about`
    (plain values) in its header."""
    weight_files.write_weights(
        path, params(model), checkpoint_format.header("weights", FRAMEWORK, VERSIONS, about=about)
    )


def restore(path: str | os.PathLike[str], model: nn.Module) -> dict[str, Any]:
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
        model: nn.Module,
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


def attributes(model: nn.Module, opaque: list[str]) -> dict[str, Any]:
    """What a model is besides its weights, {dotted name: description}: plain attributes, code of
    classes of one's own."""
    known = {}
    for name, part in model.named_modules():
        kind = type(part)
        if not identity.is_library(kind):
            own = {k: v for k, v in vars(part).items() if not k.startswith("_") and k != "training"}
            state = identity.describe(own, opaque, name or "model")
            code = identity.own_code(kind)
            known[name] = {
                "class": kind.__qualname__,
                "code": code,
                "python": identity.PYTHON,
                "state": state,
            }
        elif kind.__name__.startswith("Dropout") and getattr(part, "p", False):
            known[name] = {"p": part.p}
    return known


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, np.ndarray], list]:
    """An optimizer's moments {name: array}, and the options of its groups."""
    state = optimizer.state_dict()
    arrays = {
        f"{i}.{key}": array(torch.as_tensor(value))
        for i, part in state["state"].items()
        for key, value in part.items()
        if value is not None
    }
    options = [
        {key: value for key, value in group.items() if key != "params"}
        for group in state["param_groups"]
    ]
    return arrays, options


def describe(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Any]:
    """An optimizer's kind and options, and what it updates, as plain values."""
    groups = [
        {key: value for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    updates = [
        f"{name} {tuple(p.shape)}" for name, p in model.named_parameters() if p.requires_grad
    ]
    return {"kind": type(optimizer).__name__, "options": groups, "updates": updates}


def load_optimizer(
    optimizer: torch.optim.Optimizer, arrays: Mapping[str, np.ndarray], options: list
) -> None:
    """Give an optimizer the state that a file holds."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in arrays.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = torch.as_tensor(value)
    groups = [
        {**group, **new}
        for group, new in zip(optimizer.state_dict()["param_groups"], options, strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def buffers(model: nn.Module) -> dict[str, np.ndarray]:
    """What belongs to the weights though nothing trains it, running means for instance, {name:
    array}."""
    return {f"buffer.{name}": array(value) for name, value in model.named_buffers()}


def load_buffers(model: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Put that back."""
    for name, value in model.named_buffers():
        if f"buffer.{name}" in arrays:
            assign(value, arrays[f"buffer.{name}"])


def extra(model: nn.Module) -> dict[str, np.ndarray]:
    """What moves besides weights: the state of random numbers (dropout) and buffers (running
    means), {name: array}."""
    return {"rng": array(torch.get_rng_state()), **buffers(model)}


def load_extra(model: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    """Put that back."""
    arrays = weight_files.match_parameters(extra(model), arrays, type(model).__name__)
    torch.set_rng_state(torch.as_tensor(arrays["rng"]))
    load_buffers(model, arrays)
