"""The study behind the chapter `forecasting`: two series, two horizons each, every baseline and
three recurrent cells.

`python -m rnnlib.experiments.forecasting.run` makes the runs, the chapter reads them and repeats a
part in both frameworks. Each method has candidates; the one with the lowest mean absolute error on
the validation part is taken, and only that one is asked about the test part, from rolling origins.
Networks choose on the tuning seeds and report the reported ones.

Nothing is fitted again as the origin moves.  Classical methods have learnt from all that is before
the test part; windows of ridge and networks come from before the validation part, which stops the
training and sets the intervals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from rnnlib.core import validation
from rnnlib.data import datasets
from rnnlib.experiments import engines
from rnnlib.experiments.study import Record, Study, matching
from rnnlib.forecasting import (
    backtesting,
    base,
    linear,
    neural,
    scoring,
    statistical,
    tables,
    windowed,
)
from rnnlib.forecasting.intervals import error_quantiles
from rnnlib.forecasting.naive import Climatology, Persistence, SeasonalNaive
from rnnlib.forecasting.panel import SeriesSlice

LEVELS = tuple(round(0.05 * k, 2) for k in range(1, 20))  # 90 % lie between the first and the last
Candidates = list[tuple[str, Any]]  # label, forecaster; of a network a function of (rnn, seed)


@dataclass(frozen=True)
class Task:
    """One series, one horizon."""

    data: str
    horizon: int  # only this step is scored
    m: int  # of MASE
    valid: int  # steps of the validation part
    test: int | str  # the last time before the test part
    step: int  # between origins
    epochs: int  # at most
    patience: int
    batch: int


@dataclass(frozen=True)
class Grid:
    """What is tried on one series."""

    season: int
    drift: bool
    trends: tuple[bool | str, ...]  # of ETS
    ets_season: int | None
    orders: tuple[tuple[int, int, int], ...]  # of ARIMA
    waves: tuple[int, ...]  # of the year, beside ARIMA; () without, and without drift
    rest_seasons: tuple[int, ...]  # of season + rest, as `Climatology` has it
    shares: tuple[float, ...]  # of season + rest, as `SeasonAndLevel` has it
    trend_years: tuple[int, ...]
    steps: tuple[int, ...]  # of windows
    differences: tuple[int, ...]
    network_windows: tuple[tuple[int, int], ...]  # (steps, difference) that networks try
    rates: tuple[float, ...]


def tasks() -> dict[str, Task]:
    """The four tasks, by name."""
    sun: dict[str, Any] = {"data": "sunspots", "m": 1, "valid": 35, "test": 1955, "step": 1}
    sun |= {"epochs": 80, "patience": 15, "batch": 32}
    co2: dict[str, Any] = {"data": "co2", "m": 52, "valid": 260, "test": "1990-12-29", "step": 4}
    co2 |= {"epochs": 40, "patience": 10, "batch": 64}
    return {
        "sunspots, 1 year": Task(horizon=1, **sun),
        "sunspots, 11 years": Task(horizon=11, **sun),
        "co2, 1 week": Task(horizon=1, **co2),
        "co2, 52 weeks": Task(horizon=52, **co2),
    }


def grids() -> dict[str, Grid]:
    """What is tried, by series."""
    return {
        "sunspots": Grid(
            season=11,
            drift=False,
            trends=(False, "damped"),
            ets_season=None,
            orders=((2, 0, 0), (9, 0, 0), (2, 0, 1), (3, 0, 2), (2, 1, 1)),
            waves=(),
            rest_seasons=(1, 11),
            shares=(),
            trend_years=(),
            steps=(9, 11, 22),
            differences=(0,),
            network_windows=((11, 0), (22, 0)),
            rates=(3e-3, 1e-2),
        ),
        "co2": Grid(
            season=52,
            drift=True,
            trends=(True, "damped"),
            ets_season=52,
            orders=((1, 1, 1), (2, 1, 1)),
            waves=(2, 4),
            rest_seasons=(),
            shares=(0.2, 0.4, 0.8),
            trend_years=(10, 25),
            steps=(26, 52, 104),
            differences=(1, 52),
            network_windows=((52, 1), (52, 52), (104, 52)),
            rates=(1e-2,),
        ),
    }


def table(name: str) -> pd.DataFrame:
    """The series as a long table without gaps: what is missing in co2 repeats the week before,
    which looks at nothing later.
    """
    data = tables.table(datasets.load(name))
    if name == "sunspots":
        return data
    return tables.regularize(data, "W-SAT", fill="last")


def week_of_year(ds: pd.DatetimeIndex) -> np.ndarray:
    """Week of the year 0-51 of dates; the last has a day or two more."""
    return np.minimum(ds.day_of_year.to_numpy() - 1, 363) // 7


class SeasonAndLevel(base.BaseForecaster):
    """A season of 52 numbers, a level smoothed exponentially and a recent trend: the simplest that
    knows all three.

    season  the mean change of each week of the year, added up and less its mean
    share   of what is new that the level takes over at each step, up to 1
    years   at the end of the training table, whose mean change of a step is the trend
    Quantiles: of the errors made so in the training table, step by step.
    """

    def __init__(
        self,
        share: float,
        years: int,
        levels: Sequence[float] = LEVELS,
    ) -> None:
        super().__init__(levels)
        self.share = share
        self.years = years
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        super().check_params()
        validation.number(self.share, "share", 0)
        validation.positive(self.years, "years")

    def week(self, ds: pd.DatetimeIndex) -> np.ndarray:
        """The week 0-51 of each date; by the day of the year, since it has 52.18 weeks."""
        return week_of_year(ds)

    def fit_panel(self, panel: list[SeriesSlice]) -> None:
        """Learn season (52,) and trend of each series, {key: (season, trend)}."""
        learnt = {}
        for view in panel:
            week = self.week(view.ds[1:])
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

    def forecast_panel(self, panel: list[SeriesSlice], horizon: int) -> list[np.ndarray]:
        """Level, trend and season go on, [(horizon, 1 + Q)]."""
        spreads = {view.key: self._spread(view, horizon) for view in self.views_}
        return [self._path(view, horizon, spreads[view.key]) for view in panel]

    def _path(self, view, horizon, spread):
        season, trend = self.learnt_[view.key]
        steps = 1 + np.arange(horizon)
        coming = tables.times_ahead(view.ds, view.step, horizon)
        point = self._level(view)[-1] + steps * trend + season[self.week(coming)]
        return np.column_stack([point, point[:, None] + spread])

    def _level(self, view):
        """level_t = level_(t-1) + trend + share * surprise, for each step (T,)."""
        season, trend = self.learnt_[view.key]
        line = trend * np.arange(len(view.y))
        rest = view.y - season[self.week(view.ds)] - line
        first = [(1 - self.share) * rest[0]]
        return line + lfilter([self.share], [1, self.share - 1], rest, zi=first)[0]

    def _spread(self, view, horizon):
        """Quantiles (horizon, Q) of the errors in the training table."""
        season, trend = self.learnt_[view.key]
        rest = view.y - season[self.week(view.ds)]
        level = self._level(view)
        errors = np.full((len(rest), horizon), np.nan)
        for k in range(1, horizon + 1):
            errors[k:, k - 1] = rest[k:] - level[:-k] - k * trend
        return error_quantiles(errors, self.levels_)

    @classmethod
    def example_params(cls) -> list[dict]:
        """A trend of one year."""
        return [{"share": 0.4, "years": 1, "levels": (0.05, 0.5, 0.95)}]


@dataclass(frozen=True, eq=False, kw_only=True)
class Forecasting(Study):
    """Settings, one run, choices by the stored runs."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "torch", "statsmodels", "scikit-learn")
    lists: ClassVar[tuple[str, ...]] = ("tuning", "runs")

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    tasks: dict[str, Task] = field(default_factory=tasks)
    grids: dict[str, Grid] = field(default_factory=grids)
    cells: dict[str, str] = field(
        default_factory=lambda: {"elman": "Elman", "lstm": "LSTM", "gru": "GRU"}
    )
    levels: tuple[float, ...] = LEVELS
    hidden_size: int = 16
    tuning_seeds: tuple[int, ...] = (0, 1)
    reported_seeds: tuple[int, ...] = (2, 3, 4, 5, 6)

    # ---- what is tried

    def is_network(self, method: str) -> bool:
        """Whether a method is a network, whose candidates are functions of (rnn, seed)."""
        return method in self.cells.values()

    def candidates(self, name: str) -> dict[str, Candidates]:
        """{method: [(label, forecaster)]} of a task; a network's are functions of (rnn, seed)."""
        grid = self.grids[self.tasks[name].data]
        naive = SeasonalNaive(grid.season, drift=grid.drift, levels=self.levels)
        smoothing = [
            (f"trend {trend}, m {m}", statistical.ETS(trend, m, self.levels))
            for trend, m in product(grid.trends, [grid.ets_season])
        ]
        methods: dict[str, list[tuple[str, Any]]] = {
            "persistence": [("", Persistence(levels=self.levels))],
            "seasonal naive": [("", naive)],
            "season + rest": self._season_and_rest(grid),
            "ETS": smoothing,
            "ARIMA": self._arima(grid),
            "ridge": self._ridge(name),
        }
        for cell, title in self.cells.items():
            methods[title] = self._networks(name, cell)
        return methods

    def _season_and_rest(self, grid: Grid) -> Candidates:
        damped: list[tuple[str, Any]] = [
            (f"m {m}", Climatology(m, damped=True, levels=self.levels)) for m in grid.rest_seasons
        ]
        return damped + [
            (f"share {share}, trend of {years} years", SeasonAndLevel(share, years, self.levels))
            for share, years in product(grid.shares, grid.trend_years)
        ]

    def _arima(self, grid: Grid) -> Candidates:
        if not grid.waves:
            return [(f"{o}", statistical.ARIMA(o, levels=self.levels)) for o in grid.orders]
        found: list[tuple[str, Any]] = []
        for order, waves in product(grid.orders, grid.waves):
            options: dict[str, Any] = {
                "drift": True,
                "calendar": (("dayofyear", waves),),
                "levels": self.levels,
            }
            found.append((f"{order}, drift, {waves} waves", statistical.ARIMA(order, **options)))
        return found

    def _shapes(self, name: str) -> list[tuple[str, dict]]:
        """(label, arguments) of the windows of a task."""
        task = self.tasks[name]
        grid = self.grids[task.data]
        strategies = ["direct"]
        if 1 < task.horizon < 52:
            strategies.append("recursive")
        shapes = []
        for steps, change, strategy in product(grid.steps, grid.differences, strategies):
            shape = {"n_in": steps, "horizon": task.horizon, "difference": change}
            label = f"{steps} steps, difference {change}, {strategy}"
            shapes.append((label, shape | {"strategy": strategy}))
        return shapes

    def _ridge(self, name: str) -> Candidates:
        common: dict[str, Any] = {"valid": self.tasks[name].valid, "levels": self.levels}
        return [(label, linear.Ridge(**shape, **common)) for label, shape in self._shapes(name)]

    def _networks(self, name: str, cell: str) -> Candidates:
        grid = self.grids[self.tasks[name].data]
        found: list[tuple[str, Any]] = []
        for label, shape in self._shapes(name):
            if (shape["n_in"], shape["difference"]) not in grid.network_windows:
                continue
            for rate in grid.rates:
                found.append((f"{label}, rate {rate:g}", self._network(name, cell, shape, rate)))
        return found

    def _network(self, name: str, cell: str, shape: dict, rate: float) -> Callable:
        task = self.tasks[name]
        stop = {"epochs": task.epochs, "patience": task.patience, "batch_size": task.batch}
        options: dict[str, Any] = {
            "cell": cell,
            "hidden_size": self.hidden_size,
            "lr": rate,
            **stop,
        }
        options |= {"valid": task.valid, "levels": self.levels, **shape}

        def network(rnn: ModuleType, seed: int) -> neural.RNNForecaster:
            engine = self.engine(rnn, cell)
            return neural.RNNForecaster(rnn, rng=seed, network_options=engine, **options)

        return network

    # ---- one run

    def table(self, name: str) -> pd.DataFrame:
        """The series of a task."""
        return table(self.tasks[name].data)

    def last_known(self, name: str) -> int | pd.Timestamp:
        """The last time before the test part of a task."""
        test = self.tasks[name].test
        if isinstance(test, int):
            return test
        return pd.Timestamp(test)

    def validation_error(self, name: str, model: base.BaseForecaster) -> float:
        """Mean absolute error at the horizon over the validation part, learnt from what is before
        it.
        """
        task = self.tasks[name]
        data = self.table(name)
        known = data[data["ds"] <= self.last_known(name)]
        if isinstance(model, windowed.WindowedForecaster):
            errors = model.fit(known).valid_errors_[:, task.horizon - 1]
            return float(np.nanmean(np.abs(errors)))
        number = task.valid - task.horizon + 1
        found = backtesting.backtest(model, known, task.horizon, origins=number)
        found = found[found["step"] == task.horizon]
        return float(np.abs(found["y"] - found["forecast"]).mean())

    def origins(self, name: str) -> list:
        """The times of the test part's origins."""
        task = self.tasks[name]
        ds = self.table(name)["ds"]
        first = int(np.searchsorted(ds, self.last_known(name)))
        return list(ds.iloc[first : len(ds) - task.horizon : task.step])

    def test_forecasts(self, name: str, model: base.BaseForecaster) -> pd.DataFrame:
        """The backtest over the test part, its rows at the horizon alone."""
        horizon = self.tasks[name].horizon
        origins = self.origins(name)
        found = backtesting.backtest(model, self.table(name), horizon, origins=origins)
        return found[found["step"] == horizon].reset_index(drop=True)

    def scored(self, name: str, found: pd.DataFrame) -> Record:
        """What is kept of a run: its scores and its errors, y less forecast."""
        scores = scoring.scores(found, self.table(name), m=self.tasks[name].m)
        scores = scores.loc["all"].drop("forecasts")
        kept = {key: float(f"{value:.5g}") for key, value in scores.items()}
        return kept | {"errors": [round(float(e), 3) for e in found["y"] - found["forecast"]]}

    # ---- what the stored runs found

    def seeds_of(self, method: str, seeds: tuple[int, ...]) -> tuple[int | None, ...]:
        """The seeds of a network; (None,) of what has no chance in it."""
        if self.is_network(method):
            return seeds
        return (None,)

    def chosen(self, results: dict, name: str, method: str) -> str:
        """The label of the candidate with the lowest mean validation error."""
        labels = [label for label, _ in self.candidates(name)[method]]
        records = self.select(results, "tuning", task=name, method=method)
        seeds = self.seeds_of(method, self.tuning_seeds)
        return self.choose(records, lambda run: run["error"], labels, by="label", seeds=seeds)

    def best(self, results: dict, name: str, networks: bool) -> str:
        """The method that did best on the validation part, among networks or among the others."""
        methods = [m for m in self.candidates(name) if self.is_network(m) == networks]
        chosen = []
        for method in methods:
            label = self.chosen(results, name, method)
            chosen += self.select(results, "tuning", task=name, method=method, label=label)
        seeds = self.seeds_of(methods[0], self.tuning_seeds)
        return self.choose(chosen, lambda run: run["error"], methods, by="method", seeds=seeds)

    def choices(self, results: dict) -> dict:
        """The candidate of each task and method, the best network and the best of the others."""
        chosen: dict[tuple[str, str | bool], Any] = {}
        for name in self.tasks:
            for method in self.candidates(name):
                chosen[name, method] = self.chosen(results, name, method)
            for networks in (True, False):
                chosen[name, networks] = self.best(results, name, networks)
        return chosen

    def reports(self, runs: str, record: Record) -> bool:
        """The runs on the test part."""
        return runs == "runs"

    def reported(self, results: dict, name: str, method: str) -> list[Record]:
        """The runs on the test part: one, or one for each of the seeds."""
        found = matching(results["runs"], task=name, method=method)
        return sorted(found, key=lambda run: run["seed"] or 0)

    def errors(self, results: dict, name: str, method: str) -> np.ndarray:
        """Errors (N, T) of the test part, a row for each seed."""
        return np.array([run["errors"] for run in self.reported(results, name, method)])


STUDY = Forecasting()
