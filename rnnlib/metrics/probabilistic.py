"""What forecasts of distributions and quantiles are worth."""

import numpy as np

from rnnlib.core import validation
from rnnlib.metrics.regression import _flat


def crps_normal(y, mean, deviation):
    """Mean continuous ranked probability score of normal forecasts, all of the shape of y.

    Source: Gneiting et al. 2005.
    """
    from scipy.stats import norm

    y, mean = _flat(y, mean, to="mean")
    _, deviation = _flat(y, np.ravel(deviation), to="deviation")
    if (deviation <= 0).any():
        raise ValueError("a standard deviation is above 0")
    z = (y - mean) / deviation
    return float(
        np.mean(deviation * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi)))
    )


def coverage(y, low, high):
    """Share of y that lies from low to high; all of one shape.

    >>> coverage(y=[1.0, 2.0, 3.0, 9.0], low=[0.0, 1.0, 2.0, 3.0], high=[2.0, 3.0, 4.0, 5.0])
    0.75
    """
    (y, low), (_, high) = _flat(y, low, to="low"), _flat(y, high, to="high")
    if (low > high).any():
        raise ValueError(
            f"{int((low > high).sum())} intervals end before they begin: low is above high"
        )
    return float(np.mean((low <= y) & (y <= high)))


def check_levels(values):
    """Levels of quantiles as a tuple of rising numbers between 0 and 1, or an error with the
    numbers.
    """
    try:
        found = validation.floats(values, "levels")
    except (TypeError, ValueError):
        found = np.zeros(0)
    if (
        found.ndim != 1
        or not len(found)
        or not ((found > 0) & (found < 1)).all()
        or not (np.diff(found) > 0).all()
    ):
        raise ValueError(
            "levels are rising numbers above 0 and below 1, such as (0.05, 0.5, 0.95); got "
            f"{values!r}"
        )
    return tuple(float(level) for level in found)


def pinball(y, quantiles, levels):
    """Mean pinball loss of y (...) and its forecast quantiles (..., Q) at `check_levels` (Q,):
    least, on average, at the true quantiles.

    A value above the quantile of level a costs a times the distance, one below 1 - a times it.
    Source: Koenker & Bassett 1978.

    >>> round(pinball([10.0], [[8.0]], [0.9]), 3)  # too low by 2
    1.8
    >>> round(pinball([10.0], [[12.0]], [0.9]), 3)  # too high by 2
    0.2
    """
    return float(_pinball(y, quantiles, levels).mean())


def _pinball(y, quantiles, steps):
    steps = np.asarray(check_levels(steps))
    y = validation.finite(validation.floats(y, "y"), "y")
    quantiles = validation.finite(validation.floats(quantiles, "quantiles"), "quantiles")
    if quantiles.shape != (*y.shape, len(steps)) or not y.size:
        raise ValueError(
            f"quantiles have shape {quantiles.shape}: expected {(*y.shape, len(steps))}, y and "
            "then levels"
        )
    over = y[..., None] - quantiles
    return np.maximum(steps * over, (steps - 1) * over)  # (..., Q)


def crps_quantiles(y, quantiles, levels):
    """Continuous ranked probability score from quantiles (..., Q):
    twice the integral of the pinball loss over all levels.

    Each level stands for the levels nearest to it, so that few levels give a rough number. In the
    units of y, 0 is perfect; for a certain forecast it is the absolute error. Source: Matheson &
    Winkler 1976; Gneiting & Raftery 2007.
    """
    each = _pinball(y, quantiles, levels)
    a = np.asarray(levels, float)
    edges = np.concatenate([[0], (a[1:] + a[:-1]) / 2, [1]])
    return float(2 * (each * np.diff(edges)).sum(axis=-1).mean())


def crps_samples(y, samples):
    """Mean continuous ranked probability score of y (...) and samples (..., S) of its forecast:
    E|s - y| - E|s - s'| / 2.

    >>> crps_samples([3.0], [[1.0, 1.0]])  # a certain forecast: the absolute error
    2.0
    >>> crps_samples([3.0], [[1.0, 5.0]])
    1.0
    """
    y = validation.finite(validation.floats(y, "y"), "y")
    samples = validation.finite(validation.floats(samples, "samples"), "samples")
    if samples.ndim != y.ndim + 1 or samples.shape[:-1] != y.shape or not samples.size:
        raise ValueError(f"samples have shape {samples.shape}: expected (*{y.shape}, S)")
    ordered = np.sort(samples, axis=-1)
    S = samples.shape[-1]
    spread = (ordered * (2 * np.arange(1, S + 1) - S - 1)).sum(axis=-1) / S**2  # E|s - s'| / 2
    return float((np.abs(samples - y[..., None]).mean(axis=-1) - spread).mean())
