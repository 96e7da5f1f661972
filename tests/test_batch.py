"""Padding, masks, and the order of batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from rnnlib.batch import Batches, mask, masked_mean, pad

ragged = st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=7), min_size=1, max_size=6)


@given(ragged, st.integers(-3, 3))
def test_pad_and_mask_give_back_the_sequences(sequences, value):
    padded, lengths = pad(sequences, value)
    valid = mask(lengths)
    assert padded.shape == valid.shape == (len(sequences), max(map(len, sequences)))
    assert [row[keep].tolist() for row, keep in zip(padded, valid, strict=True)] == sequences
    assert (padded[~valid] == value).all()


@given(ragged)
def test_masked_mean_is_the_mean_of_each_alone(sequences):
    padded, lengths = pad(sequences, value=1000)
    assert_allclose(masked_mean(padded, lengths), [np.mean(s) for s in sequences], atol=1e-12)
    features = np.stack([padded, 2 * padded], axis=-1)
    assert_allclose(masked_mean(features, lengths)[:, 1], [2 * np.mean(s) for s in sequences], atol=1e-12)


def test_masked_mean_does_not_look_at_padding():
    assert_array_equal(masked_mean(np.array([[1.0, np.nan], [2.0, 4.0]]), [1, 2]), [1, 3])


@given(
    n=st.integers(1, 30),
    size=st.integers(1, 40),
    seed=st.integers(0, 5),
    epoch=st.integers(0, 4),
    bucket=st.booleans(),
)
def test_each_epoch_is_a_permutation_known_in_advance(n, size, seed, epoch, bucket):
    lengths = np.random.default_rng(1).integers(1, 9, n)
    arrays = np.arange(n)[:, None] + np.zeros((n, 8), int), np.arange(n), lengths
    batches = Batches(arrays, size, rng=seed, bucket=bucket)
    seen = [batch.y for batch in batches.epoch(epoch)]
    assert len(seen) == len(batches) == -(-n // size)
    assert sorted(np.concatenate(seen)) == list(range(n))
    again = [batch.y for batch in Batches(arrays, size, rng=seed, bucket=bucket).epoch(epoch)]
    assert_array_equal(np.concatenate(seen), np.concatenate(again))
    assert [len(part) for part in seen].count(size) >= len(batches) - 1


def test_order_depends_on_seed_and_epoch():
    arrays = np.zeros((50, 2)), np.arange(50)
    orders = [tuple(np.concatenate(Batches(arrays, 7, rng=s).order(k))) for s in (0, 1) for k in (0, 1)]
    assert len(set(orders)) == 4
    assert_array_equal(np.concatenate(Batches(arrays, 7).order(3)), np.arange(50))


def test_batches_are_cut_to_their_longest():
    x, lengths = pad([[1, 2, 3, 4], [5], [6, 7]])
    first, second = Batches((x, x, lengths), 1).epoch(0).__next__(), Batches((x[1:], x[1:], lengths[1:]), 2)
    assert first.x.shape == (1, 4)
    (batch,) = second.epoch(0)
    assert_array_equal(batch.x, [[5, 0], [6, 7]])
    assert_array_equal(batch.y, batch.x)
    assert_array_equal(batch.lengths, [1, 2])


def test_a_horizon_as_long_as_the_input_is_not_cut():
    x, lengths = np.zeros((2, 3, 1)), np.array([1, 2])
    (batch,) = Batches((x, np.zeros((2, 3)), lengths), 2).epoch(0)
    assert batch.x.shape == (2, 2, 1) and batch.y.shape == (2, 3)
    (batch,) = Batches((x, np.zeros((2, 3), int), lengths), 2).epoch(0)
    assert batch.y.shape == (2, 2)


def test_bucketing_saves_padding():
    lengths = np.random.default_rng(0).integers(1, 101, 2000)
    x = np.zeros((2000, 100), int)

    def padding(bucket):
        batches = Batches((x, np.zeros(2000), lengths), 20, rng=0, bucket=bucket)
        steps = sum(batch.x.size for batch in batches.epoch(0))
        return 1 - lengths.sum() / steps

    assert padding(True) < 0.05 < 0.4 < padding(False)


def test_extremes_hold_the_smallest_and_the_largest():
    rng = np.random.default_rng(0)
    x, y, lengths = rng.normal(size=(9, 4, 3)), rng.integers(0, 50, 9), rng.integers(2, 5, 9)
    few = Batches((x, y, lengths), 2, rng=0).extremes()
    assert few.num_examples <= 4 and few.batch_size == 2
    assert (few.x.min(), few.x.max(), few.y.min(), few.y.max()) == (x.min(), x.max(), y.min(), y.max())
    assert all((few.x[i] == x[y == label]).all() for i, label in enumerate(few.y) if (y == label).sum() == 1)


@pytest.mark.parametrize(
    ("error", "says", "call"),
    [
        (ValueError, "no sequences to pad", lambda: pad([])),
        (ValueError, "sequence 1 has no steps", lambda: pad([[1], []])),
        (
            ValueError,
            r"sequence 1 has features \(3,\), sequence 0 has \(2,\)",
            lambda: pad([np.zeros((1, 2)), np.zeros((1, 3))]),
        ),
        (ValueError, "padding value 0.5 does not fit", lambda: pad([[1], [2, 3]], value=0.5)),
        (TypeError, "sequences must be a list of arrays, got str", lambda: pad("abc")),
        (TypeError, "sequence 0 must hold numbers, got <U4: encode", lambda: pad(["text"])),
        (ValueError, "x has rows of different lengths.*pad", lambda: Batches(([[1, 2], [3]], [1, 2]), 2)),
        (
            TypeError,
            "y must hold numbers, got <U1: encode",
            lambda: Batches((np.zeros((2, 2)), ["a", "b"]), 2),
        ),
        (TypeError, "x must hold numbers, got object", lambda: Batches(([[1, None]], [1]), 2)),
        (ValueError, "y of shape .* is empty", lambda: Batches((np.zeros((3, 2)), np.zeros((3, 0))), 2)),
        (
            ValueError,
            r"x must have shape \(N, T, D\)",
            lambda: Batches((np.zeros((3, 2, 1, 1)), np.zeros(3)), 2),
        ),
        (ValueError, r"lengths\[0\] is 3, but .* T = 2", lambda: mask([3], 2)),
        (ValueError, r"lengths must have shape \(B,\), .* got \(0,\)", lambda: mask([])),
        (ValueError, r"lengths must have shape \(B,\), .* got \(\)", lambda: mask(3)),
        (TypeError, "T must be a whole number, got 2.5", lambda: mask([2], 2.5)),
        (
            ValueError,
            r"lengths must have shape \(2,\), .* got \(3,\)",
            lambda: masked_mean(np.zeros((2, 4)), [1, 2, 3]),
        ),
        (ValueError, r"x must have shape \(N, T\)", lambda: Batches((np.zeros(3), np.zeros(3)), 2)),
        (
            ValueError,
            r"x has 3 examples, y has shape \(2,\)",
            lambda: Batches((np.zeros((3, 2)), np.zeros(2)), 2),
        ),
        (
            ValueError,
            "batch_size must be at least 1, got 0",
            lambda: Batches((np.zeros((3, 2)), np.zeros(3)), 0),
        ),
        (ValueError, "empty along N", lambda: Batches((np.zeros((0, 2)), np.zeros(0)), 2)),
        (
            ValueError,
            "x has 1 values that are NaN",
            lambda: Batches((np.array([[1, np.nan]]), np.zeros(1)), 2),
        ),
        (
            ValueError,
            "y has 1 values that are NaN",
            lambda: Batches((np.zeros((1, 2)), np.array([np.inf])), 2),
        ),
        (
            ValueError,
            "bucket=True sorts by length",
            lambda: Batches((np.zeros((3, 2)), np.zeros(3)), 2, bucket=True),
        ),
        (ValueError, r"lengths\[1\] is 0", lambda: Batches((np.zeros((2, 2)), np.zeros(2), [1, 0]), 2)),
        (ValueError, "arrays need x and y", lambda: Batches({"x": np.zeros((2, 2)), "z": 1}, 2)),
        (TypeError, r"arrays is \(x, y\)", lambda: Batches(np.zeros((2, 2)), 2)),
        (
            TypeError,
            "rng is a whole number",
            lambda: Batches((np.zeros((2, 2)), np.zeros(2)), 2, rng=np.random.default_rng()),
        ),
    ],
)
def test_doors(error, says, call):
    with pytest.raises(error, match=says):
        call()


settings.register_profile("quick", max_examples=40, deadline=None)
settings.load_profile("quick")
