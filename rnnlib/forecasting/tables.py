"""Long tables: series in time on a regular grid.

A long table is a pandas DataFrame with a row for each series and time: columns `unique_id` (which
series), `ds` (when: datetimes or whole numbers, such as years), `y` (the target) and any others.
What forecasts from it: rnnlib/forecasting/backtesting.py.
"""

import warnings
from datetime import timedelta

import numpy as np
import pandas as pd

from rnnlib.core import validation

PERIODS = {  # calendar feature -> (how far through its period a time is, from 0 to below 1)
    "hour": lambda ds: (ds.hour + ds.minute / 60) / 24,
    "dayofweek": lambda ds: (ds.day_of_week + ds.hour / 24) / 7,
    "dayofyear": lambda ds: (ds.day_of_year - 1 + ds.hour / 24) / (365 + ds.is_leap_year),
    "month": lambda ds: (ds.month - 1) / 12,
}


def table(data, ds=None, y=None, unique_id=None):
    """A long table from a DataFrame whose columns have other names, or from a Series with times as
    index.

    ds, y, unique_id  names of the columns that hold them (default: those very names); a table
                      without `unique_id` is one series
    Dates in text are read as pandas reads them, 01/02/2024 as the second of January; rows are put
    in the order of time. Other columns stay as they are.
    """
    if isinstance(data, pd.Series):
        data = pd.DataFrame({"ds": data.index, "y": data.to_numpy()})
    if not isinstance(data, pd.DataFrame):
        raise TypeError(
            f"a table is made from a pandas DataFrame or Series, got {type(data).__name__}"
        )
    _check_once(data)
    names: dict = {}
    for what, name in (
        ("ds", ds or "ds"),
        ("y", y or "y"),
        ("unique_id", unique_id or "unique_id"),
    ):
        if name in names:
            raise ValueError(f"column {name!r} is given for {names[name]} and for {what}")
        if name not in data and (what != "unique_id" or unique_id):
            raise ValueError(
                f"no column {name!r} for {what}: the data have "
                f"{', '.join(map(str, data.columns))}{_where(data, name, what)}; "
                f"table(data, {what}=NAME) says which it is"
            )
        names[name] = what
    for name, what in names.items():
        if what in data and what not in names:
            raise ValueError(
                f"column {name!r} is to be {what!r}, but there is a column {what!r} already: drop "
                "or rename it"
            )
    data = data.rename(columns=names)
    if "unique_id" not in data:
        data.insert(0, "unique_id", str(y or "series"))
    check_long(data)
    return _sorted(data.assign(ds=_times(data["ds"])))


def check_long(data, columns=("unique_id", "ds")):
    """A DataFrame with these columns, each once, and rows that say which series they belong to."""
    if not isinstance(data, pd.DataFrame):
        raise TypeError(
            f"a long table is a pandas DataFrame, got {type(data).__name__}: forecasting.table "
            "makes one"
        )
    _check_once(data)
    for name in columns:
        if name not in data:
            raise ValueError(
                f"no column {name!r} in the table: it has "
                f"{', '.join(map(str, data.columns))}{_where(data, name, name)}"
            )
    if not len(data):
        raise ValueError("the table has no rows")
    lost = data["unique_id"].isna().to_numpy()
    if lost.any():
        raise ValueError(
            f"column 'unique_id' is missing in row {data.index[lost][0]}: say which series the "
            "row belongs to, or drop it"
        )


def _check_once(data):
    twice = data.columns[data.columns.duplicated()]
    if len(twice):
        raise ValueError(f"column {twice[0]!r} is there twice: rename or drop one")


def _where(data, name, what):
    """Where a column that is not there may be."""
    if name in data.index.names:
        return f"; the index is called {name!r}: reset_index() makes it a column"
    if what == "ds" and isinstance(data.index, pd.DatetimeIndex):
        return "; the index holds dates: table.rename_axis('ds').reset_index() makes them a column"
    if what == "unique_id":
        return "; forecasting.table adds it to a single series"
    return ""


def check_times(ds):
    """No time is missing."""
    if ds.isna().any():
        raise ValueError(f"column 'ds' has no time in row {ds.index[ds.isna()][0]}: drop such rows")


def check_numbers(column, name, of=""):
    """A column of real numbers or bools, by its dtype."""
    if not pd.api.types.is_numeric_dtype(column) or column.dtype.kind == "c":
        raise TypeError(f"column {name!r}{of} holds {column.dtype}: encode it as numbers first")


def same_kind_of_times(one, other):
    """Are two dtypes of times comparable: whole numbers both, or dates both with or both without a
    zone?
    """
    if one.kind == other.kind == "M":
        return (getattr(one, "tz", None) is None) == (getattr(other, "tz", None) is None)
    return one.kind in "iu" and other.kind in "iu"


def _times(ds):
    """Datetimes of one time zone, or whole numbers; ValueError names what is neither."""
    check_times(ds)
    if ds.dtype.kind in "iu" or ds.dtype.kind == "M" or isinstance(ds.dtype, pd.DatetimeTZDtype):
        return ds
    if ds.dtype.kind in "fb":
        raise TypeError(
            f"column 'ds' holds {ds.dtype}, such as {ds.iloc[0]!r}: times are dates or whole "
            "numbers"
        )
    try:
        return pd.to_datetime(ds)
    except (ValueError, TypeError) as error:
        if "zone" in str(error).lower() or "tz-" in str(error).lower():
            first = next(
                i
                for i, t in enumerate(ds)
                if pd.Timestamp(t).utcoffset() != pd.Timestamp(ds.iloc[0]).utcoffset()
            )
            raise ValueError(
                f"column 'ds' mixes time zones, {ds.iloc[0]} and {ds.iloc[first]}: "
                "read it with pd.to_datetime(..., utc=True) and convert it to one zone"
            ) from None
        raise ValueError(f"column 'ds' holds what is no date: {error}") from None


def _sorted(data):
    """Rows by series, then time; ValueError where a series has a time twice."""
    data = data.sort_values(["unique_id", "ds"], kind="stable").reset_index(drop=True)
    twice = data.duplicated(["unique_id", "ds"])
    if twice.any():
        row = data[twice].iloc[0]
        if isinstance(row["ds"], pd.Timestamp):
            hint = "an hour repeats where summer time ends: keep UTC; "
        else:
            hint = ""
        raise ValueError(
            f"series {row['unique_id']!r} has {row['ds']} twice ({int(twice.sum())} rows too "
            f"many): {hint}average or drop repeats, for instance drop_duplicates(['unique_id', "
            "'ds'])"
        )
    return data


def regularize(data, freq, fill=None):
    """The long table with a row for each step from a series' first time to its last, which
    forecasters ask for.

    freq  the step: pandas' name ("D", "h", "W-SAT", "MS"), or a whole number where `ds` holds
          numbers
    fill  what to put where numbers are missing: None leaves NaN, "last" repeats the one before, a
          number is put in itself, "linear" draws a line to the next one, which looks into the
          future: `forecasting.check_preparation` tells where that matters
    Missing times are added with NaN before filling; a text column repeats what stood before.
    """
    check_long(data)
    if "y" in data:
        check_numbers(data["y"], "y")
    data = _sorted(data.assign(ds=_times(data["ds"])))
    number = isinstance(fill, (int, float)) and not isinstance(fill, bool) and np.isfinite(fill)
    if not (fill is None or fill in ("last", "linear") or number):
        raise ValueError(f"fill={fill!r}: choose None, 'last', 'linear' or a number")
    parts = []
    for key, part in data.groupby("unique_id", sort=False):
        part = part.set_index("ds")
        whole = part.reindex(_grid(part.index, freq, key)).rename_axis("ds").reset_index()
        text = [
            name
            for name in whole
            if name != "ds" and not pd.api.types.is_numeric_dtype(whole[name])
        ]
        rest = [name for name in whole if name not in (*text, "ds")]
        whole[text] = whole[text].ffill()
        empty = [name for name in rest if part[name].isna().all()]
        if empty and fill is not None:
            raise ValueError(
                f"column {empty[0]!r} of series {key!r} holds no number at all: leave it out"
            )
        if fill == "last":
            whole[rest] = whole[rest].ffill()
        elif fill == "linear":
            whole[rest] = whole[rest].interpolate(limit_area="inside")
        elif fill is not None:
            whole[rest] = whole[rest].fillna(fill)
        parts.append(whole[data.columns])
    return pd.concat(parts, ignore_index=True)


def _grid(index, freq, key):
    """Every step from the first time to the last."""
    if index.dtype.kind in "iu":
        step = validation.positive(freq, "freq (the step of whole numbers)")
        grid = pd.RangeIndex(index[0], index[-1] + 1, step)
    else:
        try:
            ok = isinstance(freq, (str, timedelta, pd.tseries.offsets.BaseOffset))
            if ok:
                step = pd.tseries.frequencies.to_offset(freq)
            else:
                step = None
        except ValueError:
            step = None
        if step is None:
            raise ValueError(
                f"freq={freq!r} is no step of dates: one of pandas' names, such as 'h', 'D', "
                "'W-SAT', 'MS'"
            )
        grid = pd.date_range(index[0], index[-1], freq=step)
    off = ~index.isin(grid)
    if off.any():
        raise ValueError(
            f"series {key!r} has {index[off][0]}, which is no step of freq={freq!r} from "
            f"{index[0]} on: round or resample the times first"
        )
    return grid


def step_of(index, key="series"):
    """The step between the times of one series: a whole number, or pandas' offset.

    ValueError names the first gap.
    """
    if index.dtype.kind in "iu":
        steps = np.diff(index)
        if len(steps):
            step = int(np.median(steps))
        else:
            step = 1
        bad = np.flatnonzero(steps != step)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas 3 announces another type of answer
            if len(index) > 2:
                step = pd.infer_freq(index)
            else:
                step = None
        if step is not None:
            return pd.tseries.frequencies.to_offset(step)
        if len(index) < 3:
            raise ValueError(
                f"series {key!r} has {len(index)} times: at least 3 are needed to see its step"
            )
        steps = np.diff(index.as_unit("ns").asi8)
        bad = np.flatnonzero(steps > np.median(steps))
        if not len(bad):
            bad = np.flatnonzero(steps != np.median(steps))
    if len(bad):
        raise ValueError(
            f"series {key!r} has a gap between {index[bad[0]]} and {index[bad[0] + 1]}: "
            "make a regular grid first, forecasting.regularize(table, freq=...)"
        )
    return step


def times_ahead(index, step, horizon):
    """The `horizon` times after the last of `index`."""
    if index.dtype.kind in "iu":
        return pd.RangeIndex(index[-1] + step, index[-1] + step * (horizon + 1), step)
    return pd.date_range(index[-1], periods=horizon + 1, freq=step)[1:]


def calendar(ds, names):
    """Where each time (T,) stands in its day, week or year, (T, 2 for each order of each name):
    sine, cosine.

    names  of "hour", "dayofweek", "dayofyear", "month", each alone or with an order, ("dayofyear",
           3): that many waves
    """
    ds = pd.Index(ds)
    found = []
    if len(names) and ds.dtype.kind in "iu":
        raise ValueError(
            "whole numbers as times have no calendar: leave calendar= out, or make ds "
            "dates, pd.to_datetime(ds)"
        )
    for spec in names:
        if isinstance(spec, (tuple, list)):
            name, order = spec
        else:
            name = spec
            order = 1
        phase = (
            2
            * np.pi
            * np.asarray(PERIODS[validation.choice(name, PERIODS, "calendar feature")](ds), float)
        )
        for k in range(1, validation.positive(order, f"order of {name}") + 1):
            found += [np.sin(k * phase), np.cos(k * phase)]
    if found:
        return np.stack(found, axis=1)
    return np.zeros((len(ds), 0))
