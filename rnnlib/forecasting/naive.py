"""Forecasters to beat that hold no network: the last value, the last season, the ordinary."""

from collections.abc import Sequence

import numpy as np

from rnnlib.core import validation
from rnnlib.forecasting.base import LEVELS, BaseForecaster
from rnnlib.forecasting.intervals import error_quantiles
from rnnlib.forecasting.panel import SeriesSlice
from rnnlib.forecasting.windows import seasonal_ffill


class SeasonalNaive(BaseForecaster):
    """The value a season of `m` steps before, or as many seasons as it takes.

    m       steps in a season
    drift   False; True adds the mean change over a season
    levels  (0.05, 0.5, 0.95); quantiles, of the errors made so in the training table, step by step

    Where a value is missing, the one a season before it is taken.
    """

    gaps = True

    def __init__(self, m: int, drift: bool = False, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(levels)
        self.m = m
        self.drift = drift
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        validation.positive(self.m, "m")
        validation.flag(self.drift, "drift")

    def fit_panel(self, panel: list[SeriesSlice]) -> None:
        """Learn the drift of each series, {key: change over a season}."""
        drifts = {}
        for view in panel:
            if len(view.y) <= self.m:
                raise ValueError(
                    f"series {view.key!r} has {len(view.y)} steps, no more than a season of "
                    f"m={self.m}: m must be smaller, "
                    f"m={len(view.y) - 1} at most"
                )
            change = view.y[self.m :] - view.y[: -self.m]
            if self.drift and np.isnan(change).all():
                raise ValueError(
                    f"series {view.key!r} has no two values a season of m={self.m} apart: no "
                    "drift to learn"
                )
            if self.drift:
                drifts[view.key] = float(np.nanmean(change))
            else:
                drifts[view.key] = 0.0
        self.drifts_ = drifts

    def forecast_panel(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
        """The last season again, and the quantiles of the errors made so, [(horizon, 1 + Q)]."""
        seasons = 1 + np.arange(horizon) // self.m  # seasons back
        spreads = _of_training(self, panel, lambda view: self._spread(view, horizon, seasons))
        return [self._path(view, horizon, seasons, spreads[view.key]) for view in panel]

    def _path(self, view, horizon, seasons, spread):
        season = seasonal_ffill(view.y, self.m)[-self.m :]
        if len(season) < self.m or np.isnan(season).any():
            raise ValueError(
                f"series {view.key!r} holds no value for some step of the season of m={self.m} "
                f"before {view.ds[-1]}"
            )
        point = season[np.arange(horizon) % self.m] + seasons * self.drifts_[view.key]
        return np.column_stack([point, point[:, None] + spread])

    def _spread(self, view, horizon, seasons):
        """Quantiles (horizon, Q) of the errors in the training table."""
        errors = np.full((len(view.y), horizon), np.nan)
        past = seasonal_ffill(view.y, self.m)
        for k in range(horizon):
            back = seasons[k] * self.m
            if back >= len(view.y):
                break  # so far ahead no error has been seen: error_quantiles says so
            forecast = past[: len(view.y) - back] + seasons[k] * self.drifts_[view.key]
            errors[back:, k] = view.y[back:] - forecast
        return error_quantiles(errors, self.levels_)

    @classmethod
    def example_params(cls) -> list[dict]:
        """One without and one with drift."""
        return [{"m": 7}, {"m": 7, "drift": True}]


class Persistence(SeasonalNaive):
    """The last value again, for all steps.

    drift   False; True adds the mean step
    levels  (0.05, 0.5, 0.95); quantiles, of the errors made so in the training table, step by step
    """

    def __init__(self, drift: bool = False, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(1, drift, levels)

    @classmethod
    def example_params(cls) -> list[dict]:
        """One without and one with drift."""
        return [{}, {"drift": True}]


class Climatology(BaseForecaster):
    """The ordinary: the mean of each of the `m` phases of a season in the training table, as c(t).

    m       steps in a season
    damped  False; True: damped persistence instead, c(t + k) + rho_k (y(t) - c(t)), with rho_k by
            least squares on the training table, for each step k: the optimal mixture of climatology
            and persistence (Murphy 1992), in one number a step
    levels  (0.05, 0.5, 0.95); quantiles, of the errors made so in the training table, step by step

    Where y(t) is missing, the last anomaly that is there is taken.
    """

    gaps = True

    def __init__(self, m: int, damped: bool = False, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(levels)
        self.m = m
        self.damped = damped
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        validation.positive(self.m, "m")
        validation.flag(self.damped, "damped")

    def fit_panel(self, panel: list[SeriesSlice]) -> None:
        """Learn the mean of each phase, {key: (m,)}."""
        means = {}
        for view in panel:
            # one season below the other
            phases = np.full((-(-len(view.y) // self.m), self.m), np.nan)
            phases.ravel()[: len(view.y)] = view.y
            lost = np.isnan(phases).all(axis=0)
            if lost.any():
                raise ValueError(
                    f"series {view.key!r} holds no value of phase {int(np.argmax(lost))} of a "
                    f"season of m={self.m} steps"
                )
            means[view.key] = np.nanmean(phases, axis=0)
        self.means_ = means

    def forecast_panel(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
        """The mean of each step's phase, and what is left of today's anomaly, [(horizon, 1 +
        Q)]."""
        learnt = _of_training(self, panel, lambda view: self._learnt(view, horizon))
        trained = {view.key: view for view in self.views_}
        return [self._path(view, trained[view.key], horizon, *learnt[view.key]) for view in panel]

    def _path(self, view, trained, horizon, rho, spread):
        mean, anomaly = self._anomaly(view, trained)
        last = seasonal_ffill(anomaly, 1)[-1]
        if np.isnan(last):
            raise ValueError(f"series {view.key!r} holds no value up to {view.ds[-1]}")
        point = mean[(len(view.y) + np.arange(horizon)) % self.m] + rho * last
        return np.column_stack([point, point[:, None] + spread])

    def _anomaly(self, view, trained):
        """Means (m,) in the order of the view's phases, and how far its values (T,) are off."""
        first = trained.ds.get_indexer([view.ds[0]])[0]
        if first < 0:
            raise ValueError(
                f"series {view.key!r} begins at {view.ds[0]}, which is no time of the table of "
                "fit: its phase is not known, begin earlier"
            )
        mean = np.roll(self.means_[view.key], -first)
        return mean, view.y - mean[np.arange(len(view.y)) % self.m]

    def _learnt(self, view, horizon):
        """rho (horizon,) and the quantiles (horizon, Q) of the errors in the training table."""
        _, u = self._anomaly(view, view)
        rho = np.zeros(horizon)
        errors = np.full((len(u), horizon), np.nan)
        for k in range(1, horizon + 1):
            if self.damped and k < len(u):
                pairs = np.stack([u[:-k], u[k:]])[:, np.isfinite(u[:-k] * u[k:])]
                rho[k - 1] = np.dot(*pairs) / max(np.dot(pairs[0], pairs[0]), 1e-300)
            if self.damped:
                errors[k:, k - 1] = u[k:] - rho[k - 1] * u[:-k]
            else:
                errors[k:, k - 1] = u[k:]
        return rho, error_quantiles(errors, self.levels_)

    @classmethod
    def example_params(cls) -> list[dict]:
        """The mean alone, and with damped persistence."""
        return [{"m": 7}, {"m": 7, "damped": True}]


def _of_training(model, panel, learnt):
    """{key: learnt(view)} of the training views of the series of a panel, each computed once."""
    asked = {view.key for view in panel}
    return {view.key: learnt(view) for view in model.views_ if view.key in asked}
