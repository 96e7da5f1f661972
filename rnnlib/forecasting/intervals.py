"""Quantiles around a point forecast: from past errors, or from a normal distribution."""

from collections.abc import Sequence

import numpy as np


def normal_path(mean: np.ndarray, deviation: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Point and quantiles (horizon, 1 + Q) of normal distributions (horizon,)."""
    from scipy.stats import norm

    spread = np.asarray(deviation)[:, None] * norm.ppf(levels)
    return np.column_stack([mean, mean[:, None] + spread])


def error_quantiles(errors, levels):
    """Errors (N, h) of N origins, NaN where there is none -> (h, Q):
    what to add for the share `level` of new errors to lie below.

    The order statistic of rank level * (N + 1), rounded away from the middle: if old and new errors
    are exchangeable, the interval between two levels holds at least as many new ones as it says.
    Source: split conformal prediction, Vovk et al. 2005; Lei et al. 2018. Errors of a series hang
    together, so that this is no guarantee here; a backtest shows what it is worth.
    """
    found = np.empty((errors.shape[1], len(levels)))
    for k, column in enumerate(errors.T):
        column = np.sort(column[np.isfinite(column)])
        for j, level in enumerate(levels):
            place = level * (len(column) + 1)
            if round(place, 9) < 1 or round(place, 9) > len(column):
                raise ValueError(
                    f"{len(column)} errors at step {k + 1} hold no quantile {level:g}: at least "
                    f"{errors_needed([level])} are needed; give more steps or levels nearer to 0.5"
                )
            low, high = (int(f(round(place, 9))) - 1 for f in (np.floor, np.ceil))
            if level < 0.5:
                found[k, j] = column[low]
            else:
                if level > 0.5:
                    found[k, j] = column[high]
                else:
                    found[k, j] = column[[low, high]].mean()
    return found


def errors_needed(levels):
    """The fewest errors that hold an order statistic for each level."""
    return max(int(np.ceil(1 / min(level, 1 - level) - 1e-9)) - 1 for level in levels)
