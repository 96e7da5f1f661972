"""Four half-years of Beijing, a day ahead: what the study of New York's weather found, tried on years that nothing was chosen on.

`python -m benchmarks.beijing` makes the runs, the chapter `weather` reads them.  Each second half of YEARS is a test; inputs, sizes and
rates are those of `rnnlib.studies.weather`, the season is the mean of each month in the years before.  DESIGNS:

plan       learns from the first half of the year, as in New York, and knows no season
season     learns from the first half of the year, with the season off, in the design that was chosen then ("again")
all years  the same from 2010 on; the means then hold the years learnt from, never the year of the test
"""

from pathlib import Path

import pandas as pd

from rnnlib import datasets, series
from rnnlib.studies import stored, weather

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "beijing.json"
YEARS, DESIGNS, NAMES = (
    (2011, 2012, 2013, 2014),
    ("plan", "season", "all years"),
    ("repeat-day", "climatology", "mixture", "ridge", "gru"),
)
PAST = ("unusual", "dew_unusual")  # there are no other airports


def readings():
    """A long table: unique_id "Beijing", ds (UTC, hours from 2010 to 2014), y and dew (°C, whole degrees).  datasets.DatasetUnavailable without the data."""
    raw = datasets.load("beijing_pollution")
    ds = raw.index.tz_localize("Asia/Shanghai").tz_convert("UTC")
    columns = {
        "unique_id": "Beijing",
        "ds": ds,
        "y": raw["TEMP"].to_numpy(float),
        "dew": raw["DEWP"].to_numpy(float),
    }
    return series.table(pd.DataFrame(columns))


def normals(table, year):
    """What is ordinary in each month (12,), °C: the mean of all hours of that month in the years before `year`."""
    past = table[table["ds"].dt.year < year]
    return past.groupby(past["ds"].dt.month)["y"].mean().to_numpy()


def parts(year):
    """The test parts of a year: those of New York's 2013."""
    return [tuple(day.replace("2013", str(year)) for day in part) for part in weather.TEST]


def prepared(table, design, year):
    """The table that a design learns from and is asked with, its last hour at the end of `year`."""
    first = 2010 if design == "all years" else year
    part = table[table["ds"].dt.year.between(first, year)].reset_index(drop=True)
    return weather.prepare(part) if design == "plan" else weather.less_season(part, normals(table, year))


def forecaster(name, design, rnn=None, seed=0):
    """One of NAMES, 24 hours ahead, in a design."""
    if name in weather.SIMPLE:
        return weather.forecaster(name, 24)
    study, options = ("tuning", {}) if design == "plan" else ("again tuning", weather.AGAIN[name])
    rate = weather.chosen_rate(weather.load(), 24, study)
    return weather.forecaster(name, 24, rnn, rate, seed, past=PAST, **options)


def settings():
    """What the runs of one file have in common; a file of other settings is not added to."""
    return weather.settings() | dict(hours=24, years=YEARS, designs=DESIGNS, past=PAST)


def load():
    """The results so far.  ValueError if they were made with other settings."""
    return stored.load(PATH, settings(), ("numpy", "pandas", "scikit-learn", "torch"))


def ratio(results, name, design, column, years=YEARS, rival="repeat-day", rival_design="plan", block=7):
    """MAE (column 1) or RMSE (2) over that of `rival`, of these years together: (ratio, low, high), as `weather.ratio`."""
    one, other = (
        [run for year in years for run in weather.select(results, name=who, design=how, year=year)]
        for who, how in ((name, design), (rival, rival_design))
    )
    return weather.over(one, other, column, block)
