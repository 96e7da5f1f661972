"""Forecasters on windows: what a window holds, strategies, masks, scaling, and a network that is
the same in both frameworks.
"""

import re

import numpy as np
import pandas as pd
import pytest

from backends import FRAMEWORKS, both, framework
from rnnlib.forecasting import backtesting, scoring
from rnnlib.forecasting.linear import Ridge
from rnnlib.forecasting.neural import RNNForecaster
from tools.environment import ROOT


def table(T=150, keys="a", gaps=(), seed=0):
    rng, t, parts = np.random.default_rng(seed), np.arange(T), []
    for k, key in enumerate(keys):
        y = (
            50 * (k + 1)
            + 0.1 * t
            + (1 + 5 * k) * (np.sin(2 * np.pi * t / 7) + 0.2 * rng.normal(size=T))
        )
        y[list(gaps)] = np.nan
        parts.append(
            pd.DataFrame({"unique_id": key, "ds": pd.date_range("2024-01-01", periods=T), "y": y})
        )
    return pd.concat(parts, ignore_index=True)


class Spy(Ridge):
    """Keeps what it was trained on."""

    def fit_windows(self, *arrays):
        self.seen = arrays
        super().fit_windows(*arrays)


def test_windows_and_scales_are_of_the_training_part():
    data = table()
    y = data["y"].to_numpy()
    changed = data.assign(y=np.r_[y[:120], y[120:] + 1000])
    models = [Spy(5, 3, valid=30).fit(d) for d in (data, changed)]
    for x, other in zip(models[0].seen[:2], models[1].seen[:2], strict=True):
        np.testing.assert_array_equal(x, other)  # nothing of the validation part is in them
    x, target, x_valid, y_valid = models[0].seen
    z = (y - y[:120].mean()) / y[:120].std()
    assert x.shape == (113, 5, 1) and target.shape == (113, 3)
    np.testing.assert_allclose(x[7, :, 0], z[7:12], rtol=1e-5)
    np.testing.assert_allclose(target[7], z[12:15], rtol=1e-5)
    np.testing.assert_allclose(target[-1], z[117:120], rtol=1e-5)
    # its inputs are the last training steps
    np.testing.assert_allclose(y_valid[0], z[120:123], rtol=1e-5)
    np.testing.assert_allclose(x_valid[0, :, 0], z[115:120], rtol=1e-5)
    np.testing.assert_allclose(y_valid[-1], z[147:], rtol=1e-5)


def test_differences_and_known_columns_in_a_window():
    data = table()
    data["push"] = np.random.default_rng(1).normal(size=150)
    y, push = data["y"].to_numpy(), data["push"].to_numpy()
    model = Spy(5, 3, difference=7, valid=30, known=("push",), calendar=("dayofweek",)).fit(data)
    x, target = model.seen[:2]
    change = y[7:] - y[:-7]
    z = (change - change[:113].mean()) / change[:113].std()
    known = (push - push[:120].mean()) / push[:120].std()
    assert x.shape == (106, 5, 4)
    np.testing.assert_allclose(x[0, :, 0], z[:5], rtol=1e-4)  # the window ends at step 11
    # and knows the pushes of steps 12 to 14
    np.testing.assert_allclose(x[0, :, 1], known[10:15], rtol=1e-4)
    np.testing.assert_allclose(target[0], z[5:8], rtol=1e-4)  # y[12:15] less y[5:8]
    assert model._flat(x).shape == (106, 5 + 3 * 3)


def test_missing_values_become_zero_and_a_mask():
    data = table(gaps=(20, 21, 60, 140))
    model = Spy(5, 2, valid=40, past=("y2",)).fit(data.assign(y2=table(gaps=(30,), seed=3)["y"]))
    x, target = model.seen[:2]
    assert x.shape[2] == 4  # y, y2, is y there, is y2 there
    there = x[:, :, 2].astype(bool)
    assert (x[:, :, 0][~there] == 0).all() and (x[:, :, 3] == 0).sum() == 5
    hit = sum(bool({t + 1, t + 2} & {20, 21, 60}) for t in range(4, 108))
    assert len(target) == 104 - hit and np.isfinite(target).all()
    found = backtesting.backtest(model, data.assign(y2=1.0 + np.arange(150)), 2, origins=12)
    assert np.isfinite(found["forecast"]).all()
    assert found["y"].isna().sum() == 2  # step 140, as second and as first
    assert scoring.scores(found, data, m=1)["forecasts"].item() == 22


def test_one_step_is_the_same_either_way():
    data = table(keys="ab")
    direct, recursive = (
        Ridge(9, 1, strategy=s, valid=30).fit(data).predict(1) for s in ("direct", "recursive")
    )
    pd.testing.assert_frame_equal(direct, recursive)


def test_recursion_puts_forecasts_back_in():
    data = table()
    model = Ridge(9, 4, strategy="recursive", valid=30).fit(data)
    longer, found = data, model.predict(4)
    for k in range(4):
        one = model.predict(1, history=longer)
        assert one["forecast"].item() == pytest.approx(found["forecast"][k], rel=1e-6)
        longer = pd.concat(
            [longer, one.rename(columns={"forecast": "y"})[["unique_id", "ds", "y"]]]
        )


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_differences_follow_a_trend_that_levels_cannot(strategy):
    t = np.arange(200.0)
    data = table(200).assign(y=t + np.sin(2 * np.pi * t / 7))
    error = {}
    for m in (1, 7):
        found = backtesting.backtest(
            Ridge(14, 10, (1e-6,), strategy=strategy, difference=m, valid=40), data, 10, origins=20
        )
        error[m] = np.abs(found["y"] - found["forecast"]).max()
    assert max(error.values()) < 0.01


def test_a_weekday_effect_needs_its_calendar():
    rng = np.random.default_rng(0)
    data = table(300).assign(
        y=lambda d: 3.0 * (d["ds"].dt.day_of_week == 6) + 0.1 * rng.normal(size=300)
    )
    plain, told = (
        scoring.scores(
            backtesting.backtest(Ridge(2, 3, valid=60, calendar=c), data, 3, origins=40), data, m=1
        )["MAE"].item()
        for c in ((), (("dayofweek", 3),))
    )
    assert told < 0.2 * plain


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            dict(n_in=130),
            "series 'a' has 150 steps: 120 to learn from, where one window takes 133, and 30 to "
            "validate on",
        ),
        (dict(n_in=5, valid=2), "2 to validate on, where the horizon takes 3"),
        (dict(n_in=5, valid=10), "hold no quantile 0.05: at least 19 are needed"),
    ],
)
def test_too_short(options, message):
    with pytest.raises(ValueError, match=message):
        Ridge(horizon=3, **{"valid": 30, **options}).fit(table())


def test_doors():
    with pytest.raises(ValueError, match="horizon=4, but this forecaster has learnt 3 steps"):
        Ridge(5, 3, valid=30).fit(table()).predict(4)
    with pytest.raises(
        ValueError, match="unknown strategy 'both': choose one of direct, recursive"
    ):
        Ridge(5, 3, strategy="both")
    with pytest.raises(
        ValueError, match="series 'a' has 4 steps up to its origin, and a window takes 5"
    ):
        Ridge(5, 3, valid=30).fit(table()).predict(3, history=table()[:4])
    with pytest.raises(ValueError, match="lack 0.5"):
        RNNForecaster("torch", 5, 3, head="quantile", levels=(0.1, 0.9))
    with pytest.raises(ValueError, match="unknown head 'box'"):
        RNNForecaster("torch", 5, 3, head="box")
    with pytest.raises(ValueError, match="every training window has a missing target"):
        Ridge(2, 3, valid=30).fit(table().assign(y=lambda d: d["y"].where(d.index % 2 == 0)))


SMALL = dict(n_in=8, horizon=5, hidden_size=6, epochs=4, valid=40, lr=1e-2, progress=False)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("head", ["point", "quantile", "gaussian"])
def test_heads_give_ordered_quantiles(name, head):
    model = RNNForecaster(framework(name), head=head, levels=(0.1, 0.5, 0.9), difference=7, **SMALL)
    found = model.fit(table(keys="ab", gaps=(11, 120))).predict(5)
    assert len(found) == 10 and np.isfinite(found["forecast"]).all()
    assert (found["q0.1"] < found["q0.5"]).all() and (found["q0.5"] < found["q0.9"]).all()
    assert found["forecast"][0] == pytest.approx(65, abs=3) and found["forecast"][
        5
    ] == pytest.approx(115, abs=18)


@both
@pytest.mark.parametrize("head", ["point", "quantile", "gaussian"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_both_frameworks_forecast_the_same(head, strategy):
    found = []
    for name in ("pt", "tf"):
        model = RNNForecaster(
            framework(name),
            head=head,
            strategy=strategy,
            difference=7,
            calendar=("dayofweek",),
            **SMALL,
        )
        found.append(backtesting.backtest(model, table(keys="ab"), 5, origins=3))
    numbers = ["forecast", "q0.05", "q0.5", "q0.95"]
    np.testing.assert_allclose(found[0][numbers], found[1][numbers], rtol=2e-4)


@both
def test_equal_curves_in_float64():
    """The same windows, weights and batches: with plain gradient descent both curves are equal to
    the last digits.
    """
    from rnnlib.data.batches import Batches

    spy = Spy(8, 5, valid=40)
    spy.fit(table())
    x, y = (a.astype("float64") for a in spy.seen[:2])
    for head, loss in ((("quantile", {"outputs": 3}), "pinball"), ("gaussian", "gaussian")):
        curves = []
        for name in ("pt", "tf"):
            rnn = framework(name)
            model = rnn.ForecastNet(1, 6, 5, cell="gru", head=head, rng=1, dtype="float64")
            how = dict(optimizer=("sgd", {"lr": 0.125}), epochs=10, progress=False)
            curves.append(rnn.fit(model, Batches((x, y), 32, rng=0), loss=loss, **how).steps)
        np.testing.assert_allclose(*curves, rtol=1e-10)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_network_learns_what_a_line_cannot(name):
    """A logistic map: the next value is a parabola of the last one."""
    y = [0.3]
    for _ in range(500):
        y.append(3.8 * y[-1] * (1 - y[-1]))
    data = pd.DataFrame({"unique_id": "map", "ds": np.arange(501), "y": y})
    how = dict(n_in=2, horizon=1, valid=100)
    network = RNNForecaster(framework(name), hidden_size=12, lr=2e-2, epochs=60, patience=30, **how)
    error = [
        scoring.scores(backtesting.backtest(m, data, 1, origins=50), data, m=1)["RMSE"].item()
        for m in (network, Ridge(**how))
    ]
    assert error[0] < 0.5 * error[1]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_ten_lines_of_the_readme(name, tmp_path, monkeypatch, capsys):
    """A stranger's CSV with a date column, days missing, becomes a backtested forecast with
    intervals.
    """
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import pandas.*?forecasting\.table.*?)```", text, re.S)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 10
    days = pd.date_range("2023-03-01", periods=170)
    visitors = 200 + 60 * (days.day_of_week > 4) + np.random.default_rng(0).integers(0, 20, 170)
    frame = pd.DataFrame({"date": days.strftime("%d %B %Y"), "visitors": visitors}).drop(
        index=[30, 31, 90]
    )
    frame.to_csv(tmp_path / "visitors.csv", index=False)
    monkeypatch.chdir(tmp_path)
    space = {}
    exec(code.replace("import rnnlib.pt as rnn", f"import rnnlib.{name} as rnn"), space)
    scores = space["scores"].loc["all"]
    assert scores["forecasts"] == 56 and scores["MASE"] < 1 and scores["coverage"] > 0.7
    ahead = space["ahead"]
    assert ahead["ds"].tolist() == list(pd.date_range("2023-08-18", periods=7))
    assert ((ahead["q0.05"] < ahead["forecast"]) & (ahead["forecast"] < ahead["q0.95"])).all()
    assert "q0.95" in capsys.readouterr().out


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_validation_errors_are_those_of_a_backtest(strategy):
    """Known columns of direct answers that reach beyond the end are stand-ins:
    they must not change the other errors.
    """
    data = table(keys="ab")
    model = Ridge(9, 3, strategy=strategy, valid=40).fit(data)
    ends = data["ds"].iloc[109:149]
    fast, steps = model.valid_errors_, range(3)
    assert fast.shape == (80, 3)
    for k, end in enumerate(ends):
        slow = model.predict(3, history=data[data["ds"] <= end]).merge(data, how="left")
        np.testing.assert_allclose(
            fast[[k, 40 + k]].ravel(), slow["y"] - slow["forecast"], rtol=1e-4, atol=1e-4
        )
    assert [int(np.isnan(fast[:40, k]).sum()) for k in steps] == [0, 1, 2]


def test_a_value_missing_twice_is_looked_up_further_back():
    y = np.random.default_rng(0).normal(size=90)
    # a season of 4 steps: the window of 4 + 4 holds no value for this step of it
    y[[-2, -6]] = np.nan
    data = pd.DataFrame({"unique_id": "a", "ds": np.arange(90), "y": y})
    model = Ridge(4, 4, difference=4, valid=30).fit(data)
    other = data.assign(y=data["y"] + (data["ds"] == 80))  # index -10, before the window
    gap = model.predict(4, history=other)["forecast"] - model.predict(4)["forecast"]
    np.testing.assert_allclose(gap, [0, 0, 1, 0], atol=1e-12)
