"""Splits of series that respect time."""

import numpy as np

from rnnlib.core import validation


def split(series, fractions=None, at=None, gap=0):
    """The parts of a series in the order of time, e.g.

    `train, valid, test = split(y, (0.7, 0.15, 0.15))`.

    series     array (T, ...), pandas Series or DataFrame: its parts come back; or the number of
               steps T: slices come back
    fractions  share of each part, summing to 1
    at         instead: where each part but the first begins; labels of a pandas index (years,
               dates), else positions
    gap        steps left out before each cut (from the earlier part, so that the later ones do not
               depend on it)

    >>> split(10, (0.6, 0.2, 0.2), gap=1)
    (slice(0, 5, None), slice(6, 7, None), slice(8, 10, None))
    """
    if (fractions is None) == (at is None):
        raise ValueError(
            "a split needs either fractions=(0.7, 0.15, 0.15) or at=(first step of each later part)"
        )
    if np.ndim(series) == 0:
        steps = validation.positive(series, "the number of steps")
    else:
        steps = len(series)
    if not isinstance(gap, (int, np.integer)) or gap < 0:
        raise ValueError(f"gap must be 0 or more steps, got {gap!r}")
    if at is None:
        cuts = _cuts_of_fractions(fractions, steps)
    else:
        cuts = _cuts_at(at, series)
    edges = [0, *cuts, steps]
    parts = []
    for k, (first, last) in enumerate(zip(edges, edges[1:], strict=False)):
        if k < len(cuts):
            last = last - gap
        if last <= first:
            raise ValueError(
                f"part {k} of the split is empty: cuts at {cuts} of {steps} steps with a gap of "
                f"{gap}"
            )
        parts.append(slice(first, last))
    if np.ndim(series) == 0:
        return tuple(parts)
    return tuple(series.iloc[part] if hasattr(series, "iloc") else series[part] for part in parts)


def _cuts_of_fractions(fractions, steps):
    shares = validation.numbers(fractions, "fractions")
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
        return [validation.positive(position, "a position in at") for position in at]
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
