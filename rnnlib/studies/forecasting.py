"""The study behind the chapter `forecasting`: two series, two horizons each, every baseline and
three recurrent cells.

`python -m benchmarks.forecasting` makes the runs, the chapter reads them and repeats a part in both
frameworks: to change the experiment, change it here.  Each method has candidates; the one with the
lowest mean absolute error on the validation part is taken, and only that one is asked about the
test part, from rolling origins.  Networks choose on the seeds `TUNING` and report `REPORTED`.

Nothing is fitted again as the origin moves.  Classical methods have learnt from all that is before
the test part; windows of ridge and networks come from before the validation part, which stops the
training and sets the intervals.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from rnnlib import checks, classical, datasets, forecast, series, windowed
from rnnlib.quantiles import error_quantiles
from rnnlib.studies import stored
from rnnlib.views import View

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "forecasting.json"
TUNING, REPORTED = (0, 1), (2, 3, 4, 5, 6)
LEVELS = tuple(round(0.05 * k, 2) for k in range(1, 20))  # 90 % lie between the first and the last
HIDDEN = 16


class Task(NamedTuple):
    """One series, one horizon."""

    data: str
    horizon: int  # only this step is scored
    m: int  # of MASE and of the seasonal naive forecast
    valid: int  # steps of the validation part
    test: object  # the last time before the test part
    step: int  # between origins
    epochs: int  # at most; patience is 15 or a quarter of them, the smaller
    batch: int
    cells: tuple


TASKS = {
    "sunspots, 1 year": Task("sunspots", 1, 1, 35, 1955, 1, 80, 32, ("elman", "lstm", "gru")),
    "sunspots, 11 years": Task("sunspots", 11, 1, 35, 1955, 1, 80, 32, ("elman", "lstm", "gru")),
    "co2, 1 week": Task("co2", 1, 52, 260, "1990-12-29", 4, 40, 64, ("elman", "lstm", "gru")),
    "co2, 52 weeks": Task("co2", 52, 52, 260, "1990-12-29", 4, 40, 64, ("elman", "lstm", "gru")),
}
SEASON = {"sunspots": 11, "co2": 52}
CELLS = {"elman": "Elman", "lstm": "LSTM", "gru": "GRU"}


def table(name):
    """The series as a long table without gaps: what is missing in co2 repeats the week before,
    which looks at nothing later."""
    data = series.table(datasets.load(name))
    return data if name == "sunspots" else series.regularize(data, "W-SAT", fill="last")


class SeasonAndLevel(forecast.Forecaster):
    """A season of 52 numbers, a level smoothed exponentially and a recent trend: the simplest that
    knows all three.

    season  the mean change of each week of the year, added up and less its mean
    share   of what is new that the level takes over at each step, up to 1
    years   at the end of the training table, whose mean change of a step is the trend
    levels  quantiles, of the errors made so in the training table, step by step

    Weeks go by the day of the year, since it has 52.18 of them.
    """

    def __init__(self, share: float, years: int, levels: Sequence[float] = LEVELS) -> None:
        super().__init__(levels)
        self.share = share
        self.years = years
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        checks.number(self.share, "share", 0)
        checks.positive(self.years, "years")

    def fit_panel(self, panel: list[View]) -> None:
        """Learn season (52,) and trend of each series, {key: (season, trend)}."""
        learnt = {}
        for view in panel:
            week = _week(view.ds[1:])
            change = np.diff(view.y)
            m = 52 * self.years
            if len(view.y) <= m or len(np.unique(week)) < 52:
                raise ValueError(
                    f"series {view.key!r} has {len(view.y)} steps: more than {m} are needed for "
                    f"a trend of years={self.years}, and every week of a year"
                )
            season = np.array([change[week == k].mean() for k in range(52)])
            trend = (view.y[-1] - view.y[-1 - m]) / m
            learnt[view.key] = np.cumsum(season - season.mean()), trend
        self.learnt_ = learnt

    def forecast_panel(self, panel: list[View], horizon: int) -> list[np.ndarray]:
        """Level, trend and season go on, [(horizon, 1 + Q)]."""
        spreads = {view.key: self._spread(view, horizon) for view in self.views_}
        return [self._path(view, horizon, spreads[view.key]) for view in panel]

    def _path(self, view, horizon, spread):
        season, trend = self.learnt_[view.key]
        steps = 1 + np.arange(horizon)
        coming = series.ahead(view.ds, view.step, horizon)
        point = self._level(view)[-1] + steps * trend + season[_week(coming)]
        return np.column_stack([point, point[:, None] + spread])

    def _level(self, view):
        """level_t = level_(t-1) + trend + share * surprise, for each step (T,)."""
        season, trend = self.learnt_[view.key]
        line = trend * np.arange(len(view.y))
        rest = view.y - season[_week(view.ds)] - line
        start = [(1 - self.share) * rest[0]]
        return line + lfilter([self.share], [1, self.share - 1], rest, zi=start)[0]

    def _spread(self, view, horizon):
        """Quantiles (horizon, Q) of the errors in the training table."""
        season, trend = self.learnt_[view.key]
        rest = view.y - season[_week(view.ds)]
        level = self._level(view)
        errors = np.full((len(rest), horizon), np.nan)
        for k in range(1, horizon + 1):
            errors[k:, k - 1] = rest[k:] - level[:-k] - k * trend
        return error_quantiles(errors, self.levels_)

    @classmethod
    def example_params(cls) -> list[dict]:
        """A trend of one year."""
        return [{"share": 0.4, "years": 1, "levels": (0.05, 0.5, 0.95)}]


def _week(ds):
    """Week of the year 0-51 of dates; the last has a day or two more."""
    return np.minimum(ds.day_of_year.to_numpy() - 1, 363) // 7


def candidates(name):
    """{method: [(label, forecaster)]} of a task; a network's are functions of (rnn, seed)."""
    task, sun = TASKS[name], TASKS[name].data == "sunspots"
    season, h, window = SEASON[task.data], task.horizon, dict(valid=task.valid, levels=LEVELS)
    fourier = [(("dayofyear", k),) for k in (2, 4)]
    orders = [(2, 0, 0), (9, 0, 0), (2, 0, 1), (3, 0, 2), (2, 1, 1)]
    trends, own = ((False, "damped"), (None,)) if sun else ((True, "damped"), (52,))
    found = {
        "persistence": [("", classical.Persistence(levels=LEVELS))],
        "seasonal naive": [("", classical.SeasonalNaive(season, drift=not sun, levels=LEVELS))],
        "season + rest": _season_and_rest(sun),
        "ETS": [(f"trend {t}, m {m}", classical.ETS(t, m, LEVELS)) for t in trends for m in own],
    }
    if sun:
        found["ARIMA"] = [(f"{o}", classical.ARIMA(o, levels=LEVELS)) for o in orders]
    else:
        found["ARIMA"] = [
            (
                f"{o}, drift, {f[0][1]} waves",
                classical.ARIMA(o, drift=True, calendar=f, levels=LEVELS),
            )
            for o in ((1, 1, 1), (2, 1, 1))
            for f in fourier
        ]
    steps, changes = ((9, 11, 22), (0,)) if sun else ((26, 52, 104), (1, 52))
    strategies = ("direct", "recursive") if 1 < h < 52 else ("direct",)
    shapes = [
        (f"{n} steps, difference {d}, {s}", dict(n_in=n, horizon=h, difference=d, strategy=s))
        for n in steps
        for d in changes
        for s in strategies
    ]
    found["ridge"] = [(label, windowed.Ridge(**shape, **window)) for label, shape in shapes]
    stop = dict(epochs=task.epochs, patience=min(15, task.epochs // 4), batch_size=task.batch)
    how = dict(hidden_size=HIDDEN, **stop, **window)

    def network(cell, shape, lr):
        return lambda rnn, seed: windowed.Recurrent(rnn, cell=cell, lr=lr, rng=seed, **shape, **how)

    few = [
        s
        for s in shapes
        if s[1]["n_in"] in (11, 22, 52) or (s[1]["n_in"], s[1]["difference"]) == (104, 52)
    ]
    rates = (3e-3, 1e-2) if sun else (1e-2,)
    for cell in task.cells:
        found[CELLS[cell]] = [
            (f"{label}, rate {lr:g}", network(cell, shape, lr))
            for label, shape in few
            for lr in rates
        ]
    return found


def _season_and_rest(sun):
    if sun:
        return [(f"m {m}", classical.Climatology(m, damped=True, levels=LEVELS)) for m in (1, 11)]
    return [
        (f"share {share}, trend of {years} years", SeasonAndLevel(share, years))
        for share in (0.2, 0.4, 0.8)
        for years in (10, 25)
    ]


def is_network(method):
    return method in CELLS.values()


def validation_error(name, model):
    """Mean absolute error at the horizon over the validation part, learnt from what is before
    it."""
    task, data = TASKS[name], table(TASKS[name].data)
    known = data[data["ds"] <= _time(task)]
    if isinstance(model, windowed.Windowed):
        errors = model.fit(known).valid_errors_[:, task.horizon - 1]
        return float(np.nanmean(np.abs(errors)))
    found = forecast.backtest(model, known, task.horizon, origins=task.valid - task.horizon + 1)
    found = found[found["step"] == task.horizon]
    return float(np.abs(found["y"] - found["forecast"]).mean())


def _time(task):
    return task.test if task.data == "sunspots" else pd.Timestamp(task.test)


def origins(name):
    """The times of the test part's origins."""
    task = TASKS[name]
    ds = table(task.data)["ds"]
    first = int(np.searchsorted(ds, _time(task)))
    return list(ds.iloc[first : len(ds) - task.horizon : task.step])


def test_forecasts(name, model):
    """The backtest over the test part, its rows at the horizon alone."""
    task = TASKS[name]
    found = forecast.backtest(model, table(task.data), task.horizon, origins=origins(name))
    return found[found["step"] == task.horizon].reset_index(drop=True)


def scored(name, found):
    """What is kept of a run: its scores and its errors, y less forecast."""
    task = TASKS[name]
    scores = forecast.scores(found, table(task.data), m=task.m).loc["all"].drop("forecasts")
    kept = {key: float(f"{value:.5g}") for key, value in scores.items()}
    return kept | {"errors": [round(float(e), 3) for e in found["y"] - found["forecast"]]}


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    labels = {
        name: {method: [label for label, _ in c] for method, c in candidates(name).items()}
        for name in TASKS
    }
    tasks = {name: task._asdict() for name, task in TASKS.items()}
    return dict(tasks=tasks, candidates=labels, hidden=HIDDEN, levels=LEVELS)


def load(path=PATH):
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(
        path,
        settings(),
        ("numpy", "torch", "statsmodels", "scikit-learn"),
        lists=("tuning", "runs"),
    )


def chosen(results, name, method):
    """The label of the candidate with the lowest mean validation error."""
    errors = {}
    for run in results["tuning"]:
        if (run["task"], run["method"]) == (name, method):
            errors.setdefault(run["label"], []).append(run["error"])
    every = [label for label, _ in candidates(name)[method]]
    needed = len(TUNING) if is_network(method) else 1
    if any(len(errors.get(label, [])) < needed for label in every):
        raise ValueError(f"{method} of {name}: the tuning is not finished")
    return min(every, key=lambda label: np.mean(errors[label]))


def best(results, name, networks):
    """The method that did best on the validation part, among networks or among the others."""
    found = {}
    for method in candidates(name):
        if is_network(method) == networks:
            label = chosen(results, name, method)
            errors = [
                r["error"]
                for r in results["tuning"]
                if (r["task"], r["method"], r["label"]) == (name, method, label)
            ]
            found[method] = np.mean(errors)
    return min(found, key=found.get)


def reported(results, name, method):
    """The runs on the test part: one, or one for each of the seeds."""
    found = [run for run in results["runs"] if (run["task"], run["method"]) == (name, method)]
    return sorted(found, key=lambda run: run["seed"] or 0)


def errors(results, name, method):
    """Errors (N, T) of the test part, a row for each seed."""
    return np.array([run["errors"] for run in reported(results, name, method)])
