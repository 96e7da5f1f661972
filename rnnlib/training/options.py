"""The arguments of a training run, checked before anything is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError, ArgumentTypeError, Interrupted
from rnnlib.data.batches import Batches
from rnnlib.training.history import History
from rnnlib.training.objectives import Objective
from rnnlib.training.optimizers import OPTIMIZERS, is_real, parse_spec

KEEP = ("best", "last")


def validate_fit(
    goal: Objective,
    batches: Batches,
    optimizer: Any,
    epochs: int,
    valid: Batches | None,
    clip_norm: float | None,
    patience: int | None,
    keep: str,
    callback: Any,
    history: History | None,
    checkpoint: Any,
    resume: bool,
) -> None:
    """Refuse what `fit` cannot do, before anything is touched."""
    check_batches(batches, "batches")
    goal.check(batches)
    if valid is not None:
        check_batches(valid, "valid")
        goal.check(valid)
    parse_spec(optimizer, OPTIMIZERS, "optimizer")
    validation.positive(epochs, "epochs")
    if clip_norm is not None and not (is_real(clip_norm) and 0 < clip_norm < math.inf):
        raise ArgumentError(
            "clip_norm is the largest norm a gradient may have, above 0, or None; got "
            f"{clip_norm!r}: for instance clip_norm=1.0",
            "fit.clip_norm",
        )
    if patience is not None:
        validation.positive(patience, "patience")
        if valid is None:
            message = f"patience={patience} waits for the validation loss: pass valid=Batches(...)"
            raise ArgumentError(message, "fit.patience")
    validation.choice(keep, KEEP, "keep")
    if callback is not None and not callable(callback):
        message = f"callback is a function (epoch, history, model), got {callback!r}"
        raise ArgumentTypeError(message, "fit.callback")
    _check_file(checkpoint, resume)
    _check_history(history, batches, valid, resume)


def _check_file(checkpoint: Any, resume: bool) -> None:
    if resume and checkpoint is None:
        raise ArgumentError(
            "resume=True needs the file to go on from: pass checkpoint=PATH", "fit.resume"
        )
    if checkpoint is None:
        return
    if not Path(checkpoint).name or Path(checkpoint).is_dir():
        raise ArgumentError(
            f"checkpoint={str(checkpoint)!r} names no file: give a path such as run.safetensors",
            "fit.checkpoint",
        )
    if not Path(checkpoint).resolve().parent.is_dir():
        raise FileNotFoundError(
            f"no folder {Path(checkpoint).resolve().parent} for the checkpoint: make it first, "
            f"os.makedirs({str(Path(checkpoint).resolve().parent)!r})"
        )


def _check_history(
    history: History | None, batches: Batches, valid: Batches | None, resume: bool
) -> None:
    if history is None:
        return
    if not isinstance(history, History):
        message = (
            "history is what an earlier call returned, history = rnn.fit(...), got "
            f"{type(history).__name__}"
        )
        raise ArgumentTypeError(message, "fit.history")
    if resume:
        message = (
            "history goes on in this process, resume=True from a file: leave out history= or "
            "resume="
        )
        raise ArgumentError(message, "fit.history")
    if len(history) and history.updates != len(batches):
        raise ArgumentError(
            f"the history has {history.updates} updates in an epoch, these batches "
            f"{len(batches)}: go on with "
            "the same data and batch size, or without history=",
            "fit.history",
        )
    if len(history) and bool(history.valid) != (valid is not None):
        raise ArgumentError(
            "the history and this call differ in whether there is a validation loss: pass valid= "
            "in all pieces of a run or in none",
            "fit.history",
        )
    history.updates = len(batches)


def check_batches(data: Any, role: str) -> None:
    """A Batches (which refuses NaN itself), or an error that says how to make one."""
    if not isinstance(data, Batches):
        raise ArgumentTypeError(
            f"{role} must be a Batches, got {type(data).__name__}: wrap the arrays, "
            "Batches((x, y), batch_size=32, rng=0), from rnnlib.data.batches",
            f"fit.{role}",
        )


def interrupted(history: History, best: bool) -> Interrupted:
    """What Ctrl-C becomes: the history in hand, and which weights the model has."""
    updates = len(history.steps) - len(history) * history.updates
    done = f"{len(history)} epochs and {updates} updates were done"
    weights = "those after the last update"
    if best and history.best_epoch is not None:
        weights = f"those of epoch {history.best_epoch + 1}, the best"
    return Interrupted(
        f"interrupted: {done}; the model's weights are {weights}. The History is this error's "
        ".history (in a notebook: import sys; sys.last_value.history), and "
        "rnn.fit(..., history=error.history) goes on from the last whole epoch",
        history,
    )


def check_reach(kept: Mapping[str, np.ndarray], trainable: int) -> None:
    """Everything trainable has a name, or a file and the best weights would miss some of it."""
    named = sum(value.size for value in kept.values())
    if named < trainable:
        raise ArgumentError(
            f"the model trains {trainable} numbers, but rnn.params finds {named} of them by name: "
            "make every layer an attribute of the model, or train without checkpoint and with "
            'keep="last"',
            "fit.unnamed",
        )


def check_scalar(value: Any) -> None:
    """A loss is a tensor of one number."""
    if not hasattr(value, "shape"):
        raise ArgumentTypeError(
            f"the loss must return a tensor of one number, got {value!r}: use the framework's "
            "functions",
            "loss.scalar",
        )
    if len(value.shape):
        message = f"the loss must be one number, got shape {tuple(value.shape)}: average it"
        raise ArgumentError(message, "loss.scalar")


def check_own_loss(own: bool, lengths: Any) -> None:
    """A framework's loss object would average over padding too."""
    if own and lengths is not None:
        raise ArgumentError(
            "a framework's own loss object knows no lengths: pass a function (prediction, y, "
            "lengths) or a "
            "neutral name",
            "loss.lengths",
        )
