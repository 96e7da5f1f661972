"""Long tables: reading a stranger's data, the regular grid, calendar features, and everything that
is refused.
"""

import numpy as np
import pandas as pd
import pytest

from rnnlib.forecasting import tables


def long(y, start="2024-01-01", freq="D", key="a"):
    return pd.DataFrame(
        {"unique_id": key, "ds": pd.date_range(start, periods=len(y), freq=freq), "y": y}
    )


def test_a_table_from_a_frame_of_other_names():
    csv = pd.DataFrame(
        {
            "shop": ["b", "a", "a"],
            "day": ["2024-01-02", "2024-01-02", "2024-01-01"],
            "sold": [3, 2, 1],
        }
    )
    found = tables.table(csv, ds="day", y="sold", unique_id="shop")
    assert found["unique_id"].tolist() == ["a", "a", "b"] and found["y"].tolist() == [1, 2, 3]
    assert found["ds"].tolist() == list(pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-02"]))
    assert list(csv) == ["shop", "day", "sold"]  # left alone
    one = tables.table(csv.iloc[1:], ds="day", y="sold")
    assert one["unique_id"].unique().tolist() == ["sold"]


def test_a_table_from_a_series():
    years = pd.Series([5.0, 6.0], index=pd.Index([1700, 1701], name="year"))
    assert tables.table(years)[["ds", "y"]].to_numpy().tolist() == [[1700, 5], [1701, 6]]


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        ([1, 2], {}, TypeError, "made from a pandas DataFrame or Series, got list"),
        (
            pd.DataFrame({"ds": [1], "z": [1]}),
            {},
            ValueError,
            "no column 'y' for y: the data have ds, z",
        ),
        (
            pd.DataFrame({"ds": [1], "y": [1]}),
            {"unique_id": "shop"},
            ValueError,
            "no column 'shop' for unique_id",
        ),
        (pd.DataFrame({"ds": [1.5], "y": [1]}), {}, TypeError, "'ds' holds float64, such as .*1.5"),
        (
            pd.DataFrame({"ds": ["2024-01-01", None], "y": [1, 2]}),
            {},
            ValueError,
            "'ds' has no time in row 1",
        ),
        (
            pd.DataFrame({"ds": ["2024-01-01", "soon"], "y": [1, 2]}),
            {},
            ValueError,
            "'ds' holds what is no date: .*soon",
        ),
        (
            pd.DataFrame({"ds": ["2024-03-30T00:00+01:00", "2024-03-31T00:00+02:00"], "y": [1, 2]}),
            {},
            ValueError,
            r"'ds' mixes time zones, 2024-03-30T00:00\+01:00 and "
            r"2024-03-31T00:00\+02:00: .*utc=True",
        ),
        (
            pd.DataFrame(
                {
                    "ds": [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02", tz="UTC")],
                    "y": [1, 2],
                }
            ),
            {},
            ValueError,
            "'ds' mixes time zones, 2024-01-01 00:00:00 and 2024-01-02",
        ),
    ],
)
def test_tables_refuse(data, options, error, message):
    with pytest.raises(error, match=message):
        tables.table(data, **options)


def test_the_hour_that_repeats_is_named():
    """Local time without a zone, at the end of summer time in New York: 1 o'clock comes twice."""
    ds = pd.date_range("2013-11-03", periods=6, freq="h", tz="America/New_York").tz_localize(None)
    data = pd.DataFrame({"ds": ds, "y": range(6)})
    with pytest.raises(
        ValueError,
        match="series 'series' has 2013-11-03 01:00:00 twice .1 rows too many.: an hour repeats",
    ):
        tables.table(data)
    with pytest.raises(ValueError, match="has 2013-11-03 01:00:00 twice"):
        tables.regularize(data.assign(unique_id="a"), "h")
    kept = tables.table(data.drop_duplicates("ds"))
    assert len(tables.regularize(kept, "h")) == 5
    aware = data.assign(ds=pd.date_range("2013-11-03", periods=6, freq="h", tz="America/New_York"))
    assert len(tables.regularize(tables.table(aware), "h")) == 6  # with its zone nothing repeats


def test_regularize_makes_a_grid():
    data = pd.concat([long([1.0, 2, 3, 4, 5]).drop([1, 2]), long([7.0, 8], key="b")]).iloc[::-1]
    data["note"] = "x"
    found = tables.regularize(data, "D")
    assert found["unique_id"].tolist() == ["a"] * 5 + ["b"] * 2
    assert found["note"].tolist() == ["x"] * 7
    np.testing.assert_array_equal(found["y"], [1, np.nan, np.nan, 4, 5, 7, 8])
    np.testing.assert_array_equal(
        tables.regularize(data, "D", fill="last")["y"], [1, 1, 1, 4, 5, 7, 8]
    )
    np.testing.assert_array_equal(
        tables.regularize(data, "D", fill="linear")["y"], [1, 2, 3, 4, 5, 7, 8]
    )
    np.testing.assert_array_equal(tables.regularize(data, "D", fill=0)["y"], [1, 0, 0, 4, 5, 7, 8])
    years = pd.DataFrame({"unique_id": "a", "ds": [1990, 1994, 1992], "y": [1.0, 3, 2]})
    assert tables.regularize(years, 2)["ds"].tolist() == [1990, 1992, 1994]
    assert tables.regularize(years, 1)["y"].isna().sum() == 2


def test_regularize_refuses():
    data = long([1.0, 2, 3])
    with pytest.raises(
        ValueError, match="series 'a' has 2024-01-02 00:00:00, which is no step of freq='W-MON'"
    ):
        tables.regularize(data, "W-MON")
    with pytest.raises(ValueError, match="fill='mean': choose None, 'last', 'linear' or a number"):
        tables.regularize(data, "D", fill="mean")
    with pytest.raises(ValueError, match="column 'rain' of series 'a' holds no number at all"):
        tables.regularize(data.assign(rain=np.nan), "D", fill="last")
    with pytest.raises(ValueError, match="freq .* must be at least 1"):
        tables.regularize(data.assign(ds=[1, 2, 3]), 0)


@pytest.mark.parametrize("freq", ["D", "h", "W-SAT", "MS", "B", "15min", "QS-OCT"])
def test_steps_are_seen_and_go_on(freq):
    ds = pd.date_range("2024-01-06", periods=40, freq=freq)
    ahead = tables.times_ahead(ds[:30], tables.step_of(ds[:30]), 10)
    assert list(ahead) == list(ds[30:])


def test_steps_over_the_end_of_summer_time():
    ds = pd.date_range("2013-10-30", periods=200, freq="h", tz="America/New_York")
    assert list(tables.times_ahead(ds[:80], tables.step_of(ds[:80]), 120)) == list(ds[80:])


def test_gaps_are_named():
    days = pd.date_range("2024-01-01", periods=9)
    with pytest.raises(
        ValueError,
        match="series 'x' has a gap between 2024-01-03 00:00:00 and 2024-01-05 .*regularize",
    ):
        tables.step_of(days.delete(3), "x")
    with pytest.raises(ValueError, match="gap between 1992 and 1994"):
        tables.step_of(pd.Index([1990, 1991, 1992, 1994, 1995]))
    with pytest.raises(ValueError, match="has 2 times: at least 3"):
        tables.step_of(days[:2])


def test_calendar():
    ds = pd.date_range("2023-12-31 18:00", periods=60, freq="h")
    found = tables.calendar(ds, ("hour", ("dayofyear", 2)))
    assert found.shape == (60, 6)
    np.testing.assert_allclose(found[:, :2] ** 2 @ [1, 1], 1)
    np.testing.assert_allclose(found[0, :2], [-1, 0], atol=1e-12)  # three quarters of a day
    np.testing.assert_allclose(found[6], [0, 1, 0, 1, 0, 1], atol=1e-12)  # New Year, midnight
    np.testing.assert_allclose(
        found[:, 4:], np.c_[2 * found[:, 2] * found[:, 3], 1 - 2 * found[:, 2] ** 2], atol=1e-12
    )
    assert tables.calendar(pd.RangeIndex(3), ()).shape == (3, 0)
    with pytest.raises(ValueError, match="whole numbers as times have no calendar"):
        tables.calendar(pd.RangeIndex(3), ("hour",))
    with pytest.raises(
        ValueError, match="unknown calendar feature 'moon': choose one of hour, dayofweek"
    ):
        tables.calendar(ds, ("moon",))
