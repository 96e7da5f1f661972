"""Splits, scaling and windows: nothing of a later part reaches an earlier one."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlib.forecasting import scaling, splits, windows


def test_split_by_fractions_keeps_all_in_order():
    y = np.arange(11)
    parts = splits.split(y, (0.5, 0.3, 0.2))
    assert [list(part) for part in parts] == [[0, 1, 2, 3, 4, 5], [6, 7, 8], [9, 10]]
    assert splits.split(11, (0.5, 0.3, 0.2)) == (slice(0, 6), slice(6, 9), slice(9, 11))


def test_split_by_labels_of_the_index():
    years = pd.Series(np.arange(10.0), index=range(1990, 2000))
    early, late = splits.split(years, at=(1996,), gap=2)
    assert list(early.index) == [1990, 1991, 1992, 1993] and list(late.index) == [
        1996,
        1997,
        1998,
        1999,
    ]
    days = pd.DataFrame({"a": range(60)}, index=pd.date_range("2020-01-01", periods=60))
    january, february = splits.split(days, at=("2020-02-01",))
    assert len(january) == 31 and february.index[0] == pd.Timestamp("2020-02-01")
    assert [len(part) for part in splits.split(np.zeros(9), at=(2, 5))] == [2, 3, 4]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 5))
def test_split_never_overlaps(steps, shares, gap):
    fractions = [share / sum(shares) for share in shares]
    try:
        parts = splits.split(steps, fractions, gap=gap)
    except ValueError as error:
        assert "is empty" in str(error)
        return
    assert parts[0].start == 0 and parts[-1].stop == steps
    for before, after in zip(parts, parts[1:], strict=False):
        assert before.stop + gap == after.start and before.start < before.stop
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs((part.stop - part.start) - fraction * steps) <= gap + 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((10,), "needs either fractions"),
        ((10, (0.5, 0.4)), "sum 0.9"),
        ((10, (1.5, -0.5)), "must be positive"),
        ((3, (0.9, 0.1)), "part 1 of the split is empty: cuts at .3. of 3 steps"),
        ((10, (0.5, 0.5), None, -1), "gap must be 0 or more"),
        ((10, (0.5, 0.5), None, 5), "part 0 of the split is empty"),
        ((0, (0.5, 0.5)), "number of steps must be at least 1"),
        ((pd.Series([1, 2, 3], index=[3, 1, 2]), None, (2,)), "not in the order of time"),
    ],
)
def test_split_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        splits.split(*arguments)


def test_standardizer_learns_from_training_alone():
    rng = np.random.default_rng(0)
    train, test = rng.normal([3, -50], [2, 10], size=(80, 2)), rng.normal(size=(20, 2))
    scaler = scaling.Standardizer().fit(train)
    np.testing.assert_allclose(scaler.mean_, train.mean(axis=0))
    np.testing.assert_allclose(scaler.scale_, train.std(axis=0))
    np.testing.assert_allclose(
        scaler.transform(test), (test - train.mean(axis=0)) / train.std(axis=0)
    )
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(test)), test)
    np.testing.assert_allclose(
        scaler.inverse_transform(scaler.transform(test)[:, 1], column=1), test[:, 1]
    )


def test_standardizer_agrees_with_scikit_learn():
    from sklearn.preprocessing import StandardScaler

    values = np.random.default_rng(1).normal(5, 3, size=(30, 4))
    np.testing.assert_allclose(
        scaling.Standardizer().fit_transform(values), StandardScaler().fit_transform(values)
    )


def test_standardizer_of_one_series_takes_any_shape():
    scaler = scaling.Standardizer().fit(pd.Series([1.0, 3.0]))
    np.testing.assert_array_equal(scaler.transform([2.0, 5.0]), [0, 3])
    np.testing.assert_array_equal(scaler.inverse_transform(np.zeros((4, 6))), np.full((4, 6), 2.0))


def test_standardizer_refuses():
    with pytest.raises(ValueError, match="column 1 is constant .7."):
        scaling.Standardizer().fit([[1.0, 7.0], [2.0, 7.0]])
    with pytest.raises(ValueError, match="constant"):
        scaling.Standardizer().fit(np.full(3, 0.1))  # whose computed deviation is 1e-17
    with pytest.raises(ValueError, match="index .1, 0."):
        scaling.Standardizer().fit([1.0, np.nan])
    with pytest.raises(ValueError, match="not been fitted"):
        scaling.Standardizer().transform([1.0])
    scaler = scaling.Standardizer().fit(np.arange(6.0).reshape(3, 2))
    with pytest.raises(ValueError, match="do not end in the 2 columns"):
        scaler.transform(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="index .0, 1."):
        scaler.transform([[0.0, np.inf]])


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 30), st.integers(1, 8), st.integers(1, 5), st.integers(1, 3), st.integers(0, 9)
)
def test_windows_are_slices_and_stay_inside(steps, n_in, horizon, columns, past):
    values = np.random.default_rng(steps).normal(size=(steps, columns))
    history = np.random.default_rng(past).normal(size=(past, columns)) if past else None
    known = np.concatenate([history, values])[max(0, past - n_in) :] if past else values
    reach = min(past, n_in)
    count = len(known) - n_in - horizon + 1
    if count < 1:
        with pytest.raises(ValueError, match=f"{len(known)} steps hold no window"):
            windows.sliding_windows(values, n_in, horizon, history=history)
        return
    x, y, origin = windows.sliding_windows(
        values, n_in, horizon, target=columns - 1, history=history
    )
    assert x.shape == (count, n_in, columns) and y.shape == (count, horizon)
    for k in range(count):
        at = origin[k] + reach  # the last known step, in `known`
        np.testing.assert_array_equal(x[k], known[at - n_in + 1 : at + 1])
        np.testing.assert_array_equal(y[k], values[origin[k] + 1 : origin[k] + 1 + horizon, -1])
    assert origin[0] >= -1 and origin[-1] + horizon == steps - 1


def test_windows_of_a_part_hold_nothing_of_another():
    train, test = splits.split(np.arange(20.0), (0.5, 0.5))
    assert (
        windows.sliding_windows(train, 3, 2).y.max() == 9
        and windows.sliding_windows(test, 3, 2).x.min() == 10
    )
    joined = windows.sliding_windows(test, 3, 2, history=train)
    assert (
        joined.y.min() == 10 and joined.x[0, :, 0].tolist() == [7, 8, 9] and joined.origin[0] == -1
    )


def test_windows_refuse():
    with pytest.raises(ValueError, match="index .2, 0."):
        windows.sliding_windows([0.0, 1.0, np.nan, 3.0], 1)
    with pytest.raises(ValueError, match="n_in must be at least 1"):
        windows.sliding_windows(np.zeros(5), 0)
    with pytest.raises(ValueError, match="target column 2 of 2"):
        windows.sliding_windows(np.zeros((5, 2)), 1, target=2)
    with pytest.raises(ValueError, match="history has 1 columns, values have 2"):
        windows.sliding_windows(np.zeros((5, 2)), 1, history=np.zeros(3))
    with pytest.raises(ValueError, match="shape"):
        windows.sliding_windows(np.zeros((5, 2, 2)), 1)
    with pytest.raises(ValueError, match="empty"):
        windows.sliding_windows([], 1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(at=[2.7]), TypeError, "a position in at must be a whole number, got 2.7"),
        (dict(at=["3"]), TypeError, "a position in at must be a whole number, got '3'"),
        (dict(at=5), ValueError, r"at must list .* got 5"),
        (dict(fractions=(np.nan, 0.5)), ValueError, "fractions must be positive and sum to 1"),
        (dict(fractions=()), ValueError, "fractions must be positive and sum to 1"),
        (dict(fractions=0.5), ValueError, "fractions must be positive and sum to 1"),
        (dict(fractions=(0.5, 0.5), gap=1.5), ValueError, "gap must be 0 or more steps, got 1.5"),
    ],
)
def test_split_takes_no_half_steps(options, error, message):
    with pytest.raises(error, match=message):
        splits.split(np.arange(10.0), **options)


def test_target_is_a_column():
    for target in (0.5, "a"):
        with pytest.raises(ValueError, match="target column .* expected 0 to 0"):
            windows.sliding_windows(np.arange(9.0), 3, target=target)
