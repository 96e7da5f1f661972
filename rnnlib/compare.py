"""When is a difference between runs more than chance?  Intervals over seeds, an exact test, and its price for asking often."""

import itertools
import math
from functools import lru_cache

import numpy as np

from rnnlib import checks

SPLITS = 200_000  # ways to deal out the runs that are still tried one by one


def t_interval(values, level=0.95):
    """Mean of the values (N,), N at least 2, and Student's interval for the mean behind them: (mean, low, high).

    Right for values that scatter like a bell.  Where some seeds succeed and others fail, look at the values themselves.
    """
    from scipy.stats import t

    values = _values(values, "values", least=2)
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the share of intervals that hold the mean is above 0 and below 1")
    mean, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
    reach = t.ppf((1 + level) / 2, len(values) - 1) * error
    return float(mean), float(mean - reach), float(mean + reach)


def permutation_p(a, b):
    """How often would chance alone part two groups a (N,), b (M,) this far?

    If both came from one source, every way to deal out the N + M values would
    be as likely; p, two-sided and exact, is the share of ways whose means differ
    at least as much.  The smallest p is 2 / C(2N, N) for groups of one size.
    Source: Fisher 1935; Pitman 1937.
    """
    a, b = _values(a, "a"), _values(b, "b")
    pooled, n = np.concatenate([a, b]), len(a)
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
    """p values (N,) of N questions -> the p values (N,) that allow for having asked all of them.  Source: Holm 1979.

    If no difference is real, the chance that any of the results is below 5 % is at most 5 %.
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
    checks.rank(values.shape, "(N)", what)
    if len(values) < least:
        raise ValueError(f"{what} holds {len(values)} value: at least {least} are needed to see a spread")
    return checks.finite(values, what)
