"""Series of a long table as forecasters see them: checked, in NumPy, and cut at an origin."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from rnnlib.core import packing
from rnnlib.forecasting import tables

LARGEST = 1e150  # what is larger has no square among floats


class SeriesSlice(NamedTuple):
    """One series up to its origin; only what is known in advance goes on after it."""

    key: object  # its unique_id
    ds: pd.Index  # (T,)
    step: object  # between two times
    y: np.ndarray  # (T,) NaN where missing
    past: np.ndarray  # (T, P) columns that are known up to the origin
    known: np.ndarray  # (T + steps ahead, F) columns that are known in advance, then the calendar


def split_panel(table, known=(), past=(), calendar=(), gaps=False):
    """The series of a long table, checked: regular times in order, numbers, nothing missing that
    must be there.
    """
    columns = ["unique_id", "ds", "y", *known, *past]
    tables.check_long(table, columns)
    if not (table["ds"].dtype.kind in "iuM" or isinstance(table["ds"].dtype, pd.DatetimeTZDtype)):
        raise TypeError(
            f"column 'ds' holds {table['ds'].dtype}, not dates or whole numbers: use "
            "forecasting.table"
        )
    tables.check_times(table["ds"])
    found = []
    for key, part in table.groupby("unique_id", sort=False):
        ds = pd.Index(part["ds"])
        late = np.flatnonzero(ds[1:] <= ds[:-1])
        if len(late):
            if ds[late[0]] == ds[late[0] + 1]:
                what = "twice"
            else:
                what = f"before {ds[late[0] + 1]}, out of order"
            raise ValueError(
                f"series {key!r} has {ds[late[0]]} {what}: forecasting.table sorts and finds "
                "repeats"
            )
        values = {
            name: check_column_numbers(part[name], ds, name, key, gaps and name not in known)
            for name in columns[2:]
        }
        blocks = [
            np.stack([values[n] for n in names], 1) if names else np.zeros((len(ds), 0))
            for names in (past, known)
        ]
        blocks[1] = np.hstack([blocks[1], tables.calendar(ds, calendar)])
        found.append(SeriesSlice(key, ds, tables.step_of(ds, key), values["y"], *blocks))
    return found


def check_column_numbers(column, ds, name, key, gaps):
    """A column as floats; errors name column, series and time."""
    tables.check_numbers(column, name)
    values = column.to_numpy(float, na_value=np.nan)
    if gaps:
        bad = np.isinf(values)
    else:
        bad = ~np.isfinite(values)
    if np.isnan(values).all():
        raise ValueError(f"column {name!r} of series {key!r} holds no number at all: leave it out")
    if bad.any():
        raise ValueError(
            f"column {name!r} of series {key!r} is {values[bad][0]} at {ds[bad][0]} "
            f"({int(bad.sum())} such times): fill it, forecasting.regularize(table, freq, "
            "fill='last'), or take a forecaster that masks what is missing"
        )
    large = np.abs(values) > LARGEST
    if large.any():
        raise ValueError(
            f"column {name!r} of series {key!r} is {values[large][0]:g} at {ds[large][0]}, too "
            "large to be squared: give it in other units"
        )
    return values


def future_values(key, ds, names, table):
    """Known columns (steps, F) of the times `ds`; errors name column and time."""
    if table is None:
        raise ValueError(
            f"columns {', '.join(names)} are known in advance: predict(horizon, known=table of "
            "coming values)"
        )
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"coming values are a pandas DataFrame, got {type(table).__name__}")
    for name in ("unique_id", "ds", *names):
        if name not in table:
            raise ValueError(
                f"no column {name!r} in the table of coming values, which must have all of "
                f"known={names}"
            )
    have = table["ds"].dtype
    if not (tables.same_kind_of_times(have, ds.dtype)):
        raise TypeError(
            f"column 'ds' of the coming values holds {have}, that of the series {ds.dtype}: make "
            "them alike, forecasting.table reads dates"
        )
    rows = table[table["unique_id"] == key].set_index("ds")[list(names)]
    if rows.index.has_duplicates:
        raise ValueError(
            f"series {key!r} has {rows.index[rows.index.duplicated()][0]} twice in the table of "
            "coming values"
        )
    for name in names:
        tables.check_numbers(rows[name], name, " of the coming values")
    rows = rows.reindex(ds)
    for name in names:
        _check_coming(rows[name], key, ds, name)
    return rows.to_numpy(float)


def _check_coming(column, key, ds, name):
    """ValueError names the time of a known column where a coming value is missing or infinite."""
    if column.isna().any():
        raise ValueError(
            f"column {name!r} of series {key!r} is missing at {ds[column.isna()][0]}, a step ahead"
        )
    infinite = np.isinf(column.to_numpy(float))
    if infinite.any():
        raise ValueError(
            f"column {name!r} of series {key!r} is inf at {ds[infinite][0]}, a step ahead"
        )


def _plain_times(times):
    if times.tz is None:
        zone = None
    else:
        zone = str(times.tz)
    return {"values": np.asarray(times.asi8), "unit": times.unit, "zone": zone, "name": times.name}


def _times_of(plain):
    times = pd.DatetimeIndex(plain["values"].view(f"M8[{plain['unit']}]"), name=plain["name"])
    if plain["zone"] is None:
        return times
    return times.tz_localize("UTC").tz_convert(plain["zone"])


def _plain_time(time):
    return _plain_times(pd.DatetimeIndex([time]))


def _time_of(plain):
    return _times_of(plain)[0]


def _plain_index(index):
    return {"values": index.to_numpy(), "name": index.name}


def _index_of(plain):
    return pd.Index(plain["values"], name=plain["name"])


def _plain_step(step):
    return step.freqstr


packing.register(SeriesSlice)
packing.register(pd.Index, _plain_index, _index_of)
packing.register(pd.DatetimeIndex, _plain_times, _times_of)
packing.register(pd.Timestamp, _plain_time, _time_of)
packing.register(pd.tseries.offsets.BaseOffset, _plain_step, pd.tseries.frequencies.to_offset)
