"""Metrics against numbers worked out by hand, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlib import metrics

Y, P = np.array([[1.0, 2.0], [4.0, 8.0]]), np.array([[1.0, 4.0], [1.0, 9.0]])  # errors 0, 2, -3, 1


def test_errors_by_hand():
    assert metrics.mae(Y, P) == 1.5
    assert metrics.rmse(Y, P) == pytest.approx(np.sqrt(14 / 4), rel=1e-15)
    train = np.array([0.0, 1.0, 4.0, 5.0, 2.0])  # differences over 1: 1, 3, 1, -3; over 2: 4, 4, -2
    assert metrics.mase(Y, P, train, m=1) == pytest.approx(1.5 / 2)
    assert metrics.mase(Y, P, train, m=2) == pytest.approx(1.5 / (10 / 3))


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 100), st.floats(-50, 50))
def test_mase_has_no_unit(scale, shift):
    train = np.array([0.0, 1.0, 4.0, 5.0, 2.0])
    moved = metrics.mase(scale * Y + shift, scale * P + shift, scale * train + shift, m=1)
    assert moved == pytest.approx(metrics.mase(Y, P, train, m=1), rel=1e-9)


def test_block_bootstrap_of_a_ratio():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 60)), 2 * rng.normal(size=60)
    ratio, low, high = metrics.block_bootstrap_ratio(a, b, block=7)
    assert ratio == pytest.approx(np.sqrt((a**2).mean() / (b**2).mean()))
    assert low < ratio < high
    assert metrics.block_bootstrap_ratio(a, b, block=7, level=0.5)[1] > low
    # what is always three times as large stays so whatever the times: both are drawn at the same ones
    assert metrics.block_bootstrap_ratio(3 * b, b, block=7) == pytest.approx((3, 3, 3))
    # one block of all times is all times, wherever it begins; errors in runs leave wider intervals to longer blocks
    assert metrics.block_bootstrap_ratio(a, b, block=60) == pytest.approx((ratio, ratio, ratio))
    runs, ones = np.repeat(rng.normal(size=30), 10), np.ones(300)
    width = {block: np.ptp(metrics.block_bootstrap_ratio(runs, ones, block=block)[1:]) for block in (1, 10)}
    assert width[10] > 1.5 * width[1]


def test_block_bootstrap_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for k in range(200):  # true ratio 0.5
        a, b = rng.normal(size=(2, 200))
        _, low, high = metrics.block_bootstrap_ratio(a, 2 * b, block=5, draws=300, level=0.9, rng=k)
        hits += low < 0.5 < high
    assert 0.8 < hits / 200 < 0.96  # 0.9 and four standard errors of it; short series give narrow intervals


def test_block_bootstrap_refuses():
    ones = np.ones(5)
    with pytest.raises(ValueError, match=r"y has shape \(5,\), prediction \(4,\)"):
        metrics.block_bootstrap_ratio(ones, ones[:4], block=2)
    with pytest.raises(ValueError, match="blocks of block=6 steps do not fit into 5"):
        metrics.block_bootstrap_ratio(ones, ones, block=6)
    with pytest.raises(ValueError, match="level=95"):
        metrics.block_bootstrap_ratio(ones, ones, block=2, level=95)
    with pytest.raises(ValueError, match="rival makes no error"):
        metrics.block_bootstrap_ratio(ones, [1, 0, 0, 1, 1], block=2)
    with pytest.raises(ValueError, match="errors has 1 values that are NaN"):
        metrics.block_bootstrap_ratio([1, np.nan], [1.0, 1.0], block=1)
    with pytest.raises(TypeError):
        metrics.block_bootstrap_ratio(ones, ones)  # no block


def test_accuracy():
    assert metrics.accuracy([1, 2, 3, 3], [1, 2, 2, 3]) == 0.75
    assert metrics.accuracy(np.array(["a", "b"]), np.array(["b", "b"])) == 0.5
    assert metrics.accuracy([[0, 1], [1, 1]], [[0, 1], [1, 0]]) == 0.75


def test_entropies():
    assert metrics.perplexity(np.log(50)) == pytest.approx(50)
    assert metrics.perplexity(0.0) == 1
    # 30 tokens of 10 equally likely words, written with 120 characters
    assert metrics.bits_per_character(30 * np.log(10), 120) == pytest.approx(30 * np.log2(10) / 120)


@pytest.mark.parametrize("metric", [metrics.mae, metrics.rmse, metrics.accuracy])
def test_shapes_must_agree(metric):
    with pytest.raises(ValueError, match=r"y has shape \(2,\), prediction \(2, 1\)"):
        metric([1, 2], [[1], [2]])
    with pytest.raises(ValueError, match="nothing to compare"):
        metric(np.zeros(0, int), np.zeros(0, int))


def test_metrics_refuse():
    for metric in (metrics.mae, metrics.rmse):
        with pytest.raises(
            ValueError, match="prediction has 1 values that are NaN or infinite, the first at index"
        ):
            metric([1.0, 2.0], [1.0, np.nan])
        with pytest.raises(ValueError, match="y has 1 values"):
            metric([np.inf, 2.0], [1.0, 2.0])
    with pytest.raises(TypeError, match="argmax"):
        metrics.accuracy([0, 1], [0.2, 0.8])
    with pytest.raises(TypeError):
        metrics.mase([1.0], [1.0], [1.0, 2.0])  # no m
    with pytest.raises(ValueError, match="2 training steps hold no difference over a season of m=2"):
        metrics.mase([1.0], [1.0], [1.0, 2.0], m=2)
    with pytest.raises(ValueError, match="repeats itself exactly every m=1"):
        metrics.mase([1.0], [1.0], [2.0, 2.0], m=1)
    with pytest.raises(ValueError, match="m must be at least 1"):
        metrics.mase([1.0], [1.0], [2.0, 2.0], m=0)
    for bad in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite and at least 0"):
            metrics.perplexity(bad)
    with pytest.raises(ValueError, match="characters must be at least 1"):
        metrics.bits_per_character(1.0, 0)


def test_accuracy_takes_the_strings_of_pandas():
    names = pd.Series(["a", "b", "b", "a"])
    assert metrics.accuracy(names, names) == metrics.accuracy(names, pd.Categorical(names)) == 1
    assert metrics.accuracy(names, ["a", "b", "a", "b"]) == 0.5
