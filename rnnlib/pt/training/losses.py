"""Losses over padded batches in PyTorch, with the way of averaging said by name.

Mirror: rnnlib/tf/training/losses.py.

per="token"     the sum over valid steps, divided by the number of valid steps in the batch
per="sequence"  the mean over sequences of each one's own mean over its valid steps
per="batch"     the sum over valid steps, divided by the number of sequences

Where there is one target for each sequence all three are the mean over the batch.  With weights, a
target counts as often as its weight says: sums of weights stand in the place of numbers of steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError
from rnnlib.data.batches import Batch
from rnnlib.pt.convert import array
from rnnlib.training import options
from rnnlib.training.objectives import PER, Objective, objective

TINY = 1e-30  # a sum of weights that is 0 divides nothing


def resolve(loss: Any) -> Callable[[Any, Batch], torch.Tensor]:
    """A loss in any of its forms as one function (outputs, batch of tensors) -> scalar."""
    goal = objective(loss)
    if goal.name is not None:
        return partial(_by_name, goal, partial(BY_NAME[goal.name], **goal.options))
    return partial(_own, goal, isinstance(goal.function, torch.nn.modules.loss._Loss))


def _by_name(
    goal: Objective, function: Callable, outputs: torch.Tensor, batch: Batch
) -> torch.Tensor:
    """A loss by name, of the targets y by their own lengths."""
    if "per" not in goal.options:
        return function(outputs, batch.y)
    lengths = batch.y_lengths
    stepwise = len(batch.y.shape) > (1 if goal.name == "cross_entropy" else 2)
    if stepwise and lengths is None and "lengths" in batch:
        raise ArgumentError(UNSAID, "loss.unsaid_steps")
    return function(
        outputs, batch.y, lengths, weights=batch.weights if "weights" in batch else None
    )


UNSAID = (
    "x has lengths, and y has a target for each of several steps, but whose steps is not said: "
    "Batches(..., per_step=True) for one target a step of x; a list of arrays or 'y_lengths', in "
    "a dict "
    "of fields, for lengths of its own"
)


def _own(goal: Objective, of_framework: bool, outputs: Any, batch: Batch) -> torch.Tensor:
    """A function of one's own, or an object of the framework."""
    function: Any = goal.function
    if goal.takes == "batch":
        value = function(outputs, batch)
    elif of_framework:
        options.check_own_loss(True, batch.lengths if "x" in batch else batch.y_lengths)
        value = function(outputs, batch.y)
    else:
        lengths = batch.y_lengths
        if lengths is None and "x" in batch:
            lengths = batch.lengths
        value = function(outputs, batch.y, lengths)
    options.check_scalar(value)
    return value


def cross_entropy(
    logits: torch.Tensor,
    y: torch.Tensor,
    lengths: torch.Tensor | None = None,
    per: str = "token",
    class_weights: Sequence[float] | None = None,
    label_smoothing: float = 0.0,
    ignore: int | None = None,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """logits (B, C) or (B, T, C), classes y (B,) or (B, T) -> mean of -log softmax(logits)[y], in
    nats.

    class_weights    (C,) what a target of each class counts
    label_smoothing  this share of each target is spread over all classes alike (Szegedy et al.
                     2016)
    ignore           targets of this number have no say
    weights          (B,) or (B, T): what each target counts, besides
    """
    check_shapes(logits, y, logits.shape[:-1], "classes y", lengths)
    kept = None
    if ignore is not None:
        kept = y != ignore
        y = torch.where(kept, y, 0)
    if not validation.trusted():
        validation.classes(y.detach().cpu().numpy(), logits.shape[-1])
    each = F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]),
        y.reshape(-1).long(),
        reduction="none",
        label_smoothing=label_smoothing,
    ).reshape(y.shape)
    if class_weights is not None:
        if len(class_weights) != logits.shape[-1]:
            raise ArgumentError(
                f"{len(class_weights)} class_weights for {logits.shape[-1]} classes: one for each",
                "loss.class_weights",
            )
        own = torch.as_tensor(class_weights, dtype=each.dtype, device=each.device)[y]
        if weights is None:
            weights = own
        else:
            weights = own * along(weights, own)
    if kept is not None:
        own = kept.to(each.dtype)
        if weights is None:
            weights = own
        else:
            weights = own * along(weights, own)
    return average(each, lengths, per, weights)


def mse(
    prediction: torch.Tensor,
    y: torch.Tensor,
    lengths: torch.Tensor | None = None,
    per: str = "token",
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """prediction and y both (B, K) or both (B, T, K) -> mean squared error, over the K outputs
    too."""
    check_shapes(prediction, y, prediction.shape, "y", lengths)
    each = ((prediction - y) ** 2).mean(dim=-1)
    return average(each, lengths, per, weights)


def pinball(
    prediction: torch.Tensor,
    y: torch.Tensor,
    lengths: torch.Tensor | None = None,
    levels: Sequence[float] = (0.05, 0.5, 0.95),
) -> torch.Tensor:
    """Quantiles (B, K, Q) at `levels` of y (B, K) -> mean pinball loss; `lengths` are those of x
    and change nothing."""
    check_shapes(prediction, y, prediction.shape[:-1], "y")
    if len(levels) != prediction.shape[-1]:
        raise ValueError(
            f"{len(levels)} levels for predictions {tuple(prediction.shape)}: one for each output"
        )
    over = y[..., None] - prediction  # (B, K, Q)
    steps = torch.as_tensor(levels, dtype=prediction.dtype, device=prediction.device)
    return torch.maximum(steps * over, (steps - 1) * over).mean()


def gaussian(
    prediction: torch.Tensor, y: torch.Tensor, lengths: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean and log deviation (B, K, 2) of y (B, K) -> mean of -log of the normal density, in nats;
    `lengths` change nothing."""
    check_shapes(prediction, y, prediction.shape[:-1], "y")
    if prediction.shape[-1] != 2:
        raise ValueError(
            f"predictions {tuple(prediction.shape)} must hold 2 numbers for each y: mean and log "
            "of the deviation"
        )
    mean = prediction[..., 0]
    log_deviation = prediction[..., 1]
    z = (y - mean) * torch.exp(-log_deviation)
    return (log_deviation + z**2 / 2).mean() + math.log(2 * math.pi) / 2


BY_NAME: dict[str, Callable] = {
    "cross_entropy": cross_entropy,
    "mse": mse,
    "pinball": pinball,
    "gaussian": gaussian,
}


def average(
    each: torch.Tensor,
    lengths: torch.Tensor | None = None,
    per: str = "token",
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Losses (B,) or (B, T) -> one number, padding left out; `weights` (B,) or (B, T): what each
    counts."""
    validation.choice(per, PER, "averaging per")
    if weights is not None:
        return _weighted(each, lengths, per, weights)
    if len(each.shape) == 1:
        return each.mean()
    B, T = each.shape
    if lengths is None:
        lengths = torch.full((B,), T, device=each.device)
    lengths = torch.as_tensor(lengths, device=each.device)
    each = torch.where(torch.arange(T, device=each.device) < lengths[:, None], each, 0)  # (B, T)
    steps = lengths.to(each.dtype)  # (B,)
    if per == "token":
        return each.sum() / steps.sum()
    if per == "sequence":
        return (each.sum(dim=1) / steps).mean()
    return each.sum() / B


def _weighted(
    each: torch.Tensor, lengths: torch.Tensor | None, per: str, weights: torch.Tensor
) -> torch.Tensor:
    """`average` with weights."""
    # (B,) of "sequence"
    if len(weights.shape) == 1:
        rows = weights
    else:
        rows = torch.ones_like(each[..., 0])
    weights = along(weights, each).to(each.dtype) * torch.ones_like(each)
    if len(each.shape) == 2 and lengths is not None:
        lengths = torch.as_tensor(lengths, device=each.device)
        valid = torch.arange(each.shape[1], device=each.device) < lengths[:, None]  # (B, T)
        weights = torch.where(valid, weights, 0)
    each = torch.where(weights > 0, each * weights, 0)
    if per == "batch":
        return each.sum() / each.shape[0]
    if per == "token" or len(each.shape) == 1:
        return each.sum() / weights.sum().clamp_min(TINY)
    total = weights.sum(dim=1)  # (B,)
    rows = torch.where(total > 0, rows.to(each.dtype), 0)
    return (rows * each.sum(dim=1) / total.clamp_min(TINY)).sum() / rows.sum().clamp_min(TINY)


def along(weights: torch.Tensor, each: torch.Tensor) -> torch.Tensor:
    """Weights (B,) beside losses (B, T)."""
    if len(weights.shape) < len(each.shape):
        return weights[:, None]
    return weights


def check_shapes(
    prediction: torch.Tensor,
    y: torch.Tensor,
    expected: Sequence[int],
    what: str,
    lengths: torch.Tensor | None = None,
) -> None:
    """Equal shapes: a target (B, 1) against a prediction (B,) would broadcast to (B, B) and still
    train."""
    if len(prediction.shape) not in (2, 3):
        raise ValueError(
            f"predictions have shape (B, K) or (B, T, K), got {tuple(prediction.shape)}"
        )
    if tuple(y.shape) != tuple(expected):
        shapes = f"got {tuple(y.shape)} for predictions {tuple(prediction.shape)}"
        raise ValueError(f"{what} must have shape {tuple(expected)}, {shapes}: add or drop an axis")
    if lengths is not None and len(prediction.shape) == 3 and not validation.trusted():
        validation.lengths(array(torch.as_tensor(lengths)), *prediction.shape[:2])
