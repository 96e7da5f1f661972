"""Windows of series, which never straddle a boundary, and values of seasons before for what is
missing.
"""

from typing import NamedTuple

import numpy as np

from rnnlib.core import validation
from rnnlib.forecasting.scaling import _check_column, _columns


class WindowSet(NamedTuple):
    """Examples for a forecaster: what is known and what comes next."""

    x: np.ndarray  # (N, n_in, D) float64, the last n_in steps up to the origin
    y: np.ndarray  # (N, horizon) float64, the next steps of the target column
    origin: (
        np.ndarray
    )  # (N,) int64, position in `values` of the last known step; -1 is the last step of `history`


def sliding_windows(values, n_in, horizon=1, target=0, history=None):
    """All windows of a part -> Windows(x (N, n_in, D), y (N, horizon), origin (N,)).

    values   (T,) or (T, D), one part of a split: no target lies outside it
    target   the column that y is taken from
    history  the steps right before `values`, if these may serve as inputs (they are known when a
             later part is forecast)

    >>> windows = sliding_windows([1, 2, 3, 4, 5], n_in=2, horizon=2)
    >>> windows.x[:, :, 0].tolist(), windows.y.tolist(), windows.origin.tolist()
    ([[1.0, 2.0], [2.0, 3.0]], [[3.0, 4.0], [4.0, 5.0]], [1, 2])
    """
    validation.positive(n_in, "n_in")
    validation.positive(horizon, "horizon")
    values = _columns(values, "values")
    _check_column(target, values.shape[1], "target column")
    if history is not None:
        past = _columns(history, "history")[-n_in:]
    else:
        past = values[:0]
    if past.shape[1] != values.shape[1]:
        raise ValueError(f"history has {past.shape[1]} columns, values have {values.shape[1]}")
    known = np.concatenate([past, values])
    first = np.arange(len(known) - n_in - horizon + 1)[:, None]  # (N, 1) first input step
    if len(first) == 0:
        raise ValueError(
            f"{len(known)} steps hold no window of {n_in} + {horizon}: shorten n_in or horizon"
        )
    x = known[first + np.arange(n_in)]  # (N, n_in, D)
    y = known[first + n_in + np.arange(horizon), target]  # (N, horizon)
    return WindowSet(x, y, first[:, 0] + n_in - 1 - len(past))


def seasonal_ffill(y: np.ndarray, m: int) -> np.ndarray:
    """y (..., T) with each missing value replaced by the one m steps before it, NaN where there is
    none."""
    y = np.asarray(y, float)
    *rows, T = y.shape
    seasons = np.full((*rows, -(-T // m), m), np.nan)  # one below the other
    seasons.reshape(*rows, -1)[..., :T] = y
    number = np.arange(seasons.shape[-2])[:, None]
    # the season with a value
    last = np.maximum.accumulate(np.where(np.isnan(seasons), 0, number), axis=-2)
    return np.take_along_axis(seasons, last, axis=-2).reshape(*rows, -1)[..., :T]
