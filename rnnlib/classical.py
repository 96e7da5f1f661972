"""Forecasters to beat that hold no network: the last value, the last season, the ordinary,
exponential smoothing, ARIMA (statsmodels)."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rnnlib import checks, packing
from rnnlib.forecast import LEVELS, Forecaster, View
from rnnlib.quantiles import error_quantiles


class SeasonalNaive(Forecaster):
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
        checks.positive(self.m, "m")
        checks.flag(self.drift, "drift")

    def fit_panel(self, panel: list[View]) -> None:
        """Learn the drift of each series, {key: change over a season}."""
        drifts = {}
        for view in panel:
            if len(view.y) <= self.m:
                raise ValueError(
                    f"series {view.key!r} has {len(view.y)} steps, no more than a season of "
                    f"m={self.m}: m must be smaller"
                )
            change = view.y[self.m :] - view.y[: -self.m]
            if self.drift and np.isnan(change).all():
                raise ValueError(
                    f"series {view.key!r} has no two values a season of m={self.m} apart: "
                    "no drift to learn"
                )
            drifts[view.key] = float(np.nanmean(change)) if self.drift else 0.0
        self.drifts_ = drifts

    def forecast_panel(self, panel: list[View], horizon: int) -> list[np.ndarray]:
        """The last season again, and the quantiles of the errors made so, [(horizon, 1 + Q)]."""
        seasons = 1 + np.arange(horizon) // self.m  # seasons back
        spreads = _of_training(self, panel, lambda view: self._spread(view, horizon, seasons))
        return [self._path(view, horizon, seasons, spreads[view.key]) for view in panel]

    def _path(self, view, horizon, seasons, spread):
        season = filled(view.y, self.m)[-self.m :]
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
        past = filled(view.y, self.m)
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


class Climatology(Forecaster):
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
        checks.positive(self.m, "m")
        checks.flag(self.damped, "damped")

    def fit_panel(self, panel: list[View]) -> None:
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

    def forecast_panel(self, panel: list[View], horizon: int) -> list[np.ndarray]:
        """The mean of each step's phase, and what is left of today's anomaly, [(horizon, 1 +
        Q)]."""
        learnt = _of_training(self, panel, lambda view: self._learnt(view, horizon))
        trained = {view.key: view for view in self.views_}
        return [self._path(view, trained[view.key], horizon, *learnt[view.key]) for view in panel]

    def _path(self, view, trained, horizon, rho, spread):
        mean, anomaly = self._anomaly(view, trained)
        last = filled(anomaly, 1)[-1]
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
            errors[k:, k - 1] = u[k:] - rho[k - 1] * u[:-k] if self.damped else u[k:]
        return rho, error_quantiles(errors, self.levels_)

    @classmethod
    def example_params(cls) -> list[dict]:
        """The mean alone, and with damped persistence."""
        return [{"m": 7}, {"m": 7, "damped": True}]


def _of_training(model, panel, learnt):
    """{key: learnt(view)} of the training views of the series of a panel, each computed once."""
    asked = {view.key for view in panel}
    return {view.key: learnt(view) for view in model.views_ if view.key in asked}


def filled(y: np.ndarray, m: int) -> np.ndarray:
    """y (..., T) with each missing value replaced by the one m steps before it, NaN where there is
    none."""
    y = np.asarray(y, float)
    *rows, T = y.shape
    seasons = np.full((*rows, -(-T // m), m), np.nan)  # one below the other
    seasons.reshape(*rows, -1)[..., :T] = y
    number = np.arange(seasons.shape[-2])[:, None]
    # the season with a value
    last = np.maximum.accumulate(np.where(np.isnan(seasons), 0, number), axis=-2)
    return np.take_along_axis(seasons, last, axis=-2).reshape(*rows, -1)[..., :T]


@packing.register
class ETSFit(NamedTuple):
    """What exponential smoothing has learned of one series: all that a forecast needs."""

    params: np.ndarray
    initial_level: float
    initial_trend: float | None
    initial_seasonal: np.ndarray | None
    converged: bool


class ETS(Forecaster):
    """Exponential smoothing with additive errors (statsmodels' ETSModel): level, and if asked for
    a trend and a season.

    trend   False; True: a line that goes on; "damped": one that levels off
    m       None; steps in a season, None: no season
    levels  (0.05, 0.5, 0.95); quantiles, the model's own, normal, without the uncertainty of its
            parameters

    `fit` sets `fits_`, {key: ETSFit}.  Source: Hyndman et al. 2008.
    """

    packages = ("numpy", "pandas", "statsmodels")

    def __init__(
        self,
        trend: bool | str = False,
        m: int | None = None,
        levels: Sequence[float] = LEVELS,
    ) -> None:
        super().__init__(levels)
        self.trend = trend
        self.m = m
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        if self.trend != "damped":
            checks.flag(self.trend, "trend")
        if self.m is not None:
            checks.positive(self.m, "m")

    def _model(self, y, **start):
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        kind = {
            "error": "add",
            "trend": "add" if self.trend else None,
            "damped_trend": self.trend == "damped",
            "seasonal": "add" if self.m else None,
            "seasonal_periods": self.m,
        }
        start = start or {"initialization_method": "heuristic"}
        return ETSModel(pd.Series(y), **kind, **start)

    def fit_panel(self, panel: list[View]) -> None:
        """Learn the rates of smoothing and the first state of each series, {key: ETSFit}."""
        fits = {}
        for view in panel:
            least = max(10, 2 * (self.m or 1))
            if len(view.y) < least:
                raise ValueError(
                    f"series {view.key!r} has {len(view.y)} steps, ETS needs {least}: two seasons "
                    "and 10 at least"
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about convergence: kept in the result
                fit = self._model(view.y).fit(disp=False)
            fits[view.key] = ETSFit(
                np.asarray(fit.params),
                float(fit.initial_level),
                float(fit.initial_trend) if self.trend else None,
                np.asarray(fit.initial_seasonal) if self.m else None,
                bool(fit.mle_retvals.get("converged", True)),
            )
        self.fits_ = fits

    def forecast_panel(self, panel: list[View], horizon: int) -> list[np.ndarray]:
        """What the model says of the next steps, mean and normal quantiles, [(horizon, 1 + Q)]."""
        return [self._path(view, horizon) for view in panel]

    def _path(self, view, horizon):
        fit = self.fits_[view.key]
        start = {"initialization_method": "known", "initial_level": fit.initial_level}
        if self.trend:
            start["initial_trend"] = fit.initial_trend
        if self.m:
            start["initial_seasonal"] = fit.initial_seasonal
        first = len(view.y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            now = self._model(view.y, **start).smooth(fit.params)
            coming = now.get_prediction(start=first, end=first + horizon - 1)
        deviation = np.sqrt(coming.forecast_variance)
        return normal_path(np.asarray(coming.predicted_mean), deviation, self.levels_)

    @classmethod
    def example_params(cls) -> list[dict]:
        """A level alone, and with a damped trend and a season."""
        return [{}, {"trend": "damped", "m": 7}]


@packing.register
class ARIMAFit(NamedTuple):
    """What ARIMA has learned of one series: all that a forecast needs."""

    params: np.ndarray
    names: tuple[str, ...]
    converged: bool


class ARIMA(Forecaster):
    """ARIMA(p, d, q), with seasonal terms and regressors if asked for (statsmodels).

    order     (1, 0, 0); (p, d, q)
    seasonal  (0, 0, 0, 0); (P, D, Q, m), slow where m is large: Fourier terms,
              calendar=(("dayofyear", 3),), do it faster
    drift     False; with d = 1: the mean change of a step, without which long forecasts of a rising
              series stay flat
    known, calendar  (), (); regressors of a linear regression whose errors follow the ARIMA
    levels    (0.05, 0.5, 0.95); quantiles, the model's own, normal, without the uncertainty of its
              parameters

    `fit` sets `fits_`, {key: ARIMAFit}.  Missing values are left to its filter.  Without refitting,
    new values move the state, not the parameters.
    """

    gaps = True
    packages = ("numpy", "pandas", "statsmodels")

    def __init__(
        self,
        order: tuple[int, int, int] = (1, 0, 0),
        seasonal: tuple[int, int, int, int] = (0, 0, 0, 0),
        drift: bool = False,
        known: Sequence[str] = (),
        calendar: Sequence[str | tuple] = (),
        levels: Sequence[float] = LEVELS,
    ) -> None:
        super().__init__(levels, known, (), calendar)
        self.order = order
        self.seasonal = seasonal
        self.drift = drift
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        order = _orders(self.order, "order", "(p, d, q)")
        _orders(self.seasonal, "seasonal", "(P, D, Q, m)")
        if checks.flag(self.drift, "drift") and order[1] != 1:
            raise ValueError(
                f"drift is the mean change of a step and needs d = 1, got order={self.order}"
            )

    def _model(self, y, exog):
        from statsmodels.tsa.arima.model import ARIMA as Model

        return Model(
            y,
            exog=exog,
            order=tuple(self.order),
            seasonal_order=tuple(self.seasonal),
            trend="t" if self.drift else None,
        )

    def fit_panel(self, panel: list[View]) -> None:
        """Learn the coefficients of each series, {key: ARIMAFit}."""
        fits = {}
        for view in panel:
            self._check(view)
            exog = view.known if view.known.shape[1] else None
            with warnings.catch_warnings():
                # about starting values and convergence: kept in the result
                warnings.simplefilter("ignore")
                model = self._model(view.y, exog)
                fit = model.fit()
            converged = bool((fit.mle_retvals or {}).get("converged", True))
            fits[view.key] = ARIMAFit(np.asarray(fit.params), tuple(model.param_names), converged)
        self.fits_ = fits

    def _check(self, view):
        """A series is long enough, and its known columns change."""
        least = sum(self.order) + 2 * max(self.seasonal[3], 1) + 2 * view.known.shape[1] + 3
        if np.isfinite(view.y).sum() < least:
            raise ValueError(
                f"series {view.key!r} has {len(view.y)} steps, "
                f"ARIMA{tuple(self.order)} needs at least {least}"
            )
        for name, column in zip(self.known, view.known.T, strict=False):
            if np.ptp(column) == 0:
                raise ValueError(
                    f"column {name!r} of series {view.key!r} is {column[0]:g} at all times: "
                    "it cannot be told from the level, leave it out"
                )

    def forecast_panel(self, panel: list[View], horizon: int) -> list[np.ndarray]:
        """What the model says of the next steps, mean and normal quantiles, [(horizon, 1 + Q)]."""
        return [self._path(view, horizon) for view in panel]

    def _path(self, view, horizon):
        T = len(view.y)
        past = coming = None
        if view.known.shape[1]:
            past = view.known[:T]
            coming = view.known[T : T + horizon]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            now = self._model(view.y, past).smooth(self.fits_[view.key].params)
            forecast = now.get_forecast(horizon, exog=coming)
        return normal_path(forecast.predicted_mean, forecast.se_mean, self.levels_)

    @classmethod
    def example_params(cls) -> list[dict]:
        """One of two coefficients, and one with a drift and waves of the week."""
        return [{}, {"order": (0, 1, 1), "drift": True, "calendar": ("dayofweek",)}]


def _orders(values, name, axes):
    """A tuple of whole numbers, as many as `axes` has."""
    right = isinstance(values, (tuple, list)) and len(values) == axes.count(",") + 1
    if not (right and all(isinstance(v, (int, np.integer)) and v >= 0 for v in values)):
        raise ValueError(f"{name} is {axes}, whole numbers of at least 0, got {values!r}")
    return tuple(values)


def normal_path(mean: np.ndarray, deviation: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Point and quantiles (horizon, 1 + Q) of normal distributions (horizon,)."""
    from scipy.stats import norm

    spread = np.asarray(deviation)[:, None] * norm.ppf(levels)
    return np.column_stack([mean, mean[:, None] + spread])
