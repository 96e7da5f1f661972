"""How good a forecast, a classification or a language model is.  Shapes must agree and NaN is refused.

Scores of probabilities stand in calibration.py, those of quantiles in quantiles.py; all are reached from here.  scikit-learn
computes what it has; it is imported when first needed.
"""

import numpy as np

from rnnlib import checks
from rnnlib.calibration import brier as brier
from rnnlib.calibration import calibration_error as calibration_error
from rnnlib.calibration import reliability as reliability
from rnnlib.calibration import temperature as temperature
from rnnlib.quantiles import crps_quantiles as crps_quantiles
from rnnlib.quantiles import crps_samples as crps_samples
from rnnlib.quantiles import levels as levels
from rnnlib.quantiles import pinball as pinball


def mae(y, prediction):
    """Mean absolute error, in the units of `y`; both of one shape."""
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(*_flat(y, prediction)))


def rmse(y, prediction):
    """Root of the mean squared error, in the units of `y`; both of one shape."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(*_flat(y, prediction)))


def mase(y, prediction, train, *, m):
    """Mean absolute scaled error: `mae` over that of the seasonal naive forecast of the training part, in sample.

    train  (T,) the training part, T > m;  m  steps in a season (1: none), always said: the number depends on it.
    Below 1 beats what `y[t - m]` did on the training part (Hyndman & Koehler 2006, for m = 1).
    """
    m = checks.positive(m, "m")
    train = checks.finite(checks.floats(train, "train"), "train")
    checks.rank(train.shape, "(T)", "train")
    if len(train) <= m:
        raise ValueError(
            f"{len(train)} training steps hold no difference over a season of m={m}: more than m are needed"
        )
    return mae(y, prediction) / naive_scale(train, m, "the training part")


def block_bootstrap_ratio(errors, rival, *, block, seeds=False, draws=2000, level=0.95, rng=0):
    """RMSE of one forecast over that of another, and what other times might have made of it: (ratio, low, high).

    errors, rival  errors at the same T times: (T,), or (N, T) of N seeds, whose squares are averaged
    block          steps that stay together, always said: as long as errors hang together (a cycle, a season)
    seeds          draw the N seeds anew as well: the interval is then for the luck of both
    Blocks of the T times are drawn, the same for both, until there are T again; after the last time comes the first (circular
    block bootstrap, Politis & Romano 1992).  `level` of the `draws` ratios lie between low and high, as many below as above.
    """
    a, b = (_squares(values, what) for values, what in ((errors, "errors"), (rival, "rival")))
    T = len(_alike(a[0], b[0], "errors", "rival")[0])
    if checks.positive(block, "block") > T:
        raise ValueError(f"blocks of block={block} steps do not fit into {T}")
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the share of draws in the interval is above 0 and below 1")
    blocks = -(-T // block)
    rng = np.random.default_rng(rng)
    start = rng.integers(T, size=(checks.positive(draws, "draws"), blocks, 1))
    times = ((start + np.arange(block)) % T).reshape(draws, -1)[:, :T]

    def drawn(squares):
        if not seeds:
            return squares.mean(axis=0)[times].mean(axis=1)
        each = squares[:, times].mean(axis=2)  # (N, draws)
        return np.take_along_axis(each, rng.integers(len(each), size=each.shape), axis=0).mean(axis=0)

    top, bottom = drawn(a), drawn(b)
    if not bottom.all():
        raise ValueError(
            "rival makes no error at all at the times of some draw: there is nothing to divide by"
        )
    ratios = np.sqrt(top / bottom)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(np.sqrt(a.mean() / b.mean())), float(low), float(high)


def _squares(errors, what):
    """(N, T)"""
    errors = np.atleast_2d(checks.finite(checks.floats(errors, what), what))
    checks.rank(errors.shape, "(N, T)", what)
    return np.square(errors)


def accuracy(y, prediction):
    """Share of equal labels; both of one shape, whole numbers or strings."""
    from sklearn.metrics import accuracy_score

    y, prediction = _alike(checks.labels(y, "y"), checks.labels(prediction, "prediction"))
    kinds = ["strings" if labels.dtype.kind in "US" else "whole numbers" for labels in (y, prediction)]
    if kinds[0] != kinds[1]:
        raise TypeError(f"y holds {kinds[0]}, prediction {kinds[1]}: they are never equal")
    return float(accuracy_score(y.ravel(), prediction.ravel()))


def bootstrap(values, level=0.95, draws=2000, rng=0):
    """Mean of values (N,), one for each test example, and what other test sets might have given: (mean, low, high).

    N examples are drawn with replacement, `draws` times; `level` of their means lie between low and high (Efron 1979).  Two models on
    one test set: pass the difference of their right answers, so that both get the same examples.  It knows nothing of other seeds.
    """
    values = checks.finite(checks.floats(values, "values"), "values")
    checks.rank(values.shape, "(N)", "values")
    if (values == values[0]).all():
        raise ValueError(
            f"all {len(values)} values are {values[0]:g}, and every draw would be the same: for right and wrong answers "
            "scipy.stats.binomtest(right, N).proportion_ci() has an interval"
        )
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the share of draws in the interval is above 0 and below 1")
    rng = np.random.default_rng(rng)
    means = [rng.choice(values, len(values)).mean() for _ in range(checks.positive(draws, "draws"))]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)


def mcnemar(right, rival):
    """Two classifiers on one test set: right answers of each, bools (N,) -> (only the first, only the rival, exact two-sided p).

    Where both are right or both wrong, nothing is learned.  If they were equally good, each of the others would fall to either side
    like a coin (McNemar 1947; exact by the binomial distribution).
    """
    from scipy.stats import binomtest

    right, rival = _alike(np.asarray(right), np.asarray(rival), "right", "rival")
    for what, values in (("right", right), ("rival", rival)):
        if values.dtype.kind != "b":
            raise TypeError(
                f"{what} must be bools, right or wrong, got {values.dtype}: compare with the labels first"
            )
    only, other = int((right & ~rival).sum()), int((~right & rival).sum())
    return only, other, 1.0 if only + other == 0 else float(binomtest(only, only + other).pvalue)


def perplexity(nats):
    """exp of a mean cross-entropy in nats a token: how many equally likely tokens would be as hard.

    Compares models only over one vocabulary and tokenisation; `bits_per_character` compares across them.
    """
    return float(np.exp(_entropy(nats, "nats")))


def bits_per_character(total_nats, characters):
    """Cross-entropy of a whole text, summed over its tokens (nats), as bits for each of its `characters`."""
    return _entropy(total_nats, "total_nats") / (np.log(2) * checks.positive(characters, "characters"))


def _entropy(value, what):
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number, got {value!r}") from None
    if not 0 <= value < np.inf:
        raise ValueError(f"{what}={value}: a cross-entropy of discrete tokens is finite and at least 0")
    return value


def _flat(one, other, what="y", to="prediction"):
    one, other = _alike(checks.floats(one, what), checks.floats(other, to), what, to)
    return checks.finite(one, what).ravel(), checks.finite(other, to).ravel()


def _alike(one, other, what="y", to="prediction"):
    if one.shape != other.shape:
        raise ValueError(
            f"{what} has shape {one.shape}, {to} {other.shape}: they must agree, nothing is broadcast"
        )
    if one.size == 0:
        raise ValueError(f"{what} of shape {one.shape} is empty: there is nothing to compare")
    return one, other


# ---- forecasts


def naive_scale(train, m, what="train"):
    """Mean absolute change over m steps of a training part (T,), gaps left out: what MASE divides by."""
    train, m = checks.floats(train, what), checks.positive(m, "m")
    checks.rank(train.shape, "(T)", what)
    if np.isinf(train).any():
        raise ValueError(f"{what} has {int(np.isinf(train).sum())} infinite values: MASE has no scale")
    change = np.abs(train[m:] - train[:-m])
    if np.isnan(change).all():
        raise ValueError(
            f"{what} has {len(train)} steps before the first origin and no two values m={m} apart"
        )
    scale = float(np.nanmean(change))
    if scale == 0:
        raise ValueError(f"{what} repeats itself exactly every m={m} steps: MASE has no error to scale by")
    return scale


def smape(y, prediction):
    """Symmetric mean absolute percentage error, 0 to 200: mean of 200 |y - p| / (|y| + |p|); 0 where both are 0.

    Kept to be read, not to be chosen: it is not symmetric (for y = 100 the forecast 50 costs 66.7, the forecast 150 costs 40), a
    forecast of 0 costs 200 whatever y is, and so does any forecast of y = 0.  MASE has none of this (Hyndman & Koehler 2006).
    """
    y, prediction = _flat(y, prediction)
    size = np.abs(y) + np.abs(prediction)
    return float(np.mean(200 * np.abs(y - prediction) / np.where(size == 0, 1, size)))


def crps_normal(y, mean, deviation):
    """Mean continuous ranked probability score of normal forecasts, all of the shape of y.  Source: Gneiting et al. 2005."""
    from scipy.stats import norm

    y, mean = _flat(y, mean, to="mean")
    _, deviation = _flat(y, np.ravel(deviation), to="deviation")
    if (deviation <= 0).any():
        raise ValueError("a standard deviation is above 0")
    z = (y - mean) / deviation
    return float(np.mean(deviation * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))))


def coverage(y, low, high):
    """Share of y that lies from low to high; all of one shape."""
    (y, low), (_, high) = _flat(y, low, to="low"), _flat(y, high, to="high")
    if (low > high).any():
        raise ValueError(f"{int((low > high).sum())} intervals end before they begin: low is above high")
    return float(np.mean((low <= y) & (y <= high)))


def diebold_mariano(errors, rival, *, horizon, power=2):
    """Do two forecasts of the same times (T,) differ by more than chance?  -> (statistic, two-sided p); below 0: the first is better.

    horizon  steps ahead: errors of h-step forecasts hang together over h - 1 steps, whose autocovariances are counted in
    power    2 compares squared errors, 1 absolute ones
    The sum of autocovariances may come out at 0 or below; then each counts 1 - k / h.  Near there p is not to be trusted.
    Student's t with the small-sample factor of Harvey, Leybourne & Newbold 1997; Diebold & Mariano 1995.
    """
    from scipy.stats import t

    one, other = _flat(errors, rival, "errors", "rival")
    power = checks.positive(power, "power")
    T, h = len(one), checks.positive(horizon, "horizon")
    if np.ndim(errors) != 1 or T < h + 2:
        raise ValueError(
            f"{np.shape(errors)} errors for a horizon of {h}: shape (T,) with T at least {h + 2} is needed"
        )
    gap = np.abs(one) ** power - np.abs(other) ** power
    centred = gap - gap.mean()
    covariance = [float(centred[k:] @ centred[: T - k]) / T for k in range(h)]
    variance = (covariance[0] + 2 * sum(covariance[1:])) / T
    if covariance[0] == 0:
        raise ValueError("the two forecasts lose the same at all times: there is no difference to test")
    if variance <= 0:  # the sum need not be positive; Bartlett's weights make it so
        variance = (covariance[0] + 2 * sum((1 - k / h) * c for k, c in enumerate(covariance) if k)) / T
    factor = np.sqrt((T + 1 - 2 * h + h * (h - 1) / T) / T)
    statistic = float(gap.mean() / np.sqrt(variance) * factor)
    return statistic, float(2 * t.sf(abs(statistic), T - 1))
