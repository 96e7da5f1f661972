"""Series in time: splits that respect time, scaling fitted on the past, windows that never straddle.  Tables: rnnlib/tables.py."""

from typing import NamedTuple

import numpy as np

from rnnlib import checks
from rnnlib.tables import ahead as ahead
from rnnlib.tables import calendar as calendar
from rnnlib.tables import regularize as regularize
from rnnlib.tables import step_of as step_of
from rnnlib.tables import table as table


class Windows(NamedTuple):
    """Examples for a forecaster: what is known and what comes next."""

    x: np.ndarray  # (N, n_in, D) float64, the last n_in steps up to the origin
    y: np.ndarray  # (N, horizon) float64, the next steps of the target column
    origin: (
        np.ndarray
    )  # (N,) int64, position in `values` of the last known step; -1 is the last step of `history`


def split(series, fractions=None, at=None, gap=0):
    """The parts of a series in the order of time, e.g. `train, valid, test = split(y, (0.7, 0.15, 0.15))`.

    series     array (T, ...), pandas Series or DataFrame: its parts come back; or the number of steps T: slices come back
    fractions  share of each part, summing to 1
    at         instead: where each part but the first begins; labels of a pandas index (years, dates), else positions
    gap        steps left out before each cut (from the earlier part, so that the later ones do not depend on it)
    """
    if (fractions is None) == (at is None):
        raise ValueError(
            "a split needs either fractions=(0.7, 0.15, 0.15) or at=(first step of each later part)"
        )
    steps = checks.positive(series, "the number of steps") if np.ndim(series) == 0 else len(series)
    if not isinstance(gap, (int, np.integer)) or gap < 0:
        raise ValueError(f"gap must be 0 or more steps, got {gap!r}")
    cuts = _cuts_of_fractions(fractions, steps) if at is None else _cuts_at(at, series)
    edges = [0, *cuts, steps]
    parts = []
    for k, (first, last) in enumerate(zip(edges, edges[1:], strict=False)):
        last = last - gap if k < len(cuts) else last
        if last <= first:
            raise ValueError(
                f"part {k} of the split is empty: cuts at {cuts} of {steps} steps with a gap of {gap}"
            )
        parts.append(slice(first, last))
    if np.ndim(series) == 0:
        return tuple(parts)
    return tuple(series.iloc[part] if hasattr(series, "iloc") else series[part] for part in parts)


def _cuts_of_fractions(fractions, steps):
    shares = checks.numbers(fractions, "fractions")
    if shares.ndim != 1 or not (shares > 0).all() or not abs(shares.sum() - 1) <= 1e-9:
        raise ValueError(
            f"fractions must be positive and sum to 1, got {fractions} with sum {shares.sum():g}"
        )
    return [round(share * steps) for share in np.cumsum(fractions)[:-1]]


def _cuts_at(at, series):
    if np.ndim(at) != 1:
        raise ValueError(f"at must list the first step of each later part, at=(5, 8), got {at!r}")
    index = getattr(series, "index", None)
    if index is None or np.ndim(series) == 0:
        return [checks.positive(position, "a position in at") for position in at]
    if not index.is_monotonic_increasing:
        raise ValueError(
            "the index of the series is not in the order of time: sort it first (`sort_index()`)"
        )
    return [_place(index, label) for label in at]


def _place(index, label):
    """Where a label begins in an index in the order of time."""
    try:
        if index.dtype.kind in "iuf" and isinstance(label, str):
            raise TypeError
        return int(index.searchsorted(label))
    except (TypeError, ValueError):
        raise TypeError(f"{label!r} in at is no label of the index, such as {index[0]}") from None


class Standardizer:
    """Subtracts the mean and divides by the standard deviation of the training part, column by column.

    `fit(train)` sets `mean_` and `scale_`, (D,) in the units of the data; (T,) counts as one column.
    """

    def fit(self, values):
        """Learns from `values` (T,) or (T, D), which must be the training part alone."""
        values = _columns(values, "values")
        scale = values.std(axis=0)
        flat = np.flatnonzero(scale <= 1e-12 * np.abs(values).max(axis=0))
        if len(flat):
            raise ValueError(
                f"column {flat[0]} is constant ({values[0, flat[0]]:g}) and cannot be scaled: leave it out"
            )
        self.mean_, self.scale_ = values.mean(axis=0), scale
        return self

    def transform(self, values):
        """(value - mean_) / scale_, in the shape of `values`."""
        values = self._fitting(values, None)
        return (values - self.mean_) / self.scale_

    def inverse_transform(self, values, column=None):
        """Back to the units of the data; `column` says which one `values` of any shape (forecasts, say) are of."""
        values = self._fitting(values, column)
        chosen = slice(None) if column is None else column
        return values * self.scale_[chosen] + self.mean_[chosen]

    def fit_transform(self, values):
        """`fit` and `transform` of the training part."""
        return self.fit(values).transform(values)

    def _fitting(self, values, column):
        if not hasattr(self, "mean_"):
            raise ValueError("this Standardizer has not been fitted: call fit(train) first")
        values = checks.finite(checks.floats(values, "values"), "values")
        if column is not None:
            _check_column(column, len(self.mean_), "column")
        if column is None and len(self.mean_) > 1 and values.shape[-1:] != self.mean_.shape:
            raise ValueError(
                f"values of shape {values.shape} do not end in the {len(self.mean_)} columns of the fit; "
                "column= says which one they are of"
            )
        return values


def windows(values, n_in, horizon=1, target=0, history=None):
    """All windows of a part -> Windows(x (N, n_in, D), y (N, horizon), origin (N,)).

    values   (T,) or (T, D), one part of a split: no target lies outside it
    target   the column that y is taken from
    history  the steps right before `values`, if these may serve as inputs (they are known when a later part is forecast)
    """
    checks.positive(n_in, "n_in")
    checks.positive(horizon, "horizon")
    values = _columns(values, "values")
    _check_column(target, values.shape[1], "target column")
    past = _columns(history, "history")[-n_in:] if history is not None else values[:0]
    if past.shape[1] != values.shape[1]:
        raise ValueError(f"history has {past.shape[1]} columns, values have {values.shape[1]}")
    known = np.concatenate([past, values])
    first = np.arange(len(known) - n_in - horizon + 1)[:, None]  # (N, 1) first input step
    if len(first) == 0:
        raise ValueError(f"{len(known)} steps hold no window of {n_in} + {horizon}: shorten n_in or horizon")
    x = known[first + np.arange(n_in)]  # (N, n_in, D)
    y = known[first + n_in + np.arange(horizon), target]  # (N, horizon)
    return Windows(x, y, first[:, 0] + n_in - 1 - len(past))


def _columns(values, what):
    """(T, D) float64 without NaN, from (T,) or (T, D)."""
    values = checks.floats(values, what)
    if values.ndim == 1:
        values = values[:, None]
    checks.rank(values.shape, "(T, D)", what)
    return checks.finite(values, what)


def _check_column(column, count, what):
    if not isinstance(column, (int, np.integer)) or column not in range(count):
        raise ValueError(f"{what} {column!r} of {count}: expected 0 to {count - 1}")
