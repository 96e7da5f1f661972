"""Forecasts as quantiles: what a set of them is worth, and those that past errors give."""

import numpy as np

from rnnlib import checks


def levels(values):
    """Levels of quantiles as a tuple of rising numbers between 0 and 1, or an error with the numbers."""
    try:
        found = checks.floats(values, "levels")
    except (TypeError, ValueError):
        found = np.zeros(0)
    if (
        found.ndim != 1
        or not len(found)
        or not ((found > 0) & (found < 1)).all()
        or not (np.diff(found) > 0).all()
    ):
        raise ValueError(
            f"levels are rising numbers above 0 and below 1, such as (0.05, 0.5, 0.95); got {values!r}"
        )
    return tuple(float(level) for level in found)


def pinball(y, quantiles, levels):
    """Mean pinball loss of y (...) and its forecast quantiles (..., Q) at `levels` (Q,): least, on average, at the true quantiles.

    A value above the quantile of level a costs a times the distance, one below 1 - a times it.  Source: Koenker & Bassett 1978.
    """
    return float(_pinball(y, quantiles, levels).mean())


def _pinball(y, quantiles, steps):
    steps = np.asarray(levels(steps))
    y, quantiles = (
        checks.finite(checks.floats(y, "y"), "y"),
        checks.finite(checks.floats(quantiles, "quantiles"), "quantiles"),
    )
    if quantiles.shape != (*y.shape, len(steps)) or not y.size:
        raise ValueError(
            f"quantiles have shape {quantiles.shape}: expected {(*y.shape, len(steps))}, y and then levels"
        )
    over = y[..., None] - quantiles
    return np.maximum(steps * over, (steps - 1) * over)  # (..., Q)


def crps_quantiles(y, quantiles, levels):
    """Continuous ranked probability score from quantiles (..., Q): twice the integral of the pinball loss over all levels.

    Each level stands for the levels nearest to it, so that few levels give a rough number.  In the units of y, 0 is perfect; for a
    certain forecast it is the absolute error.  Source: Matheson & Winkler 1976; Gneiting & Raftery 2007.
    """
    each = _pinball(y, quantiles, levels)
    a = np.asarray(levels, float)
    edges = np.concatenate([[0], (a[1:] + a[:-1]) / 2, [1]])
    return float(2 * (each * np.diff(edges)).sum(axis=-1).mean())


def crps_samples(y, samples):
    """Mean continuous ranked probability score of y (...) and samples (..., S) of its forecast: E|s - y| - E|s - s'| / 2."""
    y, samples = (
        checks.finite(checks.floats(y, "y"), "y"),
        checks.finite(checks.floats(samples, "samples"), "samples"),
    )
    if samples.ndim != y.ndim + 1 or samples.shape[:-1] != y.shape or not samples.size:
        raise ValueError(f"samples have shape {samples.shape}: expected (*{y.shape}, S)")
    ordered, S = np.sort(samples, axis=-1), samples.shape[-1]
    spread = (ordered * (2 * np.arange(1, S + 1) - S - 1)).sum(axis=-1) / S**2  # E|s - s'| / 2
    return float((np.abs(samples - y[..., None]).mean(axis=-1) - spread).mean())


def error_quantiles(errors, levels):
    """Errors (N, h) of N origins, NaN where there is none -> (h, Q): what to add for the share `level` of new errors to lie below.

    The order statistic of rank level * (N + 1), rounded away from the middle: if old and new errors are exchangeable, the interval
    between two levels holds at least as many new ones as it says.  Source: split conformal prediction, Vovk et al. 2005; Lei et
    al. 2018.  Errors of a series hang together, so that this is no guarantee here; a backtest shows what it is worth.
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
            found[k, j] = (
                column[low] if level < 0.5 else column[high] if level > 0.5 else column[[low, high]].mean()
            )
    return found


def errors_needed(levels):
    """The fewest errors that hold an order statistic for each level."""
    return max(int(np.ceil(1 / min(level, 1 - level) - 1e-9)) - 1 for level in levels)
