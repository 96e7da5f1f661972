"""Four half-years of Beijing, a day ahead: what the study of New York's weather found, tried on
years that nothing was chosen on.

`python -m rnnlib.experiments.beijing.run` makes the runs, the chapter `weather` reads them.  Each
second half of a year is a test; inputs, sizes and rates are those of `rnnlib.experiments.weather`,
the season is the mean of each month in the years before.  The designs:

plan       learns from the first half of the year, as in New York, and knows no season
season     learns from the first half of the year, with the season off, in the design that was
           chosen then ("again")
all years  the same from 2010 on; the means then hold the years learnt from, never the year of the
           test
"""

from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar

import numpy as np
import pandas as pd

from rnnlib.data import datasets
from rnnlib.experiments.study import Record, Study
from rnnlib.experiments.weather.study import STUDY as NEW_YORK
from rnnlib.experiments.weather.study import Part, Weather, over
from rnnlib.forecasting import base, tables


@dataclass(frozen=True, eq=False, kw_only=True)
class Beijing(Study):
    """Settings, data, one run, what the stored runs found."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "pandas", "scikit-learn", "torch")

    engines: tuple[str, ...] = NEW_YORK.engines
    weather: Weather = NEW_YORK
    # chosen in New York, for "plan" and for the other designs
    rates: tuple[float, float] = (0.01, 0.003)
    hours: int = 24
    years: tuple[int, ...] = (2011, 2012, 2013, 2014)
    first_year: int = 2010
    designs: tuple[str, ...] = ("plan", "season", "all years")
    names: tuple[str, ...] = ("repeat-day", "climatology", "mixture", "ridge", "gru")
    past: tuple[str, ...] = ("unusual", "dew_unusual")  # there are no other airports

    def readings(self) -> pd.DataFrame:
        """A long table: unique_id "Beijing", ds (UTC, hours from 2010 to 2014), y and dew (°C,
        whole degrees).

        data.DatasetUnavailable without the data.
        """
        raw = datasets.load("beijing_pollution")
        columns = {
            "unique_id": "Beijing",
            "ds": raw.index.tz_localize("Asia/Shanghai").tz_convert("UTC"),
            "y": raw["TEMP"].to_numpy(float),
            "dew": raw["DEWP"].to_numpy(float),
        }
        return tables.table(pd.DataFrame(columns))

    def parts(self, year: int) -> list[Part]:
        """The test parts of a year: those of New York's 2013."""
        parts = self.weather.test_parts
        moved = [[day.replace("2013", str(year)) for day in part] for part in parts]
        return [(first, last) for first, last in moved]

    def prepared(self, table: pd.DataFrame, design: str, year: int) -> pd.DataFrame:
        """The table that a design learns from and is asked with, its last hour at the end of
        `year`.
        """
        if design == "all years":
            first = self.first_year
        else:
            first = year
        part = table[table["ds"].dt.year.between(first, year)].reset_index(drop=True)
        if design == "plan":
            return self.weather.prepare(part)
        return self.weather.less_season(part, normals(table, year))

    def forecaster(
        self, name: str, design: str, rnn: ModuleType | None = None, seed: int = 0
    ) -> base.BaseForecaster:
        """One of the names, 24 hours ahead, in a design."""
        if name in self.weather.simple:
            return self.weather.forecaster(name, self.hours)
        if design == "plan":
            options = {}
        else:
            options = self.weather.again[name]
        if design == "plan":
            rate = self.rates[0]
        else:
            rate = self.rates[1]
        return self.weather.forecaster(name, self.hours, rnn, rate, seed, past=self.past, **options)

    def reports(self, runs: str, record: Record) -> bool:
        """All: nothing is chosen here."""
        return True

    def ratio(
        self,
        results: dict,
        name: str,
        design: str,
        column: int,
        years: tuple[int, ...] | None = None,
        rival: str = "repeat-day",
        rival_design: str = "plan",
        block: int = 7,
    ) -> tuple[float, float, float]:
        """MAE (column 1) or RMSE (2) over that of `rival`, of these years together: (ratio, low,
        high), as in `weather`.
        """

        def runs_of(name: str, design: str) -> list[Record]:
            runs = []
            for year in years or self.years:
                runs += self.select(results, name=name, design=design, year=year)
            return runs

        return over(runs_of(name, design), runs_of(rival, rival_design), column, block)


def normals(table: pd.DataFrame, year: int) -> np.ndarray:
    """What is ordinary in each month (12,), °C: the mean of all hours of that month in the years
    before `year`.
    """
    past = table[table["ds"].dt.year < year]
    return past.groupby(past["ds"].dt.month)["y"].mean().to_numpy()


STUDY = Beijing()
