"""Windows for language models: a long text as inputs and targets that are one step apart."""

from typing import NamedTuple

import numpy as np

from rnnlib.core import validation


class LMWindows(NamedTuple):
    """Examples for a language model: y is x one step later."""

    x: np.ndarray  # (N, seq_len) int64
    y: np.ndarray  # (N, seq_len) int64


def make_lm_windows(ids, seq_len):
    """Non-overlapping windows of ids (M,) -> x, y (N, seq_len), y shifted by one;
    ids after the last whole window are left out.

    >>> x, y = make_lm_windows([1, 2, 3, 4, 5, 6], seq_len=2)
    >>> x.tolist(), y.tolist()
    ([[1, 2], [3, 4]], [[2, 3], [4, 5]])
    """
    validation.positive(seq_len, "seq_len")
    ids = np.asarray(ids)
    validation.rank(ids.shape, "(M)", "ids")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be whole numbers, got {ids.dtype}: encode the text first")
    count = (len(ids) - 1) // seq_len
    if count == 0:
        raise ValueError(
            f"{len(ids)} ids hold no window of {seq_len} and its successor: {seq_len + 1} are "
            "needed"
        )
    used = ids[: count * seq_len + 1].astype("int64")
    return LMWindows(used[:-1].reshape(count, seq_len), used[1:].reshape(count, seq_len))
