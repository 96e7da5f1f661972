"""The study of Beijing: nothing of a test half or later in what is learnt or called ordinary,
nothing chosen there.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from backends import INSTALLED, framework
from rnnlib.data import datasets
from rnnlib.experiments.beijing import STUDY as beijing
from rnnlib.experiments.beijing.study import normals
from rnnlib.experiments.weather import STUDY as weather
from rnnlib.experiments.weather.study import days


@pytest.fixture(scope="module")
def made():
    """Five years of a made-up place, of which each year is 1 °C warmer than the last."""
    ds = pd.date_range("2010-01-01", "2014-12-31 23:00", freq="h", tz="UTC")
    y = weather.season(ds) + ds.year - 2010
    return pd.DataFrame({"unique_id": "Beijing", "ds": ds, "y": y, "dew": y - 3})


def test_readings():
    try:
        table = beijing.readings()
    except datasets.DatasetUnavailable as problem:
        pytest.skip(str(problem))
    assert len(table) == 43_824 and set(table["ds"].diff().dropna()) == {pd.Timedelta("1h")}
    # 12 o'clock there
    noon = table[table["ds"] == pd.Timestamp("2012-07-01 04:00", tz="UTC")].iloc[0]
    raw = datasets.load("beijing_pollution").loc["2012-07-01 12:00"]
    assert (noon["y"], noon["dew"]) == (raw["TEMP"], raw["DEWP"])


def test_what_is_ordinary_is_of_earlier_years(made):
    first, later = normals(made, 2011), normals(made, 2013)  # of 2010, of 2010 to 2012
    assert_allclose(later - first, 1, atol=0.05)
    changed = made.assign(y=made["y"].where(made["ds"].dt.year < 2013, 99))
    assert_allclose(normals(changed, 2013), normals(made, 2013))


@pytest.mark.parametrize("design", beijing.designs)
def test_a_design_knows_its_years(made, design):
    table = beijing.prepared(made, design, 2013)
    years = set(table["ds"].dt.year)
    assert years == (set(range(2010, 2014)) if design == "all years" else {2013})
    summer = table[table["ds"] == pd.Timestamp("2013-07-16", tz="UTC")]["y"].item()
    # 2010 to 2012 were 2 °C cooler
    assert (summer > 20) if design == "plan" else abs(summer - 2) < 0.5


def test_parts_are_new_yorks():
    assert beijing.parts(2011)[0] == ("2011-07-01", "2011-09-01") and len(
        beijing.parts(2011)
    ) == len(weather.test_parts)


def test_rates_are_those_that_were_chosen_in_new_york():
    results = weather.load()
    chosen = [weather.chosen_rate(results, 24, study) for study in ("tuning", "again tuning")]
    assert list(beijing.rates) == chosen


def test_forecasters_are_new_yorks():
    plan, season = (
        beijing.forecaster("gru", design, framework(INSTALLED[0]), 3)
        for design in ("plan", "season")
    )
    assert (plan.lr, plan.n_in, plan.hidden_size) == (0.01, 24, weather.sizes[24])
    assert (season.lr, season.n_in, season.hidden_size) == (0.003, 8, 16) and season.rng == 3
    assert plan.past == season.past == beijing.past
    assert (
        beijing.forecaster("ridge", "all years").n_in == 8
        and beijing.forecaster("ridge", "plan").n_in == 24
    )


def test_results_are_complete():
    results = beijing.load()
    for year in beijing.years:
        assert (
            days(weather.select(results, name="repeat-day", design="plan", year=year)).shape[0] == 1
        )
        for design in beijing.designs:
            for name in ("ridge",) if design == "plan" else ("climatology", "mixture", "ridge"):
                assert days(weather.select(results, name=name, design=design, year=year)).shape == (
                    1,
                    182,
                    3,
                )
            assert days(weather.select(results, name="gru", design=design, year=year)).shape == (
                len(weather.seeds),
                182,
                3,
            )


def test_ratio_of_years_together():
    def run(name, year, size):
        days = [[24, size, size**2]] * 10
        return {
            "name": name,
            "design": "plan",
            "year": year,
            "start": f"{year}-07-01",
            "days": days,
        }

    results = {
        "runs": [
            run(n, y, s)
            for n, y, s in (
                ("ridge", 1, 1.0),
                ("ridge", 2, 3.0),
                ("repeat-day", 1, 2.0),
                ("repeat-day", 2, 2.0),
            )
        ]
    }
    value, low, high = beijing.ratio(results, "ridge", "plan", 1, years=(1, 2), block=2)
    assert_allclose(value, 1)
    assert low < 1 < high
    assert_allclose(
        beijing.ratio(results, "ridge", "plan", 2, years=(1, 2), block=2)[0], np.sqrt(5 / 4)
    )
