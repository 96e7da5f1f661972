"""Metrics against numbers worked out by hand, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlib.metrics import (
    calibration,
    classification,
    language,
    probabilistic,
    regression,
    significance,
)

Y, P = np.array([[1.0, 2.0], [4.0, 8.0]]), np.array([[1.0, 4.0], [1.0, 9.0]])  # errors 0, 2, -3, 1


def test_errors_by_hand():
    assert regression.mae(Y, P) == 1.5
    assert regression.rmse(Y, P) == pytest.approx(np.sqrt(14 / 4), rel=1e-15)
    train = np.array([0.0, 1.0, 4.0, 5.0, 2.0])  # differences over 1: 1, 3, 1, -3; over 2: 4, 4, -2
    assert regression.mase(Y, P, train, m=1) == pytest.approx(1.5 / 2)
    assert regression.mase(Y, P, train, m=2) == pytest.approx(1.5 / (10 / 3))


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 100), st.floats(-50, 50))
def test_mase_has_no_unit(scale, shift):
    train = np.array([0.0, 1.0, 4.0, 5.0, 2.0])
    moved = regression.mase(scale * Y + shift, scale * P + shift, scale * train + shift, m=1)
    assert moved == pytest.approx(regression.mase(Y, P, train, m=1), rel=1e-9)


def test_block_bootstrap_of_a_ratio():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 60)), 2 * rng.normal(size=60)
    ratio, low, high = significance.block_bootstrap_ratio(a, b, block=7)
    assert ratio == pytest.approx(np.sqrt((a**2).mean() / (b**2).mean()))
    assert low < ratio < high
    assert significance.block_bootstrap_ratio(a, b, block=7, level=0.5)[1] > low
    # what is always three times as large stays so whatever the times: both are drawn at the same
    # ones
    assert significance.block_bootstrap_ratio(3 * b, b, block=7) == pytest.approx((3, 3, 3))
    # one block of all times is all times, wherever it begins; errors in runs leave wider intervals
    # to longer blocks
    assert significance.block_bootstrap_ratio(a, b, block=60) == pytest.approx(
        (ratio, ratio, ratio)
    )
    runs, ones = np.repeat(rng.normal(size=30), 10), np.ones(300)
    width = {
        block: np.ptp(significance.block_bootstrap_ratio(runs, ones, block=block)[1:])
        for block in (1, 10)
    }
    assert width[10] > 1.5 * width[1]


def test_block_bootstrap_of_seeds_too():
    rng = np.random.default_rng(2)
    seeds = np.array([[1.0], [2.0], [3.0]]) * np.ones(40)  # no luck of times at all
    ratio, low, high = significance.block_bootstrap_ratio(seeds, np.ones(40), block=5)
    assert low == high == pytest.approx(ratio) == pytest.approx(np.sqrt(14 / 3))
    found, low, high = significance.block_bootstrap_ratio(seeds, np.ones(40), block=5, seeds=True)
    assert found == ratio and (low, high) == pytest.approx(
        (1, 3)
    )  # all three the best, all three the worst: 1 of 27 each
    one = rng.normal(size=40)
    both = [
        significance.block_bootstrap_ratio(one, np.ones(40), block=5, seeds=seeds)
        for seeds in (False, True)
    ]
    assert both[0] == both[1]  # of one seed nothing is drawn


def test_block_bootstrap_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for k in range(200):  # true ratio 0.5
        a, b = rng.normal(size=(2, 200))
        _, low, high = significance.block_bootstrap_ratio(
            a, 2 * b, block=5, draws=300, level=0.9, rng=k
        )
        hits += low < 0.5 < high
    # 0.9 and four standard errors of it; short series give narrow intervals
    assert 0.8 < hits / 200 < 0.96


def test_block_bootstrap_refuses():
    ones = np.ones(5)
    with pytest.raises(ValueError, match=r"errors has shape \(5,\), rival \(4,\)"):
        significance.block_bootstrap_ratio(ones, ones[:4], block=2)
    with pytest.raises(ValueError, match="blocks of block=6 steps do not fit into 5"):
        significance.block_bootstrap_ratio(ones, ones, block=6)
    with pytest.raises(ValueError, match="level=95"):
        significance.block_bootstrap_ratio(ones, ones, block=2, level=95)
    with pytest.raises(ValueError, match="rival makes no error"):
        significance.block_bootstrap_ratio(ones, [1, 0, 0, 1, 1], block=2)
    with pytest.raises(ValueError, match="errors has 1 values that are NaN"):
        significance.block_bootstrap_ratio([1, np.nan], [1.0, 1.0], block=1)
    with pytest.raises(TypeError):
        significance.block_bootstrap_ratio(ones, ones)  # no block


def test_accuracy():
    assert classification.accuracy([1, 2, 3, 3], [1, 2, 2, 3]) == 0.75
    assert classification.accuracy(np.array(["a", "b"]), np.array(["b", "b"])) == 0.5
    assert classification.accuracy([[0, 1], [1, 1]], [[0, 1], [1, 0]]) == 0.75


def test_entropies():
    assert language.perplexity(np.log(50)) == pytest.approx(50)
    assert language.perplexity(0.0) == 1
    # 30 tokens of 10 equally likely words, written with 120 characters
    assert language.bits_per_character(30 * np.log(10), 120) == pytest.approx(
        30 * np.log2(10) / 120
    )


@pytest.mark.parametrize("metric", [regression.mae, regression.rmse, classification.accuracy])
def test_shapes_must_agree(metric):
    with pytest.raises(ValueError, match=r"y has shape \(2,\), prediction \(2, 1\)"):
        metric([1, 2], [[1], [2]])
    with pytest.raises(ValueError, match="nothing to compare"):
        metric(np.zeros(0, int), np.zeros(0, int))


def test_metrics_refuse():
    for metric in (regression.mae, regression.rmse):
        with pytest.raises(
            ValueError, match="prediction has 1 values that are NaN or infinite, the first at index"
        ):
            metric([1.0, 2.0], [1.0, np.nan])
        with pytest.raises(ValueError, match="y has 1 values"):
            metric([np.inf, 2.0], [1.0, 2.0])
    with pytest.raises(TypeError, match="argmax"):
        classification.accuracy([0, 1], [0.2, 0.8])
    with pytest.raises(TypeError):
        regression.mase([1.0], [1.0], [1.0, 2.0])  # no m
    with pytest.raises(
        ValueError, match="2 training steps hold no difference over a season of m=2"
    ):
        regression.mase([1.0], [1.0], [1.0, 2.0], m=2)
    with pytest.raises(ValueError, match="repeats itself exactly every m=1"):
        regression.mase([1.0], [1.0], [2.0, 2.0], m=1)
    with pytest.raises(ValueError, match="m must be at least 1"):
        regression.mase([1.0], [1.0], [2.0, 2.0], m=0)
    for bad in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite and at least 0"):
            language.perplexity(bad)
    with pytest.raises(ValueError, match="characters must be at least 1"):
        language.bits_per_character(1.0, 0)


def test_accuracy_takes_the_strings_of_pandas():
    names = pd.Series(["a", "b", "b", "a"])
    assert (
        classification.accuracy(names, names)
        == classification.accuracy(names, pd.Categorical(names))
        == 1
    )
    assert classification.accuracy(names, ["a", "b", "a", "b"]) == 0.5


SURE = np.array([[0.9, 0.1], [0.2, 0.8], [0.35, 0.65], [0.7, 0.3], [0.95, 0.05]])
TRUE = np.array([0, 1, 0, 0, 1])  # right, right, wrong, right, wrong


def test_reliability_by_hand():
    found = calibration.reliability(TRUE, SURE, bins=5)
    np.testing.assert_allclose(found.confidence, [(0.8 + 0.65 + 0.7) / 3, 0.925])
    np.testing.assert_allclose(found.accuracy, [2 / 3, 1 / 2])
    assert found.count.tolist() == [3, 2]
    expected = (3 * abs(2.15 / 3 - 2 / 3) + 2 * abs(0.925 - 0.5)) / 5
    assert calibration.calibration_error(TRUE, SURE, bins=5) == pytest.approx(expected)
    assert (
        calibration.calibration_error([0, 1], np.eye(2)) == 0
        and calibration.calibration_error([1, 0], np.eye(2)) == 1
    )


def test_brier_by_hand():
    assert calibration.brier(TRUE, SURE) == pytest.approx(np.mean((SURE[:, 1] - TRUE) ** 2))
    three = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert calibration.brier([0, 1], three) == pytest.approx(np.mean([0.38, 0.01 + 0.81 + 0.64]))


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_has_not():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.02, 0.98, 20_000)
    y = (rng.random(20_000) < p).astype(int)
    sharper = p**3 / (p**3 + (1 - p) ** 3)
    said, louder = (np.stack([1 - q, q], axis=1) for q in (p, sharper))
    assert (
        calibration.calibration_error(y, said)
        < 0.02
        < 0.1
        < calibration.calibration_error(y, louder)
    )
    assert calibration.brier(y, said) < calibration.brier(y, louder)


@pytest.mark.parametrize(
    "metric", [calibration.reliability, calibration.calibration_error, calibration.brier]
)
def test_probabilities_are_refused(metric):
    for p, y, error, message in (
        ([[0.2, 0.9]], [0], ValueError, "each row with the sum 1. Take the softmax"),
        ([[1.5, -0.5]], [0], ValueError, "each at least 0"),
        ([[0.5, 0.5]], [0, 1], ValueError, r"y has shape \(2,\), p \(1, 2\)"),
        ([0.5, 0.5], [0, 1], ValueError, r"p must have shape \(N, C\)"),
        ([[0.5, 0.5]], [2], ValueError, r"y\[0\] is 2, outside 0 .. 1"),
        ([[0.5, 0.5]], ["a"], TypeError, "y must be whole numbers"),
        ([[0.5, np.nan]], [0], ValueError, "p has 1 values that are NaN"),
    ):
        with pytest.raises(error, match=message):
            metric(y, p)


def test_bootstrap_agrees_with_the_standard_error():
    right = np.random.default_rng(1).random(1000) < 0.76
    mean, low, high = significance.bootstrap(right)
    error = 1.96 * np.sqrt(mean * (1 - mean) / 1000)
    assert (
        mean == right.mean()
        and abs(mean - low - error) < 0.003
        and abs(high - mean - error) < 0.003
    )
    assert (
        significance.bootstrap(right)
        == significance.bootstrap(right)
        != significance.bootstrap(right, rng=1)
    )
    narrow = significance.bootstrap(right, level=0.5)
    assert low < narrow[1] < mean < narrow[2] < high


def test_bootstrap_covers_as_often_as_it_says():
    rng, hit = np.random.default_rng(2), 0
    for _ in range(200):
        _, low, high = significance.bootstrap(rng.random(100) < 0.7, level=0.9, draws=300, rng=rng)
        hit += low <= 0.7 <= high
    assert 0.82 <= hit / 200 <= 0.97


def test_bootstrap_refuses():
    with pytest.raises(ValueError, match="all 3 values are 1, and every draw would be the same"):
        significance.bootstrap([True, True, True])
    with pytest.raises(ValueError, match="level=95"):
        significance.bootstrap([0, 1], level=95)
    with pytest.raises(ValueError, match="values must have shape"):
        significance.bootstrap([[0, 1]])


def test_mcnemar_is_a_coin():
    right = np.array([1] * 50 + [1] * 8 + [0] * 2 + [0] * 20, bool)
    rival = np.array([1] * 50 + [0] * 8 + [1] * 2 + [0] * 20, bool)
    assert significance.mcnemar(right, rival)[:2] == (8, 2)
    assert significance.mcnemar(right, rival)[2] == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert significance.mcnemar(rival, right)[2] == significance.mcnemar(right, rival)[2]
    assert significance.mcnemar(right, right) == (0, 0, 1.0)
    with pytest.raises(TypeError, match="right must be bools, right or wrong, got int64"):
        significance.mcnemar([0, 1], [0, 1])
    with pytest.raises(ValueError, match="they must agree"):
        significance.mcnemar(right, right[:3])


def test_temperature_mends_what_was_too_sure():
    """Labels drawn from known probabilities: logits blown up by 3 need a temperature of 3, within
    the error of the draw.
    """
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20000, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (rng.uniform(size=(20000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    for scale in (0.5, 1.0, 3.0):
        assert abs(calibration.temperature(y, scale * logits) / scale - 1) < 0.05
    assert calibration.temperature(y[:50], 50 * logits[:50]) > 10
    # all right: no end of being sure
    assert calibration.temperature(np.array([0, 1]), np.eye(2)) < 0.05
    for bad, message in (
        ((y[:3], logits[:2]), "one class for each row"),
        ((y[:2], logits[:2, 0]), r"logits"),
        ((np.array([3]), logits[:1]), "y"),
        ((y[:1], logits[:1] * np.nan), "logits"),
    ):
        with pytest.raises(ValueError, match=message):
            calibration.temperature(*bad)


# ---- forecasts


def test_smape_and_its_trap():
    assert regression.smape([100.0], [50.0]) == pytest.approx(200 / 3)
    # the same error, cheaper from above
    assert regression.smape([100.0], [150.0]) == pytest.approx(40)
    assert (
        regression.smape([100.0], [0.0])
        == regression.smape([0.001], [0.0])
        == regression.smape([0.0], [1e-9])
        == 200
    )
    assert regression.smape([0.0, 1.0], [0.0, 1.0]) == 0


def test_pinball_by_hand():
    y, q = np.array([10.0, 20.0]), np.array([[8.0, 11.0], [22.0, 23.0]])  # levels 0.1 and 0.9
    assert probabilistic.pinball(y, q, (0.1, 0.9)) == pytest.approx(
        (0.1 * 2 + 0.1 * 1 + 0.9 * 2 + 0.1 * 3) / 4
    )
    with pytest.raises(ValueError, match=r"quantiles have shape \(2, 2\): expected \(2, 3\)"):
        probabilistic.pinball(y, q, (0.1, 0.5, 0.9))
    for bad in ((0.9, 0.1), (0, 0.5), (0.5, 1), ()):
        with pytest.raises(ValueError, match="levels are rising numbers above 0 and below 1"):
            probabilistic.pinball(y, q, bad)


def test_pinball_is_least_at_the_quantile():
    y = np.random.default_rng(2).exponential(size=4000)
    for level in (0.1, 0.7):
        at = np.quantile(y, level)
        loss = {
            q: probabilistic.pinball(y, np.full((4000, 1), q), (level,))
            for q in (at - 0.1, at, at + 0.1)
        }
        assert min(loss, key=loss.get) == at


def test_three_ways_to_one_crps():
    from scipy.stats import norm

    rng = np.random.default_rng(3)
    y, mean, deviation = rng.normal(size=(3, 7))
    deviation = np.exp(deviation)
    exact = probabilistic.crps_normal(y, mean, deviation)
    levels = (np.arange(400) + 0.5) / 400
    quantiles = mean[:, None] + deviation[:, None] * norm.ppf(levels)
    assert probabilistic.crps_quantiles(y, quantiles, levels) == pytest.approx(exact, rel=2e-3)
    assert probabilistic.crps_samples(y, quantiles) == pytest.approx(exact, rel=2e-3)
    samples = rng.normal(size=(7, 5))
    apart = np.abs(samples[:, :, None] - samples[:, None]).mean(axis=(1, 2))
    expected = (np.abs(samples - y[:, None]).mean(axis=1) - apart / 2).mean()
    assert probabilistic.crps_samples(y, samples) == pytest.approx(expected)
    certain = np.repeat(mean[:, None], 3, axis=1)  # what is certain costs its absolute error
    assert probabilistic.crps_quantiles(y, certain, (0.1, 0.5, 0.9)) == pytest.approx(
        regression.mae(y, mean)
    )
    assert probabilistic.crps_samples(y, certain) == pytest.approx(regression.mae(y, mean))
    with pytest.raises(ValueError, match="above 0"):
        probabilistic.crps_normal(y, mean, 0 * y)
    with pytest.raises(ValueError, match="samples have shape"):
        probabilistic.crps_samples(y, mean)


def test_coverage():
    assert probabilistic.coverage([1.0, 2, 3, 4], [1.0, 0, 4, 0], [1.0, 1, 5, 9]) == 0.5
    with pytest.raises(ValueError, match="1 intervals end before they begin"):
        probabilistic.coverage([1.0], [3.0], [2.0])


def test_diebold_mariano_by_hand_and_its_size():
    from scipy.stats import ttest_1samp

    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 40))
    gap = a**2 - b**2
    statistic, p = significance.diebold_mariano(a, b, horizon=1)
    student = ttest_1samp(gap, 0)  # at horizon 1 it is Student's test of the mean difference
    assert (statistic, p) == pytest.approx((student.statistic, student.pvalue))
    centred = gap - gap.mean()
    variance = (centred @ centred + 2 * centred[1:] @ centred[:-1]) / 40**2
    expected = gap.mean() / np.sqrt(variance) * np.sqrt((40 + 1 - 4 + 2 / 40) / 40)
    assert significance.diebold_mariano(a, b, horizon=2)[0] == pytest.approx(expected)
    assert significance.diebold_mariano(b, a, horizon=2)[0] == pytest.approx(-expected)
    assert significance.diebold_mariano(0.3 * a, b, horizon=1)[1] < 0.01

    def averaged(size, h):  # errors that hang together over h steps
        return np.convolve(rng.normal(size=size + h - 1), np.ones(h) / np.sqrt(h), "valid")

    found = [
        significance.diebold_mariano(averaged(200, 4), averaged(200, 4), horizon=4)[1]
        for _ in range(400)
    ]
    naive = [
        significance.diebold_mariano(averaged(200, 4), averaged(200, 4), horizon=1)[1]
        for _ in range(400)
    ]
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.11 < np.mean(np.array(naive) < 0.05)


def test_diebold_mariano_refuses():
    with pytest.raises(ValueError, match="lose the same at all times"):
        significance.diebold_mariano([1.0, 2, 3, 4], [1.0, -2, 3, 4], horizon=1)
    with pytest.raises(ValueError, match="T at least 6"):
        significance.diebold_mariano([1.0, 2, 3, 4], [0.0, 2, 3, 4], horizon=4)
    with pytest.raises(ValueError, match="nothing is broadcast"):
        significance.diebold_mariano([1.0, 2, 3, 4], [0.0, 2, 3], horizon=1)
