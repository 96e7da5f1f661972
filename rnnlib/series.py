"""Series in time: long tables on a regular grid, splits that respect time, scaling fitted on the past, windows that never straddle.

A long table is a pandas DataFrame with a row for each series and time: columns `unique_id` (which series), `ds` (when: datetimes or
whole numbers, such as years), `y` (the target) and any others.  What forecasts from it: rnnlib/forecast.py.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

from rnnlib import checks


class Windows(NamedTuple):
    """Examples for a forecaster: what is known and what comes next."""

    x: np.ndarray  # (N, n_in, D) float64, the last n_in steps up to the origin
    y: np.ndarray  # (N, horizon) float64, the next steps of the target column
    origin: (
        np.ndarray
    )  # (N,) int64, position in `values` of the last known step; -1 is the last step of `history`


def split(series, fractions=None, at=None, gap=0):
    """The parts of a series in the order of time, e.g. `train, valid, test = split(y, (0.7, 0.15, 0.15))`.

    series     array (T, ...), pandas Series or DataFrame: its parts come back; or the number of steps T: slices come back
    fractions  share of each part, summing to 1
    at         instead: where each part but the first begins; labels of a pandas index (years, dates), else positions
    gap        steps left out before each cut (from the earlier part, so that the later ones do not depend on it)
    """
    if (fractions is None) == (at is None):
        raise ValueError(
            "a split needs either fractions=(0.7, 0.15, 0.15) or at=(first step of each later part)"
        )
    steps = checks.positive(series, "the number of steps") if np.ndim(series) == 0 else len(series)
    if not isinstance(gap, (int, np.integer)) or gap < 0:
        raise ValueError(f"gap must be 0 or more steps, got {gap!r}")
    cuts = _cuts_of_fractions(fractions, steps) if at is None else _cuts_at(at, series)
    edges = [0, *cuts, steps]
    parts = []
    for k, (first, last) in enumerate(zip(edges, edges[1:], strict=False)):
        last = last - gap if k < len(cuts) else last
        if last <= first:
            raise ValueError(
                f"part {k} of the split is empty: cuts at {cuts} of {steps} steps with a gap of {gap}"
            )
        parts.append(slice(first, last))
    if np.ndim(series) == 0:
        return tuple(parts)
    return tuple(series.iloc[part] if hasattr(series, "iloc") else series[part] for part in parts)


def _cuts_of_fractions(fractions, steps):
    shares = checks.numbers(fractions, "fractions")
    if shares.ndim != 1 or not (shares > 0).all() or not abs(shares.sum() - 1) <= 1e-9:
        raise ValueError(
            f"fractions must be positive and sum to 1, got {fractions} with sum {shares.sum():g}"
        )
    return [round(share * steps) for share in np.cumsum(fractions)[:-1]]


def _cuts_at(at, series):
    if np.ndim(at) != 1:
        raise ValueError(f"at must list the first step of each later part, at=(5, 8), got {at!r}")
    index = getattr(series, "index", None)
    if index is None or np.ndim(series) == 0:
        return [checks.positive(position, "a position in at") for position in at]
    if not index.is_monotonic_increasing:
        raise ValueError(
            "the index of the series is not in the order of time: sort it first (`sort_index()`)"
        )
    return [int(index.searchsorted(label)) for label in at]


class Standardizer:
    """Subtracts the mean and divides by the standard deviation of the training part, column by column.

    `fit(train)` sets `mean_` and `scale_`, (D,) in the units of the data; (T,) counts as one column.
    """

    def fit(self, values):
        """Learns from `values` (T,) or (T, D), which must be the training part alone."""
        values = _columns(values, "values")
        scale = values.std(axis=0)
        flat = np.flatnonzero(scale <= 1e-12 * np.abs(values).max(axis=0))
        if len(flat):
            raise ValueError(
                f"column {flat[0]} is constant ({values[0, flat[0]]:g}) and cannot be scaled: leave it out"
            )
        self.mean_, self.scale_ = values.mean(axis=0), scale
        return self

    def transform(self, values):
        """(value - mean_) / scale_, in the shape of `values`."""
        values = self._fitting(values, None)
        return (values - self.mean_) / self.scale_

    def inverse_transform(self, values, column=None):
        """Back to the units of the data; `column` says which one `values` of any shape (forecasts, say) are of."""
        values = self._fitting(values, column)
        chosen = slice(None) if column is None else column
        return values * self.scale_[chosen] + self.mean_[chosen]

    def fit_transform(self, values):
        """`fit` and `transform` of the training part."""
        return self.fit(values).transform(values)

    def _fitting(self, values, column):
        if not hasattr(self, "mean_"):
            raise ValueError("this Standardizer has not been fitted: call fit(train) first")
        values = checks.finite(np.asarray(values, float), "values")
        if column is None and len(self.mean_) > 1 and values.shape[-1:] != self.mean_.shape:
            raise ValueError(
                f"values of shape {values.shape} do not end in the {len(self.mean_)} columns of the fit; "
                "column= says which one they are of"
            )
        return values


def windows(values, n_in, horizon=1, target=0, history=None):
    """All windows of a part -> Windows(x (N, n_in, D), y (N, horizon), origin (N,)).

    values   (T,) or (T, D), one part of a split: no target lies outside it
    target   the column that y is taken from
    history  the steps right before `values`, if these may serve as inputs (they are known when a later part is forecast)
    """
    checks.positive(n_in, "n_in")
    checks.positive(horizon, "horizon")
    values = _columns(values, "values")
    if target not in range(values.shape[1]):
        raise ValueError(
            f"target column {target!r} of {values.shape[1]}: expected 0 to {values.shape[1] - 1}"
        )
    past = _columns(history, "history")[-n_in:] if history is not None else values[:0]
    if past.shape[1] != values.shape[1]:
        raise ValueError(f"history has {past.shape[1]} columns, values have {values.shape[1]}")
    known = np.concatenate([past, values])
    first = np.arange(len(known) - n_in - horizon + 1)[:, None]  # (N, 1) first input step
    if len(first) == 0:
        raise ValueError(f"{len(known)} steps hold no window of {n_in} + {horizon}: shorten n_in or horizon")
    x = known[first + np.arange(n_in)]  # (N, n_in, D)
    y = known[first + n_in + np.arange(horizon), target]  # (N, horizon)
    return Windows(x, y, first[:, 0] + n_in - 1 - len(past))


def _columns(values, what):
    """(T, D) float64 without NaN, from (T,) or (T, D)."""
    values = np.asarray(values, float)
    if values.ndim == 1:
        values = values[:, None]
    checks.rank(values.shape, "(T, D)", what)
    return checks.finite(values, what)


# ---- long tables

PERIODS = {  # calendar feature -> (how far through its period a time is, from 0 to below 1)
    "hour": lambda ds: (ds.hour + ds.minute / 60) / 24,
    "dayofweek": lambda ds: (ds.day_of_week + ds.hour / 24) / 7,
    "dayofyear": lambda ds: (ds.day_of_year - 1 + ds.hour / 24) / (365 + ds.is_leap_year),
    "month": lambda ds: (ds.month - 1) / 12,
}


def table(data, ds=None, y=None, unique_id=None):
    """A long table from a DataFrame whose columns have other names, or from a Series with times as index.

    ds, y, unique_id  names of the columns that hold them (default: those very names); a table without `unique_id` is one series
    Dates in text are read, rows are put in the order of time.  Other columns stay as they are.
    """
    if isinstance(data, pd.Series):
        data = pd.DataFrame({"ds": data.index, "y": data.to_numpy()})
    if not isinstance(data, pd.DataFrame):
        raise TypeError(f"a table is made from a pandas DataFrame or Series, got {type(data).__name__}")
    names = {ds or "ds": "ds", y or "y": "y", unique_id or "unique_id": "unique_id"}
    for name, what in names.items():
        if name not in data and (what != "unique_id" or unique_id):
            raise ValueError(
                f"no column {name!r} for {what}: the data have {', '.join(map(str, data.columns))}"
            )
    data = data.rename(columns=names)
    if "unique_id" not in data:
        data.insert(0, "unique_id", str(y or "series"))
    return _sorted(data.assign(ds=_times(data["ds"])))


def _times(ds):
    """Datetimes of one time zone, or whole numbers; ValueError names what is neither."""
    if ds.isna().any():
        raise ValueError(f"column 'ds' has no time in row {ds.index[ds.isna()][0]}: drop such rows")
    if ds.dtype.kind in "iu" or ds.dtype.kind == "M" or isinstance(ds.dtype, pd.DatetimeTZDtype):
        return ds
    if ds.dtype.kind in "fb":
        raise TypeError(
            f"column 'ds' holds {ds.dtype}, such as {ds.iloc[0]!r}: times are dates or whole numbers"
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
        hint = (
            "an hour repeats where summer time ends: keep UTC; "
            if isinstance(row["ds"], pd.Timestamp)
            else ""
        )
        raise ValueError(
            f"series {row['unique_id']!r} has {row['ds']} twice ({int(twice.sum())} rows too many): {hint}"
            "average or drop repeats, for instance drop_duplicates(['unique_id', 'ds'])"
        )
    return data


def regularize(data, freq, fill=None):
    """The long table with a row for each step from a series' first time to its last, which forecasters ask for.

    freq  the step: pandas' name ("D", "h", "W-SAT", "MS"), or a whole number where `ds` holds numbers
    fill  what to put where numbers are missing: None leaves NaN, "last" repeats the one before, a number is put in itself, "linear"
          draws a line to the next one, which looks into the future: `leaks.check_preparation` tells where that matters
    Missing times are added with NaN before filling; a text column repeats what stood before.
    """
    data = _sorted(data.assign(ds=_times(data["ds"])))
    if not (fill is None or fill in ("last", "linear") or isinstance(fill, (int, float))):
        raise ValueError(f"fill={fill!r}: choose None, 'last', 'linear' or a number")
    parts = []
    for key, part in data.groupby("unique_id", sort=False):
        part = part.set_index("ds")
        whole = part.reindex(_grid(part.index, freq, key)).rename_axis("ds").reset_index()
        text = [name for name in whole if name != "ds" and not pd.api.types.is_numeric_dtype(whole[name])]
        rest = [name for name in whole if name not in (*text, "ds")]
        whole[text] = whole[text].ffill()
        empty = [name for name in rest if part[name].isna().all()]
        if empty and fill is not None:
            raise ValueError(f"column {empty[0]!r} of series {key!r} holds no number at all: leave it out")
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
        step = checks.positive(freq, "freq (the step of whole numbers)")
        grid = pd.RangeIndex(index[0], index[-1] + 1, step)
    else:
        grid = pd.date_range(index[0], index[-1], freq=freq)
    off = ~index.isin(grid)
    if off.any():
        raise ValueError(
            f"series {key!r} has {index[off][0]}, which is no step of freq={freq!r} from {index[0]} on: "
            "round or resample the times first"
        )
    return grid


def step_of(index, key="series"):
    """The step between the times of one series: a whole number, or pandas' offset.  ValueError names the first gap."""
    if index.dtype.kind in "iu":
        steps = np.diff(index)
        step = int(np.median(steps)) if len(steps) else 1
        bad = np.flatnonzero(steps != step)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas 3 announces another type of answer
            step = pd.infer_freq(index) if len(index) > 2 else None
        if step is not None:
            return pd.tseries.frequencies.to_offset(step)
        if len(index) < 3:
            raise ValueError(f"series {key!r} has {len(index)} times: at least 3 are needed to see its step")
        steps = np.diff(index.as_unit("ns").asi8)
        bad = np.flatnonzero(steps > np.median(steps))
        bad = bad if len(bad) else np.flatnonzero(steps != np.median(steps))
    if len(bad):
        raise ValueError(
            f"series {key!r} has a gap between {index[bad[0]]} and {index[bad[0] + 1]}: "
            "make a regular grid first, series.regularize(table, freq=...)"
        )
    return step


def ahead(index, step, horizon):
    """The `horizon` times after the last of `index`."""
    if index.dtype.kind in "iu":
        return pd.RangeIndex(index[-1] + step, index[-1] + step * (horizon + 1), step)
    return pd.date_range(index[-1], periods=horizon + 1, freq=step)[1:]


def calendar(ds, names):
    """Where each time (T,) stands in its day, week or year, (T, 2 for each order of each name): sine, cosine.

    names  of "hour", "dayofweek", "dayofyear", "month", each alone or with an order, ("dayofyear", 3): that many waves
    """
    ds, found = pd.Index(ds), []
    if len(names) and ds.dtype.kind in "iu":
        raise ValueError("whole numbers as times have no calendar: leave calendar out, or make ds dates")
    for spec in names:
        name, order = spec if isinstance(spec, (tuple, list)) else (spec, 1)
        phase = 2 * np.pi * np.asarray(PERIODS[checks.choice(name, PERIODS, "calendar feature")](ds), float)
        for k in range(1, checks.positive(order, f"order of {name}") + 1):
            found += [np.sin(k * phase), np.cos(k * phase)]
    return np.stack(found, axis=1) if found else np.zeros((len(ds), 0))
