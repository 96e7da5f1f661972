"""Forecasting in the field's own interface: a long table in, a long table of points and quantiles
out, and backtests of it.

A forecaster has `fit(table)` and `predict(horizon)`; `backtest` moves the origin, the last time
that is known, through a table.  A series of a panel is forecast from the origins that lie in it and
leave enough steps; one that has none is named and refused.  Tables: rnnlib/tables.py; series of a
table: rnnlib/views.py.  Forecasters without a network: rnnlib/classical.py; on windows, recurrent
ones too: rnnlib/windowed.py.

The same things elsewhere:

    here         Nixtla                     here         Nixtla
    horizon      h                          n_in         input_size
    known        futr_exog_list             m            season_length
    past         hist_exog_list             origin       cutoff
    levels       quantiles                  backtest     cross_validation
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from rnnlib import checks, leaks, metrics, packing, saved, series, tables, weight_files
from rnnlib.errors import NotFittedError
from rnnlib.quantiles import error_quantiles as error_quantiles
from rnnlib.quantiles import errors_needed as errors_needed
from rnnlib.views import View as View
from rnnlib.views import coming_of
from rnnlib.views import views_of as views_of

LEVELS = (0.05, 0.5, 0.95)  # quantiles that forecasters give unless told otherwise


class Forecaster(BaseEstimator, ABC):
    """What forecasters share: the doors, and the contract with those who write one.

    levels    (0.05, 0.5, 0.95); quantiles that `predict` gives besides the point forecast, rising
    known     (); columns of the table that are known in advance (holidays): `predict` asks for
              their coming values
    past      (); columns that are known up to the origin only (other measurements)
    calendar  (); features of the time itself, see `series.calendar`

    A child keeps all of its hyper-parameters in attributes of the same names, unchanged, and ends
    its constructor with `self.check_params()`.  It must have

    fit_panel(panel)                learn from the series, a list of View; set attributes that end
                                    in "_", of plain values and arrays, which `save` can write
    forecast_panel(panel, horizon)  answer for the series, which may go on beyond those of `fit`: a
                                    list of arrays (horizon, 1 + Q), the point, then a quantile for
                                    each of `levels_`; change nothing in the forecaster

    and may have `check_params`, `check_horizon`, `known_steps`, `learned_state`, `restore_state`,
    `example_params`.  `rnnlib.check_estimators` puts it through all that is promised here.
    """

    gaps: ClassVar[bool] = False  # may numbers be missing?
    packages: ClassVar[tuple[str, ...]] = ("numpy", "pandas")  # whose versions stand in a file

    def __init__(
        self,
        levels: Sequence[float] = LEVELS,
        known: Sequence[str] = (),
        past: Sequence[str] = (),
        calendar: Sequence[str | tuple] = (),
    ) -> None:
        self.levels = levels
        self.known = known
        self.past = past
        self.calendar = calendar

    # ---- what a child has

    @abstractmethod
    def fit_panel(self, panel: list[View]) -> None:
        """Learn from the series of a table."""

    @abstractmethod
    def forecast_panel(self, panel: list[View], horizon: int) -> list[np.ndarray]:
        """Point and quantiles of the next `horizon` steps of each series, [(horizon, 1 + Q)]."""

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do.

        Called by the constructor and, since `set_params` may have changed them, by `fit`.  A child
        that has more of them calls `super().check_params()` first.
        """
        metrics.levels(self.levels)
        for name in ("known", "past", "calendar"):
            columns = getattr(self, name)
            if isinstance(columns, str):
                raise TypeError(f"{name} lists columns: {name}=({columns!r},)")
            if not isinstance(columns, Iterable):
                raise TypeError(f"{name} lists columns: () for none, got {columns!r}")

    def check_horizon(self, horizon: int) -> int:
        """The horizon, if this forecaster goes so far: a whole number of at least 1."""
        return checks.positive(horizon, "horizon")

    def known_steps(self, horizon: int) -> int:
        """Steps ahead for which known columns are read."""
        return horizon

    def learned_state(self) -> dict:
        """What `fit` has learned, for a file: the attributes whose names end in "_"."""
        return {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") and not name.startswith("_")
        }

    def restore_state(self, state: dict) -> None:
        """Put back what `learned_state` gave."""
        vars(self).update(state)

    @classmethod
    def example_params(cls) -> list[dict]:
        """Arguments that build small examples of this class, for tests; `rnn` is left out."""
        return [{}]

    # ---- the doors

    def fit(self, table: pd.DataFrame) -> "Forecaster":
        """Learns from a long table, all of it; returns self.

        ValueError or TypeError names the column, the series and the time of what will not do.
        """
        self.check_params()
        panel = self.panel_of(table)
        leaks.check_known(panel, tuple(self.known))
        return self.fit_checked(panel)

    def fit_checked(self, panel: list[View]) -> "Forecaster":
        """Learns from series that `panel_of` has checked; returns self.  If that fails, the
        forecaster is as one that has not been fitted: half of one fit and half of another is none.
        """
        vars(self).pop("views_", None)
        self.levels_ = metrics.levels(self.levels)
        self.fit_panel(panel)
        self.views_ = panel
        return self

    def predict(
        self,
        horizon: int,
        known: pd.DataFrame | None = None,
        history: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """The next `horizon` steps of each series: a table `unique_id, ds, forecast, q0.05, ...`,
        one column for each level.  NotFittedError before `fit`.

        known    table `unique_id, ds` and the known columns, for the steps ahead
        history  a long table that takes the place of the one of `fit`: newer values, nothing is
                 learnt from them
        """
        self.check_fitted()
        horizon = self.check_horizon(horizon)
        panel = self.views_ if history is None else self._newer(history)
        steps = max(horizon, self.known_steps(horizon))
        panel = [self._ahead(view, known, steps) for view in panel]
        parts = []
        for view, path in zip(panel, self.forecast_checked(panel, horizon), strict=True):
            ds = series.ahead(view.ds, view.step, horizon)
            parts.append(_columns({"unique_id": view.key, "ds": ds}, path, self.levels_))
        return pd.concat(parts, ignore_index=True)

    def forecast_checked(self, panel: list[View], horizon: int) -> list[np.ndarray]:
        """What `forecast_panel` gives for series of `fit`, if it has the form that it should.

        ValueError names a series that was not in the table of `fit`, or says what form is due.
        """
        fitted = {view.key for view in self.views_}
        for view in panel:
            if view.key not in fitted:
                raise ValueError(
                    f"series {view.key!r} was not in the table of fit: fit on a table that has it"
                )
        paths = self.forecast_panel(panel, horizon)
        hook = f"{type(self).__name__}.forecast_panel"
        if not isinstance(paths, (list, tuple)) or len(paths) != len(panel):
            given = len(paths) if isinstance(paths, (list, tuple)) else type(paths).__name__
            raise ValueError(
                f"{hook} must give a list of {len(panel)} arrays, one for each series, got {given}"
            )
        shape = (horizon, 1 + len(self.levels_))
        for view, path in zip(panel, paths, strict=True):
            if np.shape(path) != shape:
                raise ValueError(
                    f"{hook} must give arrays of shape {shape}, horizon times the point and the "
                    f"{len(self.levels_)} levels, got {np.shape(path)} for series {view.key!r}"
                )
        return [np.asarray(path) for path in paths]

    def check_fitted(self) -> None:
        """NotFittedError before `fit`."""
        if not hasattr(self, "views_"):
            raise NotFittedError(self, "call fit(table) first")

    def panel_of(self, table: pd.DataFrame) -> list[View]:
        """The series of a long table, checked, with the columns that this forecaster reads."""
        columns = (tuple(self.known), tuple(self.past), tuple(self.calendar))
        return views_of(table, *columns, self.gaps)

    def _newer(self, history):
        """The series of `history`, which go in the steps of those of `fit`."""
        steps = {view.key: view.step for view in self.views_}
        panel = self.panel_of(history)
        for view in panel:
            fitted = steps.get(view.key, view.step)
            if view.step != fitted:
                raise ValueError(
                    f"series {view.key!r} goes in steps of {view.step}, "
                    f"the model was fitted on steps of {fitted}"
                )
        return panel

    def _ahead(self, view, table, steps):
        """The view with the known columns of the steps ahead."""
        ds = series.ahead(view.ds, view.step, steps)
        coming = series.calendar(ds, tuple(self.calendar))
        if len(self.known):
            coming = np.hstack([coming_of(view.key, ds, tuple(self.known), table), coming])
        return view._replace(known=np.vstack([view.known, coming]))

    # ---- files

    def save(self, path: str | os.PathLike) -> None:
        """Write hyper-parameters and all that was learned to one safetensors file, no pickle.

        NotFittedError before `fit`; TypeError for what no file holds; OSError names the file.
        The header names the versions of the packages that have learned.
        """
        self.check_fitted()
        state = {"params": self.get_params(deep=False), "learned": self.learned_state()}
        plain, arrays = packing.pack(state)
        versions = packing.versions(*self.packages)
        about = saved.header("forecaster", None, versions, name=type(self).__name__, state=plain)
        weight_files.write(path, arrays, about)

    @classmethod
    def load(cls, path: str | os.PathLike, rnn: str | ModuleType | None = None) -> "Forecaster":
        """The forecaster that `save` has written: it answers as it did, and can be fitted anew.

        rnn  of one with a network: the framework that is to answer; None: the one that has learned
        Called on a class of forecasters, it reads files of that class and of its children.
        FileNotFoundError, or ValueError for a file that holds no such forecaster.
        """
        arrays, about = saved.read(path)
        if about.get("kind") != "forecaster":
            raise ValueError(f"{path} holds no forecaster: it was not written by Forecaster.save")
        name = about["name"]
        kinds = {kind.__name__: kind for kind in (cls, *descendants(cls))}
        if name not in kinds:
            raise ValueError(
                f"{path} holds a forecaster of the class {name}, which is none of "
                f"{', '.join(kinds)}: call {name}.load(path)"
            )
        state = packing.unpack(about["state"], arrays)
        params = state["params"]
        if rnn is not None:
            if "rnn" not in params:
                raise ValueError(f"{path} holds a {name}, which has no network: leave rnn out")
            params["rnn"] = rnn
        model = kinds[name](**params)
        model.restore_state(state["learned"])
        return model


def descendants(kind: type) -> list[type]:
    """All classes below a class that have been imported, nearest first."""
    below = []
    for child in kind.__subclasses__():
        below += [child, *descendants(child)]
    return below


def _columns(start, path, levels):
    """A table of forecasts: what stands first, then point and quantiles."""
    names = ["forecast", *(f"q{level:g}" for level in levels)]
    return pd.DataFrame({**start, **dict(zip(names, path.T, strict=True))})


# ---- backtest


def backtest(
    model: Forecaster,
    table: pd.DataFrame,
    horizon: int,
    *,
    origins: int | Iterable,
    step: int = 1,
    refit: bool | int | None = False,
    prepare: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Forecasts from many origins: a table `unique_id, origin, step, ds, y, forecast, q...`, where
    `y` is what came.

    origins  how many, the last ones that leave `horizon` steps to compare with; or a list of times
    step     steps between two origins
    refit    False: learn once, from what is known at the first origin; True: at each origin; n: at
             each n-th; None: never, `model`
             is fitted already
    prepare  what is done to the table first (a function table -> table): it must do the same when
             the future is not there

    At each origin the model gets nothing from after it but the columns that are known in advance.
    Raises leaks.Leak where `prepare` looks ahead, where a known column is the target or a past one
    the target to come, or where a fitted model has seen what it is to forecast.
    The model that is passed in is left as it was.
    """
    if not isinstance(model, Forecaster):
        raise TypeError(f"backtest takes a Forecaster, got {type(model).__name__}")
    model.check_params()
    horizon = model.check_horizon(horizon)
    every = refit if refit is None or isinstance(refit, bool) else checks.positive(refit, "refit")
    reads_ahead = len(model.known) or len(model.calendar)
    needs = max(horizon, model.known_steps(horizon)) if reads_ahead else horizon
    if every is None:
        model.check_fitted()
    else:
        model = clone(model)
    raw = table
    if prepare is not None:
        table = prepare(table.copy())
    views = model.panel_of(table)
    leaks.check_known(views, tuple(model.known))
    leaks.check_past(views, tuple(model.past), horizon)
    times = _origins(views, origins, checks.positive(step, "step"), needs)
    found = []
    waiting = []
    for number, time in enumerate(times):
        if prepare is not None:
            leaks.check_preparation(prepare, raw, time, tuple(model.known), horizon)
        places = [(view, view.ds.searchsorted(time, side="right")) for view in views]
        places = [(view, t) for view, t in places if t and t + needs <= len(view.ds)]
        if not places:
            raise ValueError(
                f"no series has a value at or before {time} and {needs} steps after it"
            )
        if every is None:
            leaks.check_trained(model.views_, time)
        elif number == 0 or (every and number % every == 0):
            found += _forecast(model, waiting, horizon)
            waiting = []
            model.fit_checked([_until(view, t, 0) for view, t in places])
        waiting += [(view, t, _until(view, t, needs)) for view, t in places]
    found += _forecast(model, waiting, horizon)
    return pd.concat(found, ignore_index=True)


def _origins(views, origins, step, needs):
    """The times of the origins, rising; ValueError names a series that none of them serves where
    they serve others."""
    listed = not isinstance(origins, (int, np.integer))
    times = _listed(views[0].ds, origins) if listed else _counted(views, origins, step, needs)
    served = []
    for view in views:
        t = view.ds.searchsorted(times, side="right")
        served.append(((0 < t) & (t <= len(view.ds) - needs)).any())
    if any(served) and not all(served):
        view = views[served.index(False)]
        raise ValueError(
            f"series {view.key!r} is forecast from no origin: it goes from {view.ds[0]} to "
            f"{view.ds[-1]}, the origins from {times[0]} to {times[-1]}, "
            f"with {needs} steps after each: leave it out, or list earlier origins"
        )
    return list(times)


def _listed(ds, origins):
    """A list of times as an index like that of a series, rising."""
    if isinstance(origins, str) or not isinstance(origins, Iterable):
        raise TypeError(f"origins says how many, or lists times, got {origins!r}")
    origins = list(origins)
    dates = ds.dtype.kind == "M"
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
            f"series {longest.key!r} has {len(longest.ds)} steps, too few for {origins} origins "
            f"{step} apart and {needs} steps after the last: "
            "fewer origins, a smaller step or a shorter horizon"
        )
    return longest.ds[first : last + 1 : step]


def _until(view, t, needs):
    return view._replace(
        ds=view.ds[:t], y=view.y[:t], past=view.past[:t], known=view.known[: t + needs]
    )


def _forecast(model, waiting, horizon):
    """Tables of forecasts for (whole view, t, view up to its step t)."""
    if not waiting:
        return []
    found = []
    paths = model.forecast_checked([part for *_, part in waiting], horizon)
    for (view, t, _), path in zip(waiting, paths, strict=True):
        start = {"unique_id": view.key, "origin": view.ds[t - 1], "step": np.arange(1, horizon + 1)}
        start |= {"ds": view.ds[t : t + horizon], "y": view.y[t : t + horizon]}
        found.append(_columns(start, path, model.levels_))
    return found


def scores(
    found: pd.DataFrame, table: pd.DataFrame, *, m: int, by: str | None = None
) -> pd.DataFrame:
    """What a backtest says: a table of MAE, RMSE, MASE, pinball loss, CRPS, and coverage of the
    outermost interval.

    table  the long table of the backtest; each series up to its own first origin gives its scale of
           MASE
    m      steps in a season for MASE (1: none), always said: the number depends on it
    by     a column, "step" or "unique_id", to score apart; None: all together
    Steps whose `y` is missing are left out.
    """
    names = _quantiles_of(found, by)
    scale = _scales(found, table, checks.positive(m, "m"))
    levels = metrics.levels([float(name[1:]) for name in names])
    found = found[found["y"].notna()]
    if not len(found):
        raise ValueError("no value has come: column 'y' of the forecasts is missing everywhere")
    checks.finite(found["forecast"].to_numpy(float), "forecast")
    rows = {}
    for value, part in [("all", found)] if by is None else found.groupby(by, sort=True):
        y = part["y"].to_numpy()
        q = part[names].to_numpy()
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
        raise ValueError(
            f"no column {by!r} to score by: the forecasts have {', '.join(map(str, found))}"
        )
    names = [name for name in found if re.fullmatch(r"q\d[\d.e-]*", str(name))]
    if not names:
        raise ValueError("no column of a quantile, such as q0.5, in the table of forecasts")
    return names


def _scales(found, table, m):
    """What MASE divides by, for each series that was forecast: of its steps up to its own first
    origin."""
    tables.check_long(table, ("unique_id", "ds", "y"))
    if len(found) and not tables.alike(found["origin"].dtype, table["ds"].dtype):
        raise TypeError(
            f"column 'ds' of the table holds {table['ds'].dtype}, the origins "
            f"{found['origin'].dtype}: pass the table of the backtest"
        )
    parts = dict(list(table.groupby("unique_id", sort=False)))
    scale = {}
    for key, first in found.groupby("unique_id", sort=False)["origin"].min().items():
        if key not in parts:
            raise ValueError(f"series {key!r} is not in the table: pass the one of the backtest")
        part = parts[key].sort_values("ds")
        scale[key] = metrics.naive_scale(part.loc[part["ds"] <= first, "y"], m, f"series {key!r}")
    return scale
