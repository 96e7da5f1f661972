"""Intervals and tests keep their promises on made data, and agree with SciPy where it has them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from rnnlib.metrics import significance


def test_t_interval_holds_the_mean_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(2000):
        _, low, high = significance.t_interval(rng.normal(3, 2, size=5), level=0.9)
        hits += low < 3 < high
    assert abs(hits / 2000 - 0.9) < 4 * np.sqrt(0.09 / 2000)
    values = [1.0, 2.0, 4.5]
    mean, low, high = significance.t_interval(values)
    assert_allclose((low, high), stats.t.interval(0.95, 2, mean, stats.sem(values)), rtol=1e-12)
    with pytest.raises(ValueError, match="values holds 1 value"):
        significance.t_interval([2.0])
    with pytest.raises(ValueError, match="level=95"):
        significance.t_interval(values, level=95)
    with pytest.raises(ValueError, match="NaN"):
        significance.t_interval([1.0, np.nan])


def test_permutation_p():
    rng = np.random.default_rng(1)
    for _ in range(5):
        a, b = rng.normal(size=4), rng.normal(0.7, size=6)
        exact = stats.permutation_test(
            (a, b),
            lambda x, y: np.mean(x) - np.mean(y),
            n_resamples=np.inf,
            alternative="two-sided",
        )
        # SciPy doubles the smaller tail; ours counts both, which for unequal groups need not be
        # alike
        assert abs(significance.permutation_p(a, b) - exact.pvalue) < 0.1
    assert significance.permutation_p(range(5), range(10, 15)) == 2 / 252  # complete separation
    assert significance.permutation_p([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]) == 1
    null = [significance.permutation_p(rng.normal(size=5), rng.normal(size=5)) for _ in range(400)]
    assert np.mean(np.array(null) <= 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 400)
    with pytest.raises(ValueError, match="more than 200000"):
        significance.permutation_p(range(20), range(20))


def test_holm():
    assert_allclose(significance.holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])  # worked by hand
    assert_allclose(significance.holm([0.5, 0.9]), [1, 1])
    rng = np.random.default_rng(2)
    alarms = np.mean([significance.holm(rng.uniform(size=10)).min() < 0.05 for _ in range(2000)])
    assert abs(alarms - (1 - 0.995**10)) < 4 * np.sqrt(0.05 * 0.95 / 2000)
    with pytest.raises(ValueError, match="between 0 and 1"):
        significance.holm([0.2, 1.2])
