"""Forecasters to beat that hold no network: the last value, the last season, the ordinary, exponential smoothing, ARIMA (statsmodels)."""

import warnings

import numpy as np
import pandas as pd

from rnnlib import checks
from rnnlib.forecast import LEVELS, Forecaster
from rnnlib.quantiles import error_quantiles


class SeasonalNaive(Forecaster):
    """The value a season of `m` steps before, or as many seasons as it takes; `drift` adds the mean change over a season.

    Where that value is missing, the one a season before it.  Quantiles: of the errors made so in the training table, step by step.
    """

    gaps = True

    def __init__(self, m, drift=False, levels=LEVELS):
        super().__init__(levels)
        self.m, self.drift = checks.positive(m, "m"), checks.flag(drift, "drift")

    def _learn(self, views):
        self.drifts_, self.errors_, self._quantiles = {}, {}, {}
        for view in views:
            if len(view.y) <= self.m:
                raise ValueError(
                    f"series {view.key!r} has {len(view.y)} steps, no more than a season of m={self.m}: m must be smaller"
                )
            change = view.y[self.m :] - view.y[: -self.m]
            if self.drift and np.isnan(change).all():
                raise ValueError(
                    f"series {view.key!r} has no two values a season of m={self.m} apart: no drift to learn"
                )
            self.drifts_[view.key] = float(np.nanmean(change)) if self.drift else 0.0
            self.errors_[view.key] = view.y

    def _paths(self, views, horizon):
        return [self._path(view, horizon) for view in views]

    def _path(self, view, horizon):
        if view.key not in self.drifts_:
            raise ValueError(f"series {view.key!r} was not in the table of fit")
        seasons = 1 + np.arange(horizon) // self.m  # seasons back
        season = filled(view.y, self.m)[-self.m :]
        if len(season) < self.m or np.isnan(season).any():
            raise ValueError(
                f"series {view.key!r} holds no value for some step of the season of m={self.m} before {view.ds[-1]}"
            )
        point = season[np.arange(horizon) % self.m] + seasons * self.drifts_[view.key]
        return np.column_stack([point, point[:, None] + self._spread(view.key, horizon, seasons)])

    def _spread(self, key, horizon, seasons):
        """Quantiles (horizon, Q) of the errors in the training table."""
        if (key, horizon) not in self._quantiles:
            y, errors = self.errors_[key], np.full((len(self.errors_[key]), horizon), np.nan)
            past = filled(y, self.m)
            for k in range(horizon):
                back = seasons[k] * self.m
                made = past[: len(y) - back] + seasons[k] * self.drifts_[key]
                errors[back:, k] = y[back:] - made
            self._quantiles[key, horizon] = error_quantiles(errors, self.levels)
        return self._quantiles[key, horizon]


class Persistence(SeasonalNaive):
    """The last value again, for all steps; `drift` adds the mean step."""

    def __init__(self, drift=False, levels=LEVELS):
        super().__init__(1, drift, levels)


class Climatology(Forecaster):
    """The ordinary: the mean of each of the `m` phases of a season in the training table, as c(t).

    damped  damped persistence instead, c(t + k) + rho_k (y(t) - c(t)), with rho_k by least squares on the training table, for each
            step k: the optimal mixture of climatology and persistence (Murphy 1992), in one number a step
    Where y(t) is missing, the last anomaly that is there.  Quantiles: of the errors made so in the training table, step by step.
    """

    gaps = True

    def __init__(self, m, damped=False, levels=LEVELS):
        super().__init__(levels)
        self.m, self.damped = checks.positive(m, "m"), checks.flag(damped, "damped")

    def _learn(self, views):
        self.means_, self._spreads = {}, {}
        for view in views:
            phases = np.full((-(-len(view.y) // self.m), self.m), np.nan)  # one season below the other
            phases.ravel()[: len(view.y)] = view.y
            lost = np.isnan(phases).all(axis=0)
            if lost.any():
                raise ValueError(
                    f"series {view.key!r} holds no value of phase {int(np.argmax(lost))} of a season of m={self.m} steps"
                )
            self.means_[view.key] = np.nanmean(phases, axis=0)

    def _paths(self, views, horizon):
        return [self._path(view, horizon) for view in views]

    def _path(self, view, horizon):
        mean, u = self._anomaly(view)
        rho, spread = self._learnt(view.key, horizon)
        u = filled(u, 1)[-1]
        if np.isnan(u):
            raise ValueError(f"series {view.key!r} holds no value up to {view.ds[-1]}")
        point = mean[(len(view.y) + np.arange(horizon)) % self.m] + rho * u
        return np.column_stack([point, point[:, None] + spread])

    def _anomaly(self, view):
        """Means (m,) in the order of the view's phases, and how far its values (T,) are off them."""
        fitted = {trained.key: trained for trained in self.views_}
        if view.key not in fitted:
            raise ValueError(f"series {view.key!r} was not in the table of fit")
        first = fitted[view.key].ds.get_indexer([view.ds[0]])[0]
        if first < 0:
            raise ValueError(
                f"series {view.key!r} begins at {view.ds[0]}, which is no time of the table of fit: its phase is not known, begin earlier"
            )
        mean = np.roll(self.means_[view.key], -first)
        return mean, view.y - mean[np.arange(len(view.y)) % self.m]

    def _learnt(self, key, horizon):
        """rho (horizon,) and the quantiles (horizon, Q) of the errors in the training table."""
        if (key, horizon) not in self._spreads:
            _, u = self._anomaly(next(view for view in self.views_ if view.key == key))
            rho, errors = np.zeros(horizon), np.full((len(u), horizon), np.nan)
            for k in range(1, horizon + 1):
                if self.damped and k < len(u):
                    pairs = np.stack([u[:-k], u[k:]])[:, np.isfinite(u[:-k] * u[k:])]
                    rho[k - 1] = np.dot(*pairs) / max(np.dot(pairs[0], pairs[0]), 1e-300)
                errors[k:, k - 1] = u[k:] - rho[k - 1] * u[:-k] if self.damped else u[k:]
            self._spreads[key, horizon] = rho, error_quantiles(errors, self.levels)
        return self._spreads[key, horizon]


def filled(y, m):
    """y (..., T) with each missing value replaced by the one m steps before it, NaN where there is none."""
    y = np.asarray(y, float)
    *rows, T = y.shape
    seasons = np.full((*rows, -(-T // m), m), np.nan)  # one below the other
    seasons.reshape(*rows, -1)[..., :T] = y
    number = np.arange(seasons.shape[-2])[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(seasons), 0, number), axis=-2)  # season with a value
    return np.take_along_axis(seasons, last, axis=-2).reshape(*rows, -1)[..., :T]


class ETS(Forecaster):
    """Exponential smoothing with additive errors: level, and if asked for a trend and a season of `m` steps (statsmodels' ETSModel).

    trend  True: a line that goes on; "damped": one that levels off.   m  None: no season
    Intervals are the model's own, normal, without the uncertainty of its parameters.  Source: Hyndman et al. 2008.
    """

    def __init__(self, trend=False, m=None, levels=LEVELS):
        super().__init__(levels)
        self.trend = trend if trend == "damped" else checks.flag(trend, "trend")
        self.m = m if m is None else checks.positive(m, "m")

    def _model(self, y, **start):
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        kind = dict(error="add", trend="add" if self.trend else None, damped_trend=self.trend == "damped")
        kind |= dict(seasonal="add" if self.m else None, seasonal_periods=self.m)
        return ETSModel(pd.Series(y), **kind, **(start or {"initialization_method": "heuristic"}))

    def _learn(self, views):
        self.fits_ = {}
        for view in views:
            least = max(10, 2 * (self.m or 1))
            if len(view.y) < least:
                raise ValueError(
                    f"series {view.key!r} has {len(view.y)} steps, ETS needs {least}: two seasons and 10 at least"
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about convergence: kept in the result
                self.fits_[view.key] = self._model(view.y).fit(disp=False)

    def _paths(self, views, horizon):
        return [self._path(view, horizon) for view in views]

    def _path(self, view, horizon):
        fit = self.fits_.get(view.key)
        if fit is None:
            raise ValueError(f"series {view.key!r} was not in the table of fit")
        start = {"initialization_method": "known", "initial_level": fit.initial_level}
        start |= {"initial_trend": fit.initial_trend} if self.trend else {}
        start |= {"initial_seasonal": fit.initial_seasonal} if self.m else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            now = self._model(view.y, **start).smooth(fit.params)
            made = now.get_prediction(start=len(view.y), end=len(view.y) + horizon - 1)
        return normal_path(np.asarray(made.predicted_mean), np.sqrt(made.forecast_variance), self.levels)


class ARIMA(Forecaster):
    """ARIMA(p, d, q), with seasonal terms and regressors if asked for (statsmodels): `calendar` gives Fourier terms.

    order     (p, d, q);   seasonal  (P, D, Q, m), slow where m is large: Fourier terms, calendar=(("dayofyear", 3),), do it faster
    drift     with d = 1: the mean change of a step, without which long forecasts of a rising series stay flat
    calendar, known  regressors of a linear regression whose errors follow the ARIMA
    Missing values are left to its filter.  Intervals are the model's own, normal, without the uncertainty of its parameters.
    Without refitting, new values move the state, not the parameters.
    """

    gaps = True

    def __init__(
        self, order=(1, 0, 0), seasonal=(0, 0, 0, 0), drift=False, known=(), calendar=(), levels=LEVELS
    ):
        super().__init__(levels, known, (), calendar)
        self.order = _orders(order, "order", "(p, d, q)")
        self.seasonal = _orders(seasonal, "seasonal", "(P, D, Q, m)")
        self.drift = checks.flag(drift, "drift")
        if drift and self.order[1] != 1:
            raise ValueError(f"drift is the mean change of a step and needs d = 1, got order={self.order}")

    def _learn(self, views):
        from statsmodels.tsa.arima.model import ARIMA as Model

        self.fits_ = {}
        for view in views:
            least = sum(self.order) + 2 * max(self.seasonal[3], 1) + 2 * view.known.shape[1] + 3
            if np.isfinite(view.y).sum() < least:
                raise ValueError(
                    f"series {view.key!r} has {len(view.y)} steps, ARIMA{self.order} needs at least {least}"
                )
            for name, column in zip(self.known, view.known.T, strict=False):
                if np.ptp(column) == 0:
                    raise ValueError(
                        f"column {name!r} of series {view.key!r} is {column[0]:g} at all times: it cannot be told from the level, leave it out"
                    )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about starting values and convergence: kept in the result
                exog = view.known if view.known.shape[1] else None
                kind = dict(order=self.order, seasonal_order=self.seasonal, trend="t" if self.drift else None)
                self.fits_[view.key] = Model(view.y, exog=exog, **kind).fit()

    def _paths(self, views, horizon):
        return [self._path(view, horizon) for view in views]

    def _path(self, view, horizon):
        fit, T = self.fits_.get(view.key), len(view.y)
        if fit is None:
            raise ValueError(f"series {view.key!r} was not in the table of fit")
        past, coming = (view.known[:T], view.known[T : T + horizon]) if view.known.shape[1] else (None, None)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = fit.apply(view.y, exog=past).get_forecast(horizon, exog=coming)
        return normal_path(made.predicted_mean, made.se_mean, self.levels)


def _orders(values, what, names):
    """A tuple of whole numbers, as many as `names` has."""
    ok = isinstance(values, (tuple, list)) and len(values) == names.count(",") + 1
    if not (ok and all(isinstance(value, (int, np.integer)) and value >= 0 for value in values)):
        raise ValueError(f"{what} is {names}, whole numbers of at least 0, got {values!r}")
    return tuple(values)


def normal_path(mean, deviation, levels):
    """Point and quantiles (horizon, 1 + Q) of normal distributions (horizon,)."""
    from scipy.stats import norm

    return np.column_stack([mean, mean[:, None] + np.asarray(deviation)[:, None] * norm.ppf(levels)])
