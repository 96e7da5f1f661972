"""When is a difference more than chance?

Intervals over seeds, exact tests, bootstraps, and the price for asking often.
"""

import itertools
import math
from functools import lru_cache

import numpy as np

from rnnlib.core import validation
from rnnlib.metrics.regression import _alike, _flat


def block_bootstrap_ratio(errors, rival, *, block, seeds=False, draws=2000, level=0.95, rng=0):
    """RMSE of one forecast over that of another, and what other times might have made of it:
    (ratio, low, high).

    errors, rival  errors at the same T times: (T,), or (N, T) of N seeds, whose squares are
                   averaged
    block          steps that stay together, always said: as long as errors hang together (a cycle,
                   a season)
    seeds          draw the N seeds anew as well: the interval is then for the luck of both
    Blocks of the T times are drawn, the same for both, until there are T again; after the last time
    comes the first (circular block bootstrap, Politis & Romano 1992). `level` of the `draws` ratios
    lie between low and high, as many below as above.
    """
    a, b = (_squares(values, what) for values, what in ((errors, "errors"), (rival, "rival")))
    T = len(_alike(a[0], b[0], "errors", "rival")[0])
    if validation.positive(block, "block") > T:
        raise ValueError(f"blocks of block={block} steps do not fit into {T}")
    if not 0 < level < 1:
        raise ValueError(
            f"level={level}: the share of draws in the interval is above 0 and below 1"
        )
    blocks = -(-T // block)
    rng = np.random.default_rng(rng)
    start = rng.integers(T, size=(validation.positive(draws, "draws"), blocks, 1))
    times = ((start + np.arange(block)) % T).reshape(draws, -1)[:, :T]

    def drawn(squares):
        if not seeds:
            return squares.mean(axis=0)[times].mean(axis=1)
        each = squares[:, times].mean(axis=2)  # (N, draws)
        return np.take_along_axis(each, rng.integers(len(each), size=each.shape), axis=0).mean(
            axis=0
        )

    top = drawn(a)
    bottom = drawn(b)
    if not bottom.all():
        raise ValueError(
            "rival makes no error at all at the times of some draw: there is nothing to divide by"
        )
    ratios = np.sqrt(top / bottom)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(np.sqrt(a.mean() / b.mean())), float(low), float(high)


def _squares(errors, what):
    """(N, T)"""
    errors = np.atleast_2d(validation.finite(validation.floats(errors, what), what))
    validation.rank(errors.shape, "(N, T)", what)
    return np.square(errors)


def bootstrap(values, level=0.95, draws=2000, rng=0):
    """Mean of values (N,), one for each test example, and what other test sets might have given:
    (mean, low, high).

    N examples are drawn with replacement, `draws` times; `level` of their means lie between low and
    high (Efron 1979). Two models on one test set: pass the difference of their right answers, so
    that both get the same examples. It knows nothing of other seeds.
    """
    values = validation.finite(validation.floats(values, "values"), "values")
    validation.rank(values.shape, "(N)", "values")
    if (values == values[0]).all():
        raise ValueError(
            f"all {len(values)} values are {values[0]:g}, and every draw would be the same: for "
            "right and wrong answers scipy.stats.binomtest(right, N).proportion_ci() has an "
            "interval"
        )
    if not 0 < level < 1:
        raise ValueError(
            f"level={level}: the share of draws in the interval is above 0 and below 1"
        )
    rng = np.random.default_rng(rng)
    means = [
        rng.choice(values, len(values)).mean() for _ in range(validation.positive(draws, "draws"))
    ]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)


def mcnemar(right, rival):
    """Two classifiers on one test set: right answers of each, bools (N,) -> (only the first, only
    the rival, exact two-sided p).

    Where both are right or both wrong, nothing is learned. If they were equally good, each of the
    others would fall to either side like a coin (McNemar 1947; exact by the binomial distribution).

    >>> right = [True, True, True, True, False]
    >>> rival = [False, False, False, True, False]
    >>> mcnemar(right, rival)
    (3, 0, 0.25)
    """
    from scipy.stats import binomtest

    right, rival = _alike(np.asarray(right), np.asarray(rival), "right", "rival")
    for what, values in (("right", right), ("rival", rival)):
        if values.dtype.kind != "b":
            raise TypeError(
                f"{what} must be bools, right or wrong, got {values.dtype}: compare with the "
                "labels first, prediction == y"
            )
    only = int((right & ~rival).sum())
    other = int((~right & rival).sum())
    return only, other, 1.0 if only + other == 0 else float(binomtest(only, only + other).pvalue)


def diebold_mariano(errors, rival, *, horizon, power=2):
    """Do two forecasts of the same times (T,) differ by more than chance?

    -> (statistic, two-sided p); below 0: the first is better.

    horizon  steps ahead: errors of h-step forecasts hang together over h - 1 steps, whose
             autocovariances are counted in
    power    2 compares squared errors, 1 absolute ones
    The sum of autocovariances may come out at 0 or below; then each counts 1 - k / h. Near there p
    is not to be trusted. Student's t with the small-sample factor of Harvey, Leybourne & Newbold
    1997; Diebold & Mariano 1995.
    """
    from scipy.stats import t

    one, other = _flat(errors, rival, "errors", "rival")
    power = validation.positive(power, "power")
    T = len(one)
    h = validation.positive(horizon, "horizon")
    if np.ndim(errors) != 1 or T < h + 2:
        raise ValueError(
            f"{np.shape(errors)} errors for a horizon of {h}: shape (T,) with T at least {h + 2} "
            "is needed"
        )
    gap = np.abs(one) ** power - np.abs(other) ** power
    centred = gap - gap.mean()
    covariance = [float(centred[k:] @ centred[: T - k]) / T for k in range(h)]
    variance = (covariance[0] + 2 * sum(covariance[1:])) / T
    if covariance[0] == 0:
        raise ValueError(
            "the two forecasts lose the same at all times: there is no difference to test"
        )
    if variance <= 0:  # the sum need not be positive; Bartlett's weights make it so
        variance = (
            covariance[0] + 2 * sum((1 - k / h) * c for k, c in enumerate(covariance) if k)
        ) / T
    factor = np.sqrt((T + 1 - 2 * h + h * (h - 1) / T) / T)
    statistic = float(gap.mean() / np.sqrt(variance) * factor)
    return statistic, float(2 * t.sf(abs(statistic), T - 1))


SPLITS = 200_000  # ways to deal out the runs that are still tried one by one


def t_interval(values, level=0.95):
    """Mean of the values (N,), N at least 2, and Student's interval for the mean behind them:
    (mean, low, high).

    Right for values that scatter like a bell. Where some seeds succeed and others fail, look at the
    values themselves.
    """
    from scipy.stats import t

    values = _values(values, "values", least=2)
    if not 0 < level < 1:
        raise ValueError(
            f"level={level}: the share of intervals that hold the mean is above 0 and below 1"
        )
    mean = values.mean()
    error = values.std(ddof=1) / math.sqrt(len(values))
    reach = t.ppf((1 + level) / 2, len(values) - 1) * error
    return float(mean), float(mean - reach), float(mean + reach)


def permutation_p(a, b):
    """How often would chance alone part two groups a (N,), b (M,) this far?

    If both came from one source, every way to deal out the N + M values would
    be as likely; p, two-sided and exact, is the share of ways whose means differ
    at least as much.  The smallest p is 2 / C(2N, N) for groups of one size.
    Source: Fisher 1935; Pitman 1937.
    """
    a = _values(a, "a")
    b = _values(b, "b")
    pooled = np.concatenate([a, b])
    n = len(a)
    ways = math.comb(len(pooled), n)
    if ways > SPLITS:
        raise ValueError(f"{n} and {len(b)} values: {ways} ways, more than {SPLITS}")
    chosen = _choices(len(pooled), n)  # (ways, N)
    sums = pooled[chosen].sum(axis=1)
    gaps = np.abs(sums / n - (pooled.sum() - sums) / len(b))
    seen = abs(a.mean() - b.mean())
    return float(np.mean(gaps >= seen - 1e-12 * np.abs(pooled).max()))


@lru_cache(maxsize=2)
def _choices(total, n):
    return np.array(list(itertools.combinations(range(total), n)))


def holm(ps):
    """p values (N,) of N questions -> the p values (N,) that allow for having asked all of them.

    Source: Holm 1979.

    If no difference is real, the chance that any of the results is below 5 % is at most 5 %.

    >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    ps = _values(ps, "ps")
    if ps.min() < 0 or ps.max() > 1:
        raise ValueError(f"p values lie between 0 and 1, got {ps.min():g} to {ps.max():g}")
    order = np.argsort(ps, kind="stable")
    raised = np.maximum.accumulate(ps[order] * np.arange(len(ps), 0, -1))
    found = np.empty(len(ps))
    found[order] = np.minimum(raised, 1)
    return found


def _values(values, what, least=1):
    values = np.asarray(values, float)
    validation.rank(values.shape, "(N)", what)
    if len(values) < least:
        raise ValueError(
            f"{what} holds {len(values)} value: at least {least} are needed to see a spread"
        )
    return validation.finite(values, what)
