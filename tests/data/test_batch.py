"""Padding, masks, and the order of batches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from rnnlib.core.errors import ArgumentError
from rnnlib.data.batches import Batches, mask, masked_mean, pad, streams

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
    assert_allclose(
        masked_mean(features, lengths)[:, 1], [2 * np.mean(s) for s in sequences], atol=1e-12
    )


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
    orders = [
        tuple(np.concatenate(Batches(arrays, 7, rng=s).order(k))) for s in (0, 1) for k in (0, 1)
    ]
    assert len(set(orders)) == 4
    assert_array_equal(np.concatenate(Batches(arrays, 7).order(3)), np.arange(50))


def test_batches_are_cut_to_their_longest():
    x, lengths = pad([[1, 2, 3, 4], [5], [6, 7]])
    first = next(Batches((x, x, lengths), 1, per_step=True).epoch(0))
    second = Batches((x[1:], x[1:], lengths[1:]), 2, per_step=True)
    assert first.x.shape == (1, 4)
    (batch,) = second.epoch(0)
    assert_array_equal(batch.x, [[5, 0], [6, 7]])
    assert_array_equal(batch.y, batch.x)
    assert_array_equal(batch.lengths, [1, 2])


@given(
    T=st.integers(1, 6),
    steps=st.integers(1, 6),
    kind=st.sampled_from([int, float]),
    features=st.booleans(),
)
def test_targets_stay_whole_unless_it_is_said_that_they_go_by_the_steps_of_x(
    T, steps, kind, features
):
    """For every length T' of the targets, T' = T among them; whatever they hold."""
    y = np.arange(4 * steps).reshape(4, steps).astype(kind)
    y = np.stack([y, y], axis=-1) if features else y
    x = np.zeros((4, T, 1))
    lengths = np.array([1, max(1, T - 1), 1, max(1, T - 2)])
    for bucket in (False, True):
        batches = Batches((x, y, lengths), 2, rng=0, bucket=bucket)
        for rows, batch in zip(batches.order(0), batches.epoch(0), strict=True):
            assert_array_equal(batch.y, y[rows])
            assert batch.x.shape[1] == lengths[rows].max()
            assert batch.y_lengths is None
    if steps == T:
        for rows in batches.order(0):
            by_step = Batches((x, y, lengths), 2, per_step=True).take(rows)
            assert_array_equal(by_step.y, y[rows][:, : lengths[rows].max()])
            assert_array_equal(by_step.y_lengths, lengths[rows])
    else:
        with pytest.raises(ArgumentError) as caught:
            Batches((x, y, lengths), 2, per_step=True)
        assert caught.value.code == "batches.per_step"


rows_of = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=2, max_size=8)


@given(rows_of, rows_of, st.integers(1, 5), st.integers(0, 3), st.booleans())
def test_source_and_target_have_lengths_of_their_own(sources, targets, size, epoch, bucket):
    """Two ragged fields: each example once, each whole, padded a batch at a time to its own
    longest.
    """
    n = min(len(sources), len(targets))
    fields = {
        "source": [np.array(row) for row in sources[:n]],
        "target": [np.array(row) for row in targets[:n]],
        "number": np.arange(n),
    }
    batches = Batches(fields, size, rng=3, bucket=bucket)
    seen = []
    for batch in batches.epoch(epoch):
        assert batch.source.shape[1] == batch.source_lengths.max()
        assert batch.target.shape[1] == batch.target_lengths.max()
        for k, number in enumerate(batch.number):
            seen.append(int(number))
            assert batch.source[k, : batch.source_lengths[k]].tolist() == sources[number]
            assert batch.target[k, : batch.target_lengths[k]].tolist() == targets[number]
            assert not batch.target[k, batch.target_lengths[k] :].any()
    assert sorted(seen) == list(range(n))
    again = [row for batch in batches.epoch(epoch) for row in batch.number.tolist()]
    assert again == seen


def test_frames_and_labels_dense_or_ragged_are_the_same_batches():
    """What CTC needs: two lengths."""
    rng = np.random.default_rng(0)
    frames = [rng.normal(size=(t, 3)) for t in (5, 2, 4)]
    labels = [rng.integers(1, 9, n) for n in (2, 1, 3)]
    x, lengths = pad(frames)
    y, y_lengths = pad(labels)
    dense = {"x": x, "lengths": lengths, "y": y, "y_lengths": y_lengths}
    for one, other in zip(
        Batches({"x": frames, "y": labels}, 2).epoch(0), Batches(dense, 2).epoch(0), strict=True
    ):
        for name in ("x", "y", "lengths", "y_lengths"):
            assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("per_step", [("y", "weights"), {"y": "x", "weights": "y"}])
def test_fields_that_go_by_the_steps_of_another_are_cut_with_it(per_step):
    x, lengths = pad([[1, 2, 3, 4], [5], [6, 7]])
    fields = {"x": x, "lengths": lengths, "y": 10 * x, "weights": 0.5 * x, "whole": 2 * x}
    batch = Batches(fields, 3, per_step=per_step).take([1, 2])
    assert_array_equal(batch.y, [[50, 0], [60, 70]])
    assert_array_equal(batch.weights, [[2.5, 0], [3, 3.5]])
    assert_array_equal(batch.whole, 2 * x[1:])
    assert_array_equal(batch.weights_lengths, [1, 2])


@given(
    n=st.integers(7, 60),
    streams_=st.integers(1, 3),
    steps=st.integers(1, 2),
    epoch=st.integers(0, 2),
)
def test_streams_go_on_where_they_were(n, streams_, steps, epoch):
    """Row b of each batch continues row b of the batch before; targets are one step ahead."""
    batches = streams(np.arange(n), streams_, steps)
    assert batches.carry and batches.per_step
    rows = np.concatenate([batch.x for batch in batches.epoch(epoch)], axis=1)
    ahead = np.concatenate([batch.y for batch in batches.epoch(epoch)], axis=1)
    assert rows.shape == (streams_, (n - 1) // (streams_ * steps) * steps)
    assert (np.diff(rows, axis=1) == 1).all() and (ahead == rows + 1).all()
    assert len(set(rows.flat)) == rows.size


def test_in_order_and_extremes_hold_all_fields():
    fields = {"x": [np.array([3, 1]), np.array([9]), np.array([0, 4, 4])], "y": np.array([5, 5, 7])}
    batches = Batches(fields, 2, rng=0, bucket=True)
    assert_array_equal(np.concatenate([b.y for b in batches.in_order().epoch(0)]), fields["y"])
    few = batches.extremes()
    assert {tuple(row) for row in few.x} == {(3, 1), (9,), (0, 4, 4)}


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
    assert (few.x.min(), few.x.max(), few.y.min(), few.y.max()) == (
        x.min(),
        x.max(),
        y.min(),
        y.max(),
    )
    assert all(
        (few.x[i] == x[y == label]).all()
        for i, label in enumerate(few.y)
        if (y == label).sum() == 1
    )


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
        (
            ValueError,
            "x has rows of different lengths.*pad",
            lambda: Batches(([[1, 2], [3]], [1, 2]), 2),
        ),
        (
            TypeError,
            "y must hold numbers, got <U1: encode",
            lambda: Batches((np.zeros((2, 2)), ["a", "b"]), 2),
        ),
        (TypeError, "x must hold numbers, got object", lambda: Batches(([[1, None]], [1]), 2)),
        (
            ValueError,
            "y of shape .* is empty",
            lambda: Batches((np.zeros((3, 2)), np.zeros((3, 0))), 2),
        ),
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
        (
            ValueError,
            r"lengths\[1\] is 0",
            lambda: Batches((np.zeros((2, 2)), np.zeros(2), [1, 0]), 2),
        ),
        (ValueError, "z of shape .* is empty", lambda: Batches({"x": np.zeros((2, 2)), "z": 1}, 2)),
        (ValueError, "lengths are those of x", lambda: Batches({"z": [[1]], "lengths": [1]}, 2)),
        (
            ValueError,
            "leave out source_lengths",
            lambda: Batches({"source": [np.ones(2), np.ones(1)], "source_lengths": [2, 1]}, 2),
        ),
        (
            ValueError,
            "per_step says that z goes by the steps of x, but the fields are x, y",
            lambda: Batches((np.zeros((2, 2)), np.zeros(2)), 2, per_step="z"),
        ),
        (
            ValueError,
            r"y has shape \(2,\) and x shape \(2, 2\)",
            lambda: Batches((np.zeros((2, 2)), np.zeros(2)), 2, per_step=True),
        ),
        (
            ValueError,
            "leave out y_lengths or per_step",
            lambda: Batches(
                {"x": np.zeros((2, 2)), "y": np.zeros((2, 2)), "y_lengths": [1, 2]},
                2,
                per_step=True,
            ),
        ),
        (
            ValueError,
            "carry=True keeps the order",
            lambda: Batches((np.zeros((2, 2)), np.zeros(2)), 2, rng=0, carry=True),
        ),
        (
            ValueError,
            "3 examples make no whole number of batches of 2.*streams",
            lambda: Batches((np.zeros((3, 2)), np.zeros(3)), 2, carry=True),
        ),
        (
            ValueError,
            "8 steps are less than one window of 3 for 4 streams",
            lambda: streams(range(9), 4, 3),
        ),
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
