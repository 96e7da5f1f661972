"""Scaling, fitted on the past alone."""

import numpy as np

from rnnlib.core import validation
from rnnlib.core.errors import NotFittedError


class Standardizer:
    """Subtracts the mean and divides by the standard deviation of the training part, column by
    column.

    `fit(train)` sets `mean_` and `scale_`, (D,) in the units of the data; (T,) counts as one
    column.

    >>> scaler = Standardizer().fit([1.0, 3.0])
    >>> scaler.transform([5.0]).tolist(), scaler.inverse_transform([3.0]).tolist()
    ([3.0], [5.0])
    """

    def fit(self, values):
        """Learns from `values` (T,) or (T, D), which must be the training part alone."""
        values = _columns(values, "values")
        scale = values.std(axis=0)
        flat = np.flatnonzero(scale <= 1e-12 * np.abs(values).max(axis=0))
        if len(flat):
            raise ValueError(
                f"column {flat[0]} is constant ({values[0, flat[0]]:g}) and cannot be scaled: "
                "leave it out"
            )
        self.mean_ = values.mean(axis=0)
        self.scale_ = scale
        return self

    def transform(self, values):
        """(value - mean_) / scale_, in the shape of `values`."""
        values = self._fitting(values, None)
        return (values - self.mean_) / self.scale_

    def inverse_transform(self, values, column=None):
        """Back to the units of the data; `column` says which one `values` of any shape (forecasts,
        say) are of.
        """
        values = self._fitting(values, column)
        if column is None:
            chosen = slice(None)
        else:
            chosen = column
        return values * self.scale_[chosen] + self.mean_[chosen]

    def fit_transform(self, values):
        """`fit` and `transform` of the training part."""
        return self.fit(values).transform(values)

    def _fitting(self, values, column):
        if not hasattr(self, "mean_"):
            raise NotFittedError(self, "call fit(train) first")
        values = validation.finite(validation.floats(values, "values"), "values")
        if column is not None:
            _check_column(column, len(self.mean_), "column")
        if column is None and len(self.mean_) > 1 and values.shape[-1:] != self.mean_.shape:
            raise ValueError(
                f"values of shape {values.shape} do not end in the {len(self.mean_)} columns of "
                "the fit; column= says which one they are of"
            )
        return values


def _columns(values, what):
    """(T, D) float64 without NaN, from (T,) or (T, D)."""
    values = validation.floats(values, what)
    if values.ndim == 1:
        values = values[:, None]
    validation.rank(values.shape, "(T, D)", what)
    return validation.finite(values, what)


def _check_column(column, count, what):
    if not isinstance(column, (int, np.integer)) or column not in range(count):
        raise ValueError(f"{what} {column!r} of {count}: expected 0 to {count - 1}")
