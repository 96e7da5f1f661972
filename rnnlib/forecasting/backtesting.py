"""Backtests: the origin, the last time that is known, moves through a table.

A series of a panel is forecast from the origins that lie in it and leave enough steps; one that has
none is named and refused.
"""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from sklearn.base import clone

from rnnlib.core import validation
from rnnlib.forecasting import leakage, tables
from rnnlib.forecasting.base import BaseForecaster, _columns

# ---- backtest


def backtest(
    model: BaseForecaster,
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
    Raises forecasting.Leak where `prepare` looks ahead, where a known column is the target or a
    past one the target to come, or where a fitted model has seen what it is to forecast. The model
    that is passed in is left as it was.
    """
    if not isinstance(model, BaseForecaster):
        raise TypeError(f"backtest takes a BaseForecaster, got {type(model).__name__}")
    model.check_params()
    horizon = model.check_horizon(horizon)
    if refit is None or isinstance(refit, bool):
        every = refit
    else:
        every = validation.positive(refit, "refit")
    needs = _steps_needed(model, horizon)
    if every is None:
        model.check_fitted()
    else:
        model = clone(model)
    raw = table
    if prepare is not None:
        table = prepare(table.copy())
    views = model.panel_of(table)
    leakage.check_known(views, tuple(model.known))
    leakage.check_past(views, tuple(model.past), horizon)
    times = _origins(views, origins, validation.positive(step, "step"), needs)
    found = []
    waiting: list[tuple] = []
    for number, time in enumerate(times):
        if prepare is not None:
            leakage.check_preparation(prepare, raw, time, tuple(model.known), horizon)
        places = [(view, view.ds.searchsorted(time, side="right")) for view in views]
        places = [(view, t) for view, t in places if t and t + needs <= len(view.ds)]
        if not places:
            raise ValueError(
                f"no series has a value at or before {time} and {needs} steps after it"
            )
        if every is None:
            leakage.check_trained(model.views_, time)
        elif number == 0 or (every and number % every == 0):
            found += _forecast(model, waiting, horizon)
            waiting = []
            model.fit_checked([_until(view, t, 0) for view, t in places])
        waiting += [(view, t, _until(view, t, needs)) for view, t in places]
    found += _forecast(model, waiting, horizon)
    return pd.concat(found, ignore_index=True)


def _steps_needed(model, horizon):
    """Steps that must follow an origin: those forecast, and all that the model reads ahead."""
    if len(model.known) or len(model.calendar):
        return max(horizon, model.known_steps(horizon))
    return horizon


def _origins(views, origins, step, needs):
    """The times of the origins, rising; ValueError names a series that none of them serves where
    they serve others."""
    listed = not isinstance(origins, (int, np.integer))
    if listed:
        times = _listed(views[0].ds, origins)
    else:
        times = _counted(views, origins, step, needs)
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
        if dates and not numbers:
            times = pd.DatetimeIndex(origins)
        else:
            times = pd.Index(origins)
    except (TypeError, ValueError):
        times = pd.Index([], dtype=object)
    if not tables.same_kind_of_times(times.dtype, ds.dtype):
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
    first = last - step * (validation.positive(origins, "origins") - 1)
    if first < 1:
        raise ValueError(
            f"series {longest.key!r} has {len(longest.ds)} steps, too few for {origins} origins "
            f"{step} apart and {needs} steps after the last: "
            "fewer origins=, a smaller step= or a shorter horizon"
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
