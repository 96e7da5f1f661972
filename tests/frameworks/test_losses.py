"""Losses: the three ways of averaging against their definitions, gradients equal in both
frameworks, doors.
"""

import functools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from backends import FRAMEWORKS, both, framework

B, T, C = 3, 5, 4
LENGTHS = np.array([5, 1, 3])
rng = np.random.default_rng(0)
LOGITS, CLASSES = rng.normal(size=(B, T, C)), rng.integers(0, C, size=(B, T))
VALUES, TARGETS = rng.normal(size=(B, T, 2)), rng.normal(size=(B, T, 2))


def surprise(logits, y):
    """-log softmax(logits)[y] of every step, (B, T)."""
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return -np.log(np.take_along_axis(p, y[..., None], axis=-1)[..., 0])


def masked_loss(rnn, head, x, y, lengths, per):
    """The cross-entropy of a head's answers, (B, T, C) against (B, T)."""
    return rnn.losses.cross_entropy(head(x), y, lengths, per)


def by_definition(each, lengths, per):
    rows = [row[:n] for row, n in zip(each, lengths, strict=True)]
    total = sum(row.sum() for row in rows)
    return {
        "token": total / sum(lengths),
        "sequence": np.mean([row.mean() for row in rows]),
        "batch": total / len(rows),
    }[per]


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("per", ["token", "sequence", "batch"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_averages_are_what_their_names_say(name, per, lengths):
    rnn = framework(name)
    given = None if lengths is None else rnn.tensor(lengths)
    lengths = np.full(B, T) if lengths is None else lengths
    got = rnn.losses.cross_entropy(rnn.tensor(LOGITS), rnn.tensor(CLASSES), given, per)
    assert_allclose(
        rnn.array(got), by_definition(surprise(LOGITS, CLASSES), lengths, per), rtol=1e-12
    )
    got = rnn.losses.mse(rnn.tensor(VALUES), rnn.tensor(TARGETS), given, per)
    assert_allclose(
        rnn.array(got),
        by_definition(((VALUES - TARGETS) ** 2).mean(axis=-1), lengths, per),
        rtol=1e-12,
    )


def test_the_three_averages_differ():
    found = {
        per: by_definition(surprise(LOGITS, CLASSES), LENGTHS, per)
        for per in ("token", "sequence", "batch")
    }
    assert len({round(value, 3) for value in found.values()}) == 3


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("per", ["token", "sequence", "batch"])
def test_one_target_for_each_sequence(name, per):
    """Lengths say how long x was: a loss on one answer for each sequence does not use them."""
    rnn = framework(name)
    logits, y = LOGITS[:, 0], CLASSES[:, 0]
    got = rnn.losses.cross_entropy(rnn.tensor(logits), rnn.tensor(y), rnn.tensor(LENGTHS), per)
    assert_allclose(rnn.array(got), surprise(logits, y).mean(), rtol=1e-12)
    got = rnn.losses.mse(
        rnn.tensor(VALUES[:, 0]), rnn.tensor(TARGETS[:, 0]), rnn.tensor(LENGTHS), per
    )
    assert_allclose(rnn.array(got), ((VALUES[:, 0] - TARGETS[:, 0]) ** 2).mean(), rtol=1e-12)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_padding_has_no_say(name):
    """NaN in the padding of a prediction reaches neither the loss nor, in training, the weights."""
    rnn = framework(name)
    values = VALUES.copy()
    values[np.arange(T) >= LENGTHS[:, None]] = np.nan
    got = rnn.losses.mse(rnn.tensor(values), rnn.tensor(TARGETS), rnn.tensor(LENGTHS))
    want = rnn.losses.mse(rnn.tensor(VALUES), rnn.tensor(TARGETS), rnn.tensor(LENGTHS))
    assert rnn.array(got) == rnn.array(want)


@both
@pytest.mark.parametrize("per", ["token", "sequence", "batch"])
def test_gradients_are_equal(per):
    found = []
    for name in ("pt", "tf"):
        rnn = framework(name)
        head = rnn.Linear(2, C, rng=1, dtype="float64")
        x, y, n = rnn.tensor(VALUES), rnn.tensor(CLASSES), rnn.tensor(LENGTHS)
        loss = functools.partial(masked_loss, rnn, head, x, y, n, per)
        found.append(rnn.value_and_grads(head, loss))
    assert_allclose(found[0][0], found[1][0], rtol=1e-13)
    for key in ("W", "b"):
        assert_allclose(found[0][1][key], found[1][1][key], rtol=1e-12)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_doors(name):
    rnn = framework(name)
    logits, y = rnn.tensor(LOGITS), rnn.tensor(CLASSES)
    cross_entropy, mse = rnn.losses.cross_entropy, rnn.losses.mse
    with pytest.raises(
        ValueError, match="unknown averaging per 'step': choose one of token, sequence, batch"
    ):
        cross_entropy(logits, y, per="step")
    with pytest.raises(ValueError, match=r"classes y must have shape \(3, 5\), got \(3,\)"):
        cross_entropy(logits, y[:, 0])
    with pytest.raises(ValueError, match=r"classes y\[0, 0\] is -100, outside 0 .. 3"):
        cross_entropy(logits, rnn.tensor(np.full((B, T), -100)))
    with pytest.raises(TypeError, match="classes y must be whole numbers"):
        cross_entropy(logits, rnn.tensor(CLASSES * 1.0))
    with pytest.raises(
        ValueError, match=r"y must have shape \(3, 1\), got \(3,\) .* add or drop an axis"
    ):
        mse(rnn.tensor(np.zeros((3, 1))), rnn.tensor(np.zeros(3)))
    with pytest.raises(
        ValueError, match=r"predictions have shape \(B, K\) or \(B, T, K\), got \(3,\)"
    ):
        mse(rnn.tensor(np.zeros(3)), rnn.tensor(np.zeros(3)))
    for lengths, error, says in (
        ([T + 1, 1, 1], ValueError, r"lengths\[0\] is 6, but .* T = 5"),
        ([1, 0, 1], ValueError, r"lengths\[1\] is 0"),
        ([1, 1], ValueError, r"lengths must have shape \(3,\)"),
        ([1.0, 1.0, 1.0], TypeError, "lengths must be whole numbers"),
    ):
        with pytest.raises(error, match=says):
            cross_entropy(logits, y, rnn.tensor(np.array(lengths)))
        with pytest.raises(error, match=says):
            mse(logits, logits, rnn.tensor(np.array(lengths)))


LEVELS = (0.1, 0.5, 0.8)
QUANTILES, AHEAD = rng.normal(size=(B, 2, 3)), rng.normal(size=(B, 2))


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_pinball_and_gaussian_by_definition(name):
    from scipy.stats import norm

    rnn = framework(name)
    each = [
        level * (y - q) if y > q else (1 - level) * (q - y)
        for row, ys in zip(QUANTILES, AHEAD, strict=True)
        for qs, y in zip(row, ys, strict=True)
        for q, level in zip(qs, LEVELS, strict=True)
    ]
    got = rnn.losses.pinball(rnn.tensor(QUANTILES), rnn.tensor(AHEAD), levels=LEVELS)
    assert_allclose(rnn.array(got), np.mean(each), rtol=1e-12)
    got = rnn.losses.gaussian(rnn.tensor(QUANTILES[:, :, :2]), rnn.tensor(AHEAD))
    expected = -norm.logpdf(AHEAD, QUANTILES[:, :, 0], np.exp(QUANTILES[:, :, 1])).mean()
    assert_allclose(rnn.array(got), expected, rtol=1e-12)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_distribution_losses_refuse(name):
    rnn = framework(name)
    q, y = rnn.tensor(QUANTILES), rnn.tensor(AHEAD)
    with pytest.raises(ValueError, match="2 levels for predictions .*one for each output"):
        rnn.losses.pinball(q, y, levels=(0.1, 0.9))
    with pytest.raises(ValueError, match="must hold 2 numbers for each y"):
        rnn.losses.gaussian(q, y)
    for loss in (rnn.losses.pinball, rnn.losses.gaussian):
        with pytest.raises(ValueError, match=r"y must have shape \(3, 2\), got \(3, 2, 3\)"):
            loss(q, q)
