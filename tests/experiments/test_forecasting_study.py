"""The study of forecasts: what is chosen is blind to the test part, and the stored runs are
whole.
"""

import numpy as np
import pandas as pd
import pytest

from backends import FRAMEWORKS, framework
from rnnlib.experiments.forecasting import STUDY as study
from rnnlib.experiments.forecasting import SeasonAndLevel, week_of_year
from rnnlib.experiments.forecasting.study import table
from rnnlib.forecasting import backtesting, intervals, neural
from rnnlib.training.estimators import framework_of


@pytest.mark.parametrize("name", study.tasks)
def test_choices_do_not_see_the_test_part(name, monkeypatch):
    task, whole = study.tasks[name], study.table(name)
    time = task.test if task.data == "sunspots" else pd.Timestamp(task.test)
    ridge = dict(study.candidates(name)["ridge"][:1]).popitem()[1]
    naive = study.candidates(name)["persistence"][0][1]
    errors = [study.validation_error(name, m) for m in (ridge, naive)]
    spoiled = whole.assign(y=whole["y"].where(whole["ds"] <= time, 1e6))
    monkeypatch.setattr(type(study), "table", lambda self, name: spoiled)
    assert errors == [study.validation_error(name, m) for m in (ridge, naive)]
    assert min(study.origins(name)) == time and len(study.origins(name)) > 40


def test_validation_errors_of_both_kinds_are_on_the_same_origins(monkeypatch):
    seen = []
    true = backtesting.backtest
    monkeypatch.setattr(
        backtesting, "backtest", lambda *a, **o: seen.append(true(*a, **o)) or seen[-1]
    )
    name = "sunspots, 11 years"
    study.validation_error(name, study.candidates(name)["persistence"][0][1])
    ridge = study.candidates(name)["ridge"][0][1]
    study.validation_error(name, ridge)
    assert seen[0]["origin"].nunique() == np.isfinite(ridge.valid_errors_[:, 10]).sum() == 25
    assert seen[0]["origin"].min() == 1920


def test_only_the_horizon_is_scored():
    name = "sunspots, 11 years"
    found = study.test_forecasts(name, study.candidates(name)["persistence"][0][1])
    assert (found["step"] == 11).all() and (found["ds"] - found["origin"] == 11).all()
    y = table("sunspots").set_index("ds")["y"]
    kept = study.scored(name, found)
    expected = y.loc[1966:].to_numpy() - y.loc[1955:1997].to_numpy()
    np.testing.assert_allclose(kept["errors"], expected, atol=1e-3)
    assert kept["MAE"] == pytest.approx(np.abs(expected).mean(), rel=1e-4)


def test_the_stored_runs_are_whole_and_the_candidates_those_that_were_tried():
    results = study.load()
    for name in study.tasks:
        for method in study.candidates(name):
            label, runs = study.chosen(results, name, method), study.reported(results, name, method)
            seeds = list(study.reported_seeds) if study.is_network(method) else [None]
            assert [run["seed"] for run in runs if run["label"] == label] == seeds
            assert study.errors(results, name, method).shape == (
                len(seeds),
                len(study.origins(name)),
            )
    assert not set(study.tuning_seeds) & set(study.reported_seeds)


def test_the_best_is_chosen_by_validation_alone():
    name = "co2, 1 week"
    tuning = [
        dict(task=name, method=m, label=label, seed=s, error=1.0 if m in ("ETS", "GRU") else 2.0)
        for m, tried in study.candidates(name).items()
        for label, _ in tried
        for s in (study.tuning_seeds if study.is_network(m) else (None,))
    ]
    assert study.best({"tuning": tuning}, name, networks=False) == "ETS"
    assert study.best({"tuning": tuning}, name, networks=True) == "GRU"
    with pytest.raises(ValueError, match="the study is not finished"):
        study.chosen({"tuning": []}, name, "ETS")


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_networks_are_functions_of_framework_and_seed(name):
    made = study.candidates("sunspots, 1 year")["GRU"][0][1](framework(name), 3)
    assert isinstance(made, neural.RNNForecaster) and made.rng == 3
    assert framework_of(made.rnn) is framework(name)


def test_season_and_level_is_exact_where_both_are_and_its_level_is_the_loop():
    ds = pd.date_range("1960-01-02", periods=1200, freq="W-SAT")
    season = np.random.default_rng(0).normal(size=52)[week_of_year(ds)]
    exact = pd.DataFrame(
        {"unique_id": "a", "ds": ds, "y": 3 + 0.01 * np.arange(1200) + 1e-3 * season}
    )
    model = SeasonAndLevel(0.4, 10)
    found = backtesting.backtest(model, exact, 60, origins=5)
    assert (
        np.abs(found["y"] - found["forecast"]).max() < 0.003
    )  # two Saturdays of one week differ by a trend, no more
    noisy = exact.assign(y=exact["y"] + np.random.default_rng(1).normal(size=1200))
    (view,) = model.fit(noisy).views_
    season, trend = model.learnt_["a"]
    rest = view.y - season[week_of_year(view.ds)]
    level = [rest[0]]
    for value in rest[1:]:
        expected = level[-1] + trend
        level.append(expected + 0.4 * (value - expected))
    np.testing.assert_allclose(model._level(view), level, atol=1e-10)
    week = week_of_year(view.ds[-1:] + 3 * view.step)
    assert model.predict(3)["forecast"].iloc[2] == pytest.approx(
        level[-1] + 3 * trend + season[week][0]
    )
    errors = rest[2:] - np.array(level)[:-2] - 2 * trend
    expected = intervals.error_quantiles(errors[:, None], model.levels)[0]
    np.testing.assert_allclose(model._spread(view, 2)[1], expected)
    slow = [SeasonAndLevel(0.4, 10).fit(noisy[: 1200 - 3]).predict(3)["forecast"].to_numpy()]
    fast = backtesting.backtest(SeasonAndLevel(0.4, 10), noisy, 3, origins=1)["forecast"].to_numpy()
    np.testing.assert_allclose(fast, slow[0])


def test_season_and_level_does_not_look_ahead():
    data = table("co2")
    spoiled = data.assign(y=data["y"].where(data["ds"] <= "1990-12-29", 1e6))
    times = [pd.Timestamp("1990-12-29")]
    one, two = (
        backtesting.backtest(SeasonAndLevel(0.4, 10), t, 52, origins=times) for t in (data, spoiled)
    )
    pd.testing.assert_frame_equal(one.drop(columns="y"), two.drop(columns="y"))
