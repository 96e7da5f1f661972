"""The interface of all forecasters: a long table in, a long table of points and quantiles out.

A forecaster has `fit(table)` and `predict(horizon)`; a child of `BaseForecaster` learns and
answers, the doors are here.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from rnnlib.core import packing, validation, weight_files
from rnnlib.core.errors import NotFittedError
from rnnlib.forecasting import leakage, tables
from rnnlib.forecasting.panel import SeriesSlice, future_values, split_panel
from rnnlib.metrics import probabilistic
from rnnlib.training import checkpoint_format

LEVELS = (0.05, 0.5, 0.95)  # quantiles that forecasters give unless told otherwise


class BaseForecaster(BaseEstimator, ABC):
    """What forecasters share: the doors, and the contract with those who write one.

    levels    (0.05, 0.5, 0.95); quantiles that `predict` gives besides the point forecast, rising
    known     (); columns of the table that are known in advance (holidays): `predict` asks for
              their coming values
    past      (); columns that are known up to the origin only (other measurements)
    calendar  (); features of the time itself, see `forecasting.calendar`

    A child keeps all of its hyper-parameters in attributes of the same names, unchanged, and ends
    its constructor with `self.check_params()`.  It must have

    fit_panel(panel)                learn from the series, a list of SeriesSlice; set attributes
                                    that end in "_", of plain values and arrays, which `save` can
                                    write
    forecast_panel(panel, horizon)  answer for the series, which may go on beyond those of `fit`: a
                                    list of arrays (horizon, 1 + Q), the point, then a quantile for
                                    each of `levels_`; change nothing in the forecaster

    and may have `check_params`, `check_horizon`, `known_steps`, `learned_state`, `restore_state`,
    `example_params`.  `forecasting.check_forecaster` puts it through all that is
    promised here.
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
    def fit_panel(self, panel: list[SeriesSlice]) -> None:
        """Learn from the series of a table."""

    @abstractmethod
    def forecast_panel(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
        """Point and quantiles of the next `horizon` steps of each series, [(horizon, 1 + Q)]."""

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do.

        Called by the constructor and, since `set_params` may have changed them, by `fit`.  A child
        that has more of them calls `super().check_params()` first.
        """
        probabilistic.check_levels(self.levels)
        for name in ("known", "past", "calendar"):
            columns = getattr(self, name)
            if isinstance(columns, str):
                raise TypeError(f"{name} lists columns: {name}=({columns!r},)")
            if not isinstance(columns, Iterable):
                raise TypeError(f"{name} lists columns: () for none, got {columns!r}")

    def check_horizon(self, horizon: int) -> int:
        """The horizon, if this forecaster goes so far: a whole number of at least 1."""
        return validation.positive(horizon, "horizon")

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
        self.__dict__.update(state)

    @classmethod
    def example_params(cls) -> list[dict]:
        """Arguments that build small examples of this class, for tests; `rnn` is left out."""
        return [{}]

    # ---- the doors

    def fit(self, table: pd.DataFrame) -> "BaseForecaster":
        """Learns from a long table, all of it; returns self.

        ValueError or TypeError names the column, the series and the time of what will not do.
        """
        self.check_params()
        panel = self.panel_of(table)
        leakage.check_known(panel, tuple(self.known))
        return self.fit_checked(panel)

    def fit_checked(self, panel: list[SeriesSlice]) -> "BaseForecaster":
        """Learns from series that `panel_of` has checked; returns self.  If that fails, the
        forecaster is as one that has not been fitted: half of one fit and half of another is none.
        """
        self.__dict__.pop("views_", None)
        self.levels_ = probabilistic.check_levels(self.levels)
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
        if history is None:
            panel = self.views_
        else:
            panel = self._newer(history)
        steps = max(horizon, self.known_steps(horizon))
        panel = [self._ahead(view, known, steps) for view in panel]
        parts = []
        for view, path in zip(panel, self.forecast_checked(panel, horizon), strict=True):
            ds = tables.times_ahead(view.ds, view.step, horizon)
            parts.append(_columns({"unique_id": view.key, "ds": ds}, path, self.levels_))
        return pd.concat(parts, ignore_index=True)

    def forecast_checked(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
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
            if isinstance(paths, (list, tuple)):
                given = len(paths)
            else:
                given = type(paths).__name__
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

    def panel_of(self, table: pd.DataFrame) -> list[SeriesSlice]:
        """The series of a long table, checked, with the columns that this forecaster reads."""
        columns = (tuple(self.known), tuple(self.past), tuple(self.calendar))
        return split_panel(table, *columns, self.gaps)

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
        ds = tables.times_ahead(view.ds, view.step, steps)
        coming = tables.calendar(ds, tuple(self.calendar))
        if len(self.known):
            coming = np.hstack([future_values(view.key, ds, tuple(self.known), table), coming])
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
        about = checkpoint_format.header(
            "forecaster", None, versions, name=type(self).__name__, state=plain
        )
        weight_files.write_weights(path, arrays, about)

    @classmethod
    def load(cls, path: str | os.PathLike, rnn: str | ModuleType | None = None) -> "BaseForecaster":
        """The forecaster that `save` has written: it answers as it did, and can be fitted anew.

        rnn  of one with a network: the framework that is to answer; None: the one that has learned
        Called on a class of forecasters, it reads files of that class and of its children.
        FileNotFoundError, or ValueError for a file that holds no such forecaster.
        """
        arrays, about = checkpoint_format.read(path)
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
    below: list[type] = []
    children: list[type] = kind.__subclasses__()
    for child in children:
        below += [child, *descendants(child)]
    return below


def _columns(start, path, levels):
    """A table of forecasts: what stands first, then point and quantiles."""
    names = ["forecast", *(f"q{level:g}" for level in levels)]
    return pd.DataFrame({**start, **dict(zip(names, path.T, strict=True))})
