"""What is packed for a file comes back equal and of the same type; what cannot is named."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnlib.core import packing
from rnnlib.forecasting import panel
from rnnlib.text import tokenizers
from rnnlib.training import estimators
from rnnlib.training.history import History


def there_and_back(value):
    """Through JSON, as a file does it."""
    plain, arrays = packing.pack(value)
    return packing.unpack(json.loads(json.dumps(plain)), arrays)


VALUES = [
    None,
    True,
    3,
    2**70,
    0.1,
    float("nan"),
    float("-inf"),
    "ü \U0001f600",
    [1, [2.5, None]],
    (1, (2, "x")),
    {"a": 1, "is": 2},
    {"is": "dict"},
    {3: "x", (1, "a"): 2.5, "b": {"c": ()}},
    np.float32(0.1),
    np.int64(2**60),
    np.bool_(True),
    np.str_("x"),
    np.datetime64("2024-01-02T03", "h"),
    np.timedelta64(5, "s"),
    Path("a/b"),
]
ARRAYS = [
    np.arange(6.0).reshape(2, 3).T,
    np.zeros((4, 0)),
    np.array(3),
    np.array([True, False]),
    np.array(["ab", "c"]),
    np.array([["x", 1], [None, 2.5]], object),
    np.array(["2024-01-01", "NaT"], "M8[us]"),
    np.array([np.nan, np.inf], "float32"),
    np.array([1, 2], ">i4").astype("=i4"),
]
INDICES = [
    pd.date_range("2024-01-01", periods=4, name="ds"),
    pd.date_range("2013-11-02", periods=30, freq="h", tz="America/New_York"),
    pd.date_range("2024-01-01", periods=3, tz="UTC+02:00"),
    pd.DatetimeIndex(["2024-01-01", "2024-03-01"]).as_unit("ns"),
    pd.RangeIndex(1960, 1970),
    pd.Index([3, 5], dtype="int32", name="ds"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value):
    found = there_and_back(value)
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize("value", ARRAYS, ids=lambda value: f"{value.dtype} {value.shape}")
def test_arrays_come_back(value):
    found = there_and_back({"x": value})["x"]
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("value", INDICES, ids=lambda value: str(value.dtype))
def test_times_come_back(value):
    found = there_and_back(value)
    pd.testing.assert_index_equal(found, value, exact="equiv", check_freq=False)
    assert found.name == value.name
    first = there_and_back(value[0])
    assert first == value[0]
    assert type(first) is type(value[0])


@pytest.mark.parametrize("step", ["D", "h", "W-SAT", "MS", "2W-SUN", "BQE", "15min"])
def test_steps_come_back(step):
    step = pd.tseries.frequencies.to_offset(step)
    assert there_and_back(step) == step


def test_what_modules_have_registered_comes_back():
    view = panel.SeriesSlice("a", INDICES[0], 1, np.arange(4.0), np.zeros((4, 0)), np.ones((6, 1)))
    found = there_and_back([view])[0]
    assert type(found) is panel.SeriesSlice
    np.testing.assert_array_equal(found.known, view.known)
    assert estimators.FRAMEWORKS  # which registers the History of a run
    history = History(2, steps=[1.0, 2.0], norms=[0.5, 0.5], epochs=[1.5], seconds=[0.1])
    assert there_and_back(history) == history
    cut = tokenizers.Subwords(["a film of a cat", "a film"], 15)
    assert there_and_back(cut)("a film") == cut("a film")


def test_seeds_come_back():
    seed = np.random.SeedSequence(7, spawn_key=(1, 2))
    assert there_and_back(seed).generate_state(3).tolist() == seed.generate_state(3).tolist()


def test_what_no_file_holds_is_named():
    for value, message in (
        (
            {"x": [len]},
            "a builtins.builtin_function_or_method cannot be written to a file: <built-in",
        ),
        (np.array([object()]), "a builtins.object cannot be written to a file"),
    ):
        with pytest.raises(TypeError, match=message):
            packing.pack(value)
    with pytest.raises(ValueError, match="the file holds a 'Spline', which is not known here"):
        packing.unpack({"is": "Spline", "value": 3}, {})
