"""Forecasters of statsmodels behind our interface: exponential smoothing, ARIMA."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rnnlib.core import packing, validation
from rnnlib.forecasting.base import LEVELS, BaseForecaster
from rnnlib.forecasting.intervals import normal_path
from rnnlib.forecasting.panel import SeriesSlice


@packing.register
class ETSFit(NamedTuple):
    """What exponential smoothing has learned of one series: all that a forecast needs."""

    params: np.ndarray
    initial_level: float
    initial_trend: float | None
    initial_seasonal: np.ndarray | None
    converged: bool


@packing.register
class ARIMAFit(NamedTuple):
    """What ARIMA has learned of one series: all that a forecast needs."""

    params: np.ndarray
    names: tuple[str, ...]
    converged: bool


class ETS(BaseForecaster):
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
            validation.flag(self.trend, "trend")
        if self.m is not None:
            validation.positive(self.m, "m")

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

    def fit_panel(self, panel: list[SeriesSlice]) -> None:
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

    def forecast_panel(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
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


class ARIMA(BaseForecaster):
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
        if validation.flag(self.drift, "drift") and order[1] != 1:
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

    def fit_panel(self, panel: list[SeriesSlice]) -> None:
        """Learn the coefficients of each series, {key: ARIMAFit}."""
        fits = {}
        for view in panel:
            self._check(view)
            if view.known.shape[1]:
                exog = view.known
            else:
                exog = None
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

    def forecast_panel(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
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
