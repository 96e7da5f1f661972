"""Series in time: tables, splits and windows, forecasters of one interface, backtests and guards
against leaks.
"""

from rnnlib.forecasting.backtesting import backtest
from rnnlib.forecasting.base import LEVELS, BaseForecaster, descendants
from rnnlib.forecasting.forecaster_suite import check_forecaster
from rnnlib.forecasting.intervals import error_quantiles, errors_needed
from rnnlib.forecasting.leakage import (
    Leak,
    check_causal,
    check_known,
    check_parts,
    check_past,
    check_preparation,
    check_trained,
)
from rnnlib.forecasting.linear import Ridge
from rnnlib.forecasting.naive import Climatology, Persistence, SeasonalNaive
from rnnlib.forecasting.neural import RNNForecaster
from rnnlib.forecasting.one_step import AutoRegression, persistence, seasonal_naive
from rnnlib.forecasting.panel import SeriesSlice, future_values, split_panel
from rnnlib.forecasting.scaling import Standardizer
from rnnlib.forecasting.scoring import scores
from rnnlib.forecasting.splits import split
from rnnlib.forecasting.statistical import ARIMA, ETS, ARIMAFit, ETSFit
from rnnlib.forecasting.tables import calendar, regularize, step_of, table, times_ahead
from rnnlib.forecasting.windowed import WindowedForecaster
from rnnlib.forecasting.windows import WindowSet, sliding_windows

__all__ = [
    "ARIMA",
    "ARIMAFit",
    "AutoRegression",
    "BaseForecaster",
    "Climatology",
    "ETS",
    "ETSFit",
    "LEVELS",
    "Leak",
    "Persistence",
    "RNNForecaster",
    "Ridge",
    "SeasonalNaive",
    "SeriesSlice",
    "Standardizer",
    "WindowSet",
    "WindowedForecaster",
    "backtest",
    "calendar",
    "check_causal",
    "check_forecaster",
    "check_known",
    "check_parts",
    "check_past",
    "check_preparation",
    "check_trained",
    "descendants",
    "error_quantiles",
    "errors_needed",
    "future_values",
    "persistence",
    "regularize",
    "scores",
    "seasonal_naive",
    "sliding_windows",
    "split",
    "split_panel",
    "step_of",
    "table",
    "times_ahead",
]
