"""Forecasting in the field's own interface: a long table in, a long table of points and quantiles out, and backtests of it.

A forecaster has `fit(table)` and `predict(horizon)`; `backtest` moves the origin, the last time that is known, through a table.
Tables: rnnlib/tables.py.  Forecasters without a network: rnnlib/classical.py; on windows, recurrent ones too: rnnlib/windowed.py.
"""

import copy
from typing import NamedTuple

import numpy as np
import pandas as pd

from rnnlib import checks, leaks, metrics, series
from rnnlib.quantiles import error_quantiles as error_quantiles
from rnnlib.quantiles import errors_needed as errors_needed

LEVELS = (0.05, 0.5, 0.95)  # quantiles that forecasters give unless told otherwise


class View(NamedTuple):
    """One series up to its origin; only what is known in advance goes on after it."""

    key: object  # its unique_id
    ds: pd.Index  # (T,)
    step: object  # between two times
    y: np.ndarray  # (T,) NaN where missing
    past: np.ndarray  # (T, P) columns that are known up to the origin
    known: np.ndarray  # (T + steps ahead, F) columns that are known in advance, then the calendar


class Forecaster:
    """What forecasters share: the doors.  A child has `_learn(views)` and `_paths(views, horizon)` -> a list of (horizon, 1 + Q).

    levels    quantiles that `predict` gives besides the point forecast, rising
    known     columns of the table that are known in advance (holidays): `predict` asks for their coming values
    past      columns that are known up to the origin only (other measurements)
    calendar  features of the time itself, see `series.calendar`
    """

    gaps = False  # may numbers be missing?

    def __init__(self, levels=LEVELS, known=(), past=(), calendar=()):
        self.levels = metrics.levels(levels)
        for columns, what in ((known, "known"), (past, "past"), (calendar, "calendar")):
            if isinstance(columns, str):
                raise TypeError(f"{what} lists columns: {what}=({columns!r},)")
        self.known, self.past, self.calendar = tuple(known), tuple(past), tuple(calendar)

    def fit(self, table):
        """Learns from a long table, all of it; returns self."""
        views = self._views(table)
        leaks.check_known(views, self.known)
        return self._fit(views)

    def _fit(self, views):
        self._learn(views)
        self.views_ = views
        return self

    def predict(self, horizon, known=None, history=None):
        """The next `horizon` steps of each series: a table `unique_id, ds, forecast, q0.05, ...`, one column for each level.

        known    table `unique_id, ds` and the known columns, for the steps ahead
        history  a long table that takes the place of the one of `fit`: newer values, nothing is learnt from them
        """
        horizon = self._reach(horizon)
        views = self._check_fitted() if history is None else self._views(history)
        views = [self._ahead(view, known, max(horizon, self._needs(horizon))) for view in views]
        found = []
        for view, path in zip(views, self._paths(views, horizon), strict=True):
            ds = series.ahead(view.ds, view.step, horizon)
            found.append(_columns({"unique_id": view.key, "ds": ds}, path, self.levels))
        return pd.concat(found, ignore_index=True)

    def _reach(self, horizon):
        return checks.positive(horizon, "horizon")

    def _needs(self, horizon):
        """Steps ahead for which known columns are read."""
        return horizon

    def _check_fitted(self):
        if not hasattr(self, "views_"):
            raise ValueError(f"this {type(self).__name__} has not been fitted: call fit(table) first")
        return self.views_

    def _views(self, table):
        return views_of(table, self.known, self.past, self.calendar, self.gaps)

    def _ahead(self, view, table, steps):
        """The view with the known columns of the steps ahead."""
        ds = series.ahead(view.ds, view.step, steps)
        coming = series.calendar(ds, self.calendar)
        if self.known:
            coming = np.hstack([_coming(view.key, ds, self.known, table), coming])
        return view._replace(known=np.vstack([view.known, coming]))


def views_of(table, known=(), past=(), calendar=(), gaps=False):
    """The series of a long table, checked: regular times in order, numbers, nothing missing that must be there."""
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"a long table is a pandas DataFrame, got {type(table).__name__}: series.table makes one"
        )
    columns = ["unique_id", "ds", "y", *known, *past]
    for name in columns:
        if name not in table:
            raise ValueError(f"no column {name!r} in the table: it has {', '.join(map(str, table.columns))}")
    if not (table["ds"].dtype.kind in "iuM" or isinstance(table["ds"].dtype, pd.DatetimeTZDtype)):
        raise TypeError(
            f"column 'ds' holds {table['ds'].dtype}, not dates or whole numbers: use series.table"
        )
    if not len(table):
        raise ValueError("the table has no rows")
    found = []
    for key, part in table.groupby("unique_id", sort=False):
        ds = pd.Index(part["ds"])
        late = np.flatnonzero(ds[1:] <= ds[:-1])
        if len(late):
            what = "twice" if ds[late[0]] == ds[late[0] + 1] else f"before {ds[late[0] + 1]}, out of order"
            raise ValueError(f"series {key!r} has {ds[late[0]]} {what}: series.table sorts and finds repeats")
        values = {
            name: _numbers(part[name], ds, name, key, gaps and name not in known) for name in columns[2:]
        }
        blocks = [
            np.stack([values[n] for n in names], 1) if names else np.zeros((len(ds), 0))
            for names in (past, known)
        ]
        blocks[1] = np.hstack([blocks[1], series.calendar(ds, calendar)])
        found.append(View(key, ds, series.step_of(ds, key), values["y"], *blocks))
    return found


def _numbers(column, ds, name, key, gaps):
    """A column as floats; errors name column, series and time."""
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise TypeError(f"column {name!r} holds {column.dtype}: encode it as numbers first")
    values = column.to_numpy(float, na_value=np.nan)
    bad = np.isinf(values) if gaps else ~np.isfinite(values)
    if np.isnan(values).all():
        raise ValueError(f"column {name!r} of series {key!r} holds no number at all: leave it out")
    if bad.any():
        raise ValueError(
            f"column {name!r} of series {key!r} is {values[bad][0]} at {ds[bad][0]} ({int(bad.sum())} such times): "
            "fill it, series.regularize(table, freq, fill='last'), or take a forecaster that masks what is missing"
        )
    return values


def _coming(key, ds, names, table):
    """Known columns (steps, F) of the times `ds`; errors name column and time."""
    if table is None:
        raise ValueError(
            f"columns {', '.join(names)} are known in advance: predict(horizon, known=table of coming values)"
        )
    for name in ("unique_id", "ds", *names):
        if name not in table:
            raise ValueError(
                f"no column {name!r} in the table of coming values, which must have all of known={names}"
            )
    rows = table[table["unique_id"] == key].set_index("ds")[list(names)]
    if rows.index.has_duplicates:
        raise ValueError(
            f"series {key!r} has {rows.index[rows.index.duplicated()][0]} twice in the table of coming values"
        )
    for name in names:
        if not (pd.api.types.is_numeric_dtype(rows[name]) or pd.api.types.is_bool_dtype(rows[name])):
            raise TypeError(
                f"column {name!r} of the coming values holds {rows[name].dtype}: encode it as numbers"
            )
    rows = rows.reindex(ds)
    for name in names:
        if rows[name].isna().any():
            raise ValueError(
                f"column {name!r} of series {key!r} is missing at {ds[rows[name].isna()][0]}, a step ahead"
            )
    return rows.to_numpy(float)


def _columns(start, path, levels):
    """A table of forecasts: what stands first, then point and quantiles."""
    names = ["forecast", *(f"q{level:g}" for level in levels)]
    return pd.DataFrame({**start, **dict(zip(names, path.T, strict=True))})


# ---- backtest


def backtest(model, table, horizon, *, origins, step=1, refit=False, prepare=None):
    """Forecasts from many origins -> table `unique_id, origin, step, ds, y, forecast, q...`; `y` is what came.

    origins  how many, the last ones that leave `horizon` steps to compare with; or a list of times
    step     steps between two origins
    refit    False: learn once, from what is known at the first origin; True: at each origin; n: at each n-th; None: never, `model`
             is fitted already
    prepare  what is done to the table first (a function table -> table): it must do the same when the future is not there

    At each origin the model gets nothing from after it but the columns that are known in advance.  Raises leaks.Leak where
    `prepare` looks ahead, where a known column is the target or a past one the target to come, or where a fitted model has seen what it is to forecast.
    The model that is passed in is left as it was.
    """
    if not isinstance(model, Forecaster):
        raise TypeError(f"backtest takes a Forecaster, got {type(model).__name__}")
    horizon, model = model._reach(horizon), copy.copy(model)
    needs = max(horizon, model._needs(horizon)) if model.known or model.calendar else horizon
    if refit is None:
        model._check_fitted()
    raw, table = table, table if prepare is None else prepare(table)
    views = model._views(table)
    leaks.check_known(views, model.known)
    leaks.check_past(views, model.past, horizon)
    times = _origins(views, origins, checks.positive(step, "step"), needs)
    found, waiting = [], []
    for number, time in enumerate(times):
        if prepare is not None:
            leaks.check_preparation(prepare, raw, time, model.known, horizon)
        places = [(view, view.ds.searchsorted(time, side="right")) for view in views]
        places = [(view, t) for view, t in places if t and t + needs <= len(view.ds)]
        if not places:
            raise ValueError(f"no series has a value at or before {time} and {needs} steps after it")
        if refit is None:
            leaks.check_trained(model.views_, time)
        elif number == 0 or (refit and number % int(refit) == 0):
            found += _forecast(model, waiting, horizon)
            waiting = []
            model._fit([_until(view, t, 0) for view, t in places])
        waiting += [(view, t, _until(view, t, needs)) for view, t in places]
    found += _forecast(model, waiting, horizon)
    return pd.concat(found, ignore_index=True)


def _origins(views, origins, step, needs):
    """The times of the origins, rising."""
    if not isinstance(origins, (int, np.integer)):
        if not len(origins):
            raise ValueError("origins is empty: how many, or a list of times")
        return sorted(origins)
    longest = max(views, key=lambda view: view.ds[-1])
    last = len(longest.ds) - 1 - needs
    first = last - step * (checks.positive(origins, "origins") - 1)
    if first < 1:
        raise ValueError(
            f"series {longest.key!r} has {len(longest.ds)} steps, too few for {origins} origins {step} apart and {needs} steps after "
            "the last: fewer origins, a smaller step or a shorter horizon"
        )
    return [longest.ds[t] for t in range(first, last + 1, step)]


def _until(view, t, needs):
    return view._replace(ds=view.ds[:t], y=view.y[:t], past=view.past[:t], known=view.known[: t + needs])


def _forecast(model, waiting, horizon):
    """Tables of forecasts for (whole view, t, view up to its step t)."""
    if not waiting:
        return []
    found = []
    for (view, t, _), path in zip(
        waiting, model._paths([part for *_, part in waiting], horizon), strict=True
    ):
        start = {"unique_id": view.key, "origin": view.ds[t - 1], "step": np.arange(1, horizon + 1)}
        start |= {"ds": view.ds[t : t + horizon], "y": view.y[t : t + horizon]}
        found.append(_columns(start, path, model.levels))
    return found


def scores(found, table, *, m, by=None):
    """What a backtest says: a table of MAE, RMSE, MASE, pinball loss, CRPS, and coverage of the outermost interval.

    table  the long table of the backtest, whose part up to the first origin gives the scale of MASE
    m      steps in a season for MASE (1: none), always said: the number depends on it
    by     a column, "step" or "unique_id", to score apart; None: all together
    Steps whose `y` is missing are left out.
    """
    names = [name for name in found if name.startswith("q") and name != "q"]
    levels, m = metrics.levels([float(name[1:]) for name in names]), checks.positive(m, "m")
    found, scale = found[found["y"].notna()], {}
    for key, part in table.groupby("unique_id", sort=False):
        y = part.loc[part["ds"] <= found["origin"].min(), "y"].to_numpy(float)
        scale[key] = metrics.naive_scale(y, m, f"series {key!r}")
    rows = {}
    for value, part in [("all", found)] if by is None else found.groupby(by, sort=True):
        y, q = part["y"].to_numpy(), part[names].to_numpy()
        error = np.abs(y - part["forecast"].to_numpy())
        rows[value] = {
            "forecasts": len(part),
            "MAE": error.mean(),
            "RMSE": np.sqrt((error**2).mean()),
            "MASE": (error / part["unique_id"].map(scale).to_numpy(float)).mean(),
            "pinball": metrics.pinball(y, q, levels),
            "CRPS": metrics.crps_quantiles(y, q, levels),
            "coverage": metrics.coverage(y, q[:, 0], q[:, -1]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
