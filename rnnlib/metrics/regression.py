"""Errors of point forecasts.  Shapes must agree and NaN is refused."""

import numpy as np

from rnnlib.core import validation
from rnnlib.core.errors import ArgumentError


def mae(y, prediction):
    """Mean absolute error, in the units of `y`; both of one shape."""
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(*_flat(y, prediction)))


def rmse(y, prediction):
    """Root of the mean squared error, in the units of `y`; both of one shape."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(*_flat(y, prediction)))


def mase(y, prediction, train, *, m):
    """Mean absolute scaled error: `mae` over that of the seasonal naive forecast of the training
    part, in sample.

    train  (T,) the training part, T > m; m steps in a season (1: none), always said: the number
           depends on it.
    Below 1 beats what `y[t - m]` did on the training part (Hyndman & Koehler 2006, for m = 1).

    >>> train = [10.0, 20.0, 12.0, 22.0]  # it changes by 2 over a season of two steps
    >>> mase(y=[14.0, 24.0], prediction=[12.0, 22.0], train=train, m=2)
    1.0
    """
    m = validation.positive(m, "m")
    train = validation.finite(validation.floats(train, "train"), "train")
    validation.rank(train.shape, "(T)", "train")
    if len(train) <= m:
        raise ValueError(
            f"{len(train)} training steps hold no difference over a season of m={m}: more than m "
            "are needed"
        )
    return mae(y, prediction) / naive_scale(train, m, "the training part")


def _flat(one, other, what="y", to="prediction"):
    one, other = _alike(validation.floats(one, what), validation.floats(other, to), what, to)
    return validation.finite(one, what).ravel(), validation.finite(other, to).ravel()


def _alike(one, other, what="y", to="prediction"):
    if one.shape != other.shape:
        message = (
            f"{what} has shape {one.shape}, {to} {other.shape}: they must agree, nothing is "
            "broadcast"
        )
        if one.size == other.size:
            message += f"; give {to}.reshape({what}.shape)"
        raise ArgumentError(message, "metrics.shape")
    if one.size == 0:
        raise ValueError(f"{what} of shape {one.shape} is empty: there is nothing to compare")
    return one, other


# ---- forecasts


def naive_scale(train, m, what="train"):
    """Mean absolute change over m steps of a training part (T,), gaps left out:
    what MASE divides by.
    """
    train = validation.floats(train, what)
    m = validation.positive(m, "m")
    validation.rank(train.shape, "(T)", what)
    if np.isinf(train).any():
        raise ValueError(
            f"{what} has {int(np.isinf(train).sum())} infinite values: MASE has no scale"
        )
    change = np.abs(train[m:] - train[:-m])
    if np.isnan(change).all():
        raise ValueError(
            f"{what} has {len(train)} steps before the first origin and no two values m={m} apart"
        )
    scale = float(np.nanmean(change))
    if scale == 0:
        raise ValueError(
            f"{what} repeats itself exactly every m={m} steps: MASE has no error to scale by"
        )
    return scale


def smape(y, prediction):
    """Symmetric mean absolute percentage error, 0 to 200: mean of 200 |y - p| / (|y| + |p|);
    0 where both are 0.

    Kept to be read, not to be chosen: it is not symmetric (for y = 100 the forecast 50 costs 66.7,
    the forecast 150 costs 40), a forecast of 0 costs 200 whatever y is, and so does any forecast of
    y = 0. MASE has none of this (Hyndman & Koehler 2006).

    >>> round(smape([100.0], [50.0]), 1), round(smape([100.0], [150.0]), 1)
    (66.7, 40.0)
    """
    y, prediction = _flat(y, prediction)
    size = np.abs(y) + np.abs(prediction)
    return float(np.mean(200 * np.abs(y - prediction) / np.where(size == 0, 1, size)))
