"""Forecasting in the field's own interface: a long table in, a long table of points and quantiles out, and backtests of it.

A forecaster has `fit(table)` and `predict(horizon)`; `backtest` moves the origin, the last time that is known, through a table.
A series of a panel is forecast from the origins that lie in it and leave enough steps; one that has none is named and refused.
Tables: rnnlib/tables.py; series of a table: rnnlib/views.py.  Forecasters without a network: rnnlib/classical.py; on windows,
recurrent ones too: rnnlib/windowed.py.
"""

import copy
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from rnnlib import checks, leaks, metrics, series, tables
from rnnlib.quantiles import error_quantiles as error_quantiles
from rnnlib.quantiles import errors_needed as errors_needed
from rnnlib.views import View as View
from rnnlib.views import coming_of
from rnnlib.views import views_of as views_of

LEVELS = (0.05, 0.5, 0.95)  # quantiles that forecasters give unless told otherwise


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
            if not isinstance(columns, Iterable):
                raise TypeError(f"{what} lists columns: () for none, got {columns!r}")
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
        views = self._check_fitted() if history is None else self._newer(history)
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

    def _newer(self, history):
        """The series of `history`, which go in the steps of those of `fit`."""
        steps, views = {view.key: view.step for view in self._check_fitted()}, self._views(history)
        for view in views:
            fitted = steps.get(view.key, view.step)
            if view.step != fitted:
                raise ValueError(
                    f"series {view.key!r} goes in steps of {view.step}, the model was fitted on steps of {fitted}"
                )
        return views

    def _views(self, table):
        return views_of(table, self.known, self.past, self.calendar, self.gaps)

    def _ahead(self, view, table, steps):
        """The view with the known columns of the steps ahead."""
        ds = series.ahead(view.ds, view.step, steps)
        coming = series.calendar(ds, self.calendar)
        if self.known:
            coming = np.hstack([coming_of(view.key, ds, self.known, table), coming])
        return view._replace(known=np.vstack([view.known, coming]))


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
    every = refit if refit is None or isinstance(refit, bool) else checks.positive(refit, "refit")
    needs = max(horizon, model._needs(horizon)) if model.known or model.calendar else horizon
    if every is None:
        model._check_fitted()
    raw, table = table, table if prepare is None else prepare(table.copy())
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
        if every is None:
            leaks.check_trained(model.views_, time)
        elif number == 0 or (every and number % every == 0):
            found += _forecast(model, waiting, horizon)
            waiting = []
            model._fit([_until(view, t, 0) for view, t in places])
        waiting += [(view, t, _until(view, t, needs)) for view, t in places]
    found += _forecast(model, waiting, horizon)
    return pd.concat(found, ignore_index=True)


def _origins(views, origins, step, needs):
    """The times of the origins, rising; ValueError names a series that none of them serves where they serve others."""
    listed = not isinstance(origins, (int, np.integer))
    times = _listed(views[0].ds, origins) if listed else _counted(views, origins, step, needs)
    served = []
    for view in views:
        t = view.ds.searchsorted(times, side="right")
        served.append(((0 < t) & (t <= len(view.ds) - needs)).any())
    if any(served) and not all(served):
        view = views[served.index(False)]
        raise ValueError(
            f"series {view.key!r} is forecast from no origin: it goes from {view.ds[0]} to {view.ds[-1]}, the origins from {times[0]} "
            f"to {times[-1]}, with {needs} steps after each: leave it out, or list earlier origins"
        )
    return list(times)


def _listed(ds, origins):
    """A list of times as an index like that of a series, rising."""
    if isinstance(origins, str) or not isinstance(origins, Iterable):
        raise TypeError(f"origins says how many, or lists times, got {origins!r}")
    origins, dates = list(origins), ds.dtype.kind == "M"
    if not origins:
        raise ValueError("origins is empty: how many, or a list of times")
    numbers = any(isinstance(origin, (int, float, np.number)) for origin in origins)
    try:
        times = pd.DatetimeIndex(origins) if dates and not numbers else pd.Index(origins)
    except (TypeError, ValueError):
        times = pd.Index([], dtype=object)
    if not tables.alike(times.dtype, ds.dtype):
        raise TypeError(f"origins {origins} are no times like those of the table, such as {ds[0]}")
    if times.isna().any():
        raise ValueError(f"origins hold no time at place {int(np.argmax(times.isna()))}")
    if times.has_duplicates:
        raise ValueError(f"origins hold {times[times.duplicated()][0]} twice")
    return times.sort_values()


def _counted(views, origins, step, needs):
    """The last so many times that leave `needs` steps to the longest series."""
    longest = max(views, key=lambda view: view.ds[-1])
    last = len(longest.ds) - 1 - needs
    first = last - step * (checks.positive(origins, "origins") - 1)
    if first < 1:
        raise ValueError(
            f"series {longest.key!r} has {len(longest.ds)} steps, too few for {origins} origins {step} apart and {needs} steps after "
            "the last: fewer origins, a smaller step or a shorter horizon"
        )
    return longest.ds[first : last + 1 : step]


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

    table  the long table of the backtest; each series up to its own first origin gives its scale of MASE
    m      steps in a season for MASE (1: none), always said: the number depends on it
    by     a column, "step" or "unique_id", to score apart; None: all together
    Steps whose `y` is missing are left out.
    """
    names, m = _quantiles_of(found, by), checks.positive(m, "m")
    levels, scale = metrics.levels([float(name[1:]) for name in names]), _scales(found, table, m)
    found = found[found["y"].notna()]
    if not len(found):
        raise ValueError("no value has come: column 'y' of the forecasts is missing everywhere")
    checks.finite(found["forecast"].to_numpy(float), "forecast")
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


def _quantiles_of(found, by):
    """The columns of quantiles of a backtest's table, which has what is scored."""
    if not isinstance(found, pd.DataFrame):
        raise TypeError(f"found is the table that backtest gave, got {type(found).__name__}")
    for name in ("unique_id", "origin", "y", "forecast"):
        if name not in found:
            raise ValueError(
                f"no column {name!r} in the table of forecasts: it has {', '.join(map(str, found))}"
            )
    if by is not None and by not in list(found):
        raise ValueError(f"no column {by!r} to score by: the forecasts have {', '.join(map(str, found))}")
    names = [name for name in found if re.fullmatch(r"q\d[\d.e-]*", str(name))]
    if not names:
        raise ValueError("no column of a quantile, such as q0.5, in the table of forecasts")
    return names


def _scales(found, table, m):
    """What MASE divides by, for each series that was forecast: of its steps up to its own first origin."""
    tables.check_long(table, ("unique_id", "ds", "y"))
    if len(found) and not tables.alike(found["origin"].dtype, table["ds"].dtype):
        raise TypeError(
            f"column 'ds' of the table holds {table['ds'].dtype}, the origins {found['origin'].dtype}: pass the table of the backtest"
        )
    parts, scale = dict(list(table.groupby("unique_id", sort=False))), {}
    for key, first in found.groupby("unique_id", sort=False)["origin"].min().items():
        if key not in parts:
            raise ValueError(f"series {key!r} is not in the table: pass the one of the backtest")
        part = parts[key].sort_values("ds")
        scale[key] = metrics.naive_scale(part.loc[part["ds"] <= first, "y"], m, f"series {key!r}")
    return scale
