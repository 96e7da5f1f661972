"""How batches are weighted, ordered and joined where a model is evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError
from rnnlib.data.batches import Batches, mask


def in_order(batches_or_x: Batches | np.ndarray, lengths: Any, rows: int) -> Batches:
    """A Batches of the same examples in the order of their arrays, or of a bare array x, `rows` at
    a time."""
    if isinstance(batches_or_x, Batches):
        if lengths is not None:
            message = (
                "lengths belong to a bare array x; a Batches brings its own: leave out lengths="
            )
            raise ArgumentError(message, "predict.lengths")
        return batches_or_x.in_order()
    x = validation.numbers(batches_or_x, "x")
    return Batches({"x": x, "lengths": lengths}, rows)


def join_answers(answers: Sequence[np.ndarray], data: Batches) -> np.ndarray:
    """Answers of successive batches as one array; per-step answers (B, T, K) are 0 after the end of
    a sequence.

    Of fields without x, whose answers may be of any length, shorter ones are filled up with 0.
    """
    if "x" not in data.fields:
        steps = max(part.shape[1] if part.ndim > 2 else 0 for part in answers)
        valid = None
    else:
        if isinstance(data.x, list):
            steps = len(data.x[0])
        else:
            steps = data.x.shape[1]
        if data.lengths is not None:
            steps = max(steps, int(data.lengths.max()))
        if _by_steps(answers, data):
            valid = data.lengths
        else:
            valid = None
        if valid is None:
            steps = 0
    if steps == 0:
        return np.concatenate(answers)
    whole = np.zeros((data.num_examples, steps, *answers[0].shape[2:]), answers[0].dtype)
    for start, part in zip(_starts(data), answers, strict=True):
        whole[start : start + len(part), : part.shape[1]] = part
    if valid is not None:
        whole[~mask(valid, steps)] = 0
    return whole


def _starts(data: Batches) -> range:
    return range(0, data.num_examples, data.batch_size)


def _by_steps(answers: Sequence[np.ndarray], data: Batches) -> bool:
    """Do answers (B, T, K) go by the steps of x, of which each batch has as many as its longest
    sequence?"""
    if data.lengths is None or answers[0].ndim < 3:
        return False
    longest = [data.lengths[start : start + data.batch_size].max() for start in _starts(data)]
    return [part.shape[1] for part in answers] == longest
