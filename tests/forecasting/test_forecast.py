"""Doors of forecasters, rolling origins, and intervals, against slow definitions."""

import numpy as np
import pandas as pd
import pytest

from rnnlib.core import rounding
from rnnlib.forecasting import backtesting, intervals, naive, scoring, statistical
from rnnlib.forecasting.linear import Ridge
from rnnlib.metrics import probabilistic, regression

rng = np.random.default_rng(3)


def table(T=100, key="a", start="2024-01-01"):
    t = np.arange(T)
    y = 10 + np.sin(2 * np.pi * t / 7) + 0.3 * rng.normal(size=T)
    return pd.DataFrame({"unique_id": key, "ds": pd.date_range(start, periods=T), "y": y})


ONE = table()
TWO = pd.concat([ONE, table(80, "b", "2024-01-21")], ignore_index=True)
MODELS = [
    naive.Persistence(),
    naive.Persistence(drift=True),
    naive.SeasonalNaive(7),
    naive.SeasonalNaive(7, drift=True),
    naive.Climatology(7),
    naive.Climatology(7, damped=True),
    statistical.ETS(),
    statistical.ETS(trend="damped", m=7),
    statistical.ARIMA((1, 0, 1)),
    statistical.ARIMA((1, 0, 0), calendar=("dayofweek",)),
    Ridge(8, 10, valid=30),
    Ridge(8, 10, valid=30, strategy="recursive", calendar=("dayofweek",)),
    Ridge(8, 10, valid=30, difference=7),
]
NAMES = [f"{k} {type(model).__name__}" for k, model in enumerate(MODELS)]


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_a_forecast_is_a_table(model):
    found = model.fit(TWO).predict(10)
    assert list(found) == ["unique_id", "ds", "forecast", "q0.05", "q0.5", "q0.95"]
    assert found["unique_id"].tolist() == ["a"] * 10 + ["b"] * 10
    assert found["ds"].tolist() == 2 * list(pd.date_range("2024-04-10", periods=10))
    assert np.isfinite(found[["forecast", "q0.05", "q0.5", "q0.95"]]).all(axis=None)
    assert (found["q0.05"] < found["q0.5"]).all() and (found["q0.5"] < found["q0.95"]).all()
    pd.testing.assert_frame_equal(
        model.predict(4), found.groupby("unique_id").head(4).reset_index(drop=True)
    )


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
@pytest.mark.parametrize("refit", [False, True])
def test_a_backtest_is_fit_and_predict_from_each_origin(model, refit):
    """Nothing after an origin reaches its forecast: the slow way, on tables that end there, gives
    the same.
    """
    found = backtesting.backtest(model, TWO, 10, origins=3, step=5, refit=refit)
    assert len(found) == 2 * 3 * 10 and not found.isna().any(axis=None)
    ends = sorted(found["origin"].unique())
    assert ends == list(pd.to_datetime(["2024-03-20", "2024-03-25", "2024-03-30"]))
    for end in ends:
        known = TWO[TWO["ds"] <= end]
        model.fit(known if refit else TWO[TWO["ds"] <= ends[0]])
        slow = model.predict(10, history=known)
        fast = found[found["origin"] == end].reset_index(drop=True)
        close = {"rtol": 0, "atol": rounding.bound(slow["forecast"], dtype="float32")}
        pd.testing.assert_frame_equal(fast[list(slow)], slow, check_dtype=False, **close)
        truth = TWO.merge(fast[["unique_id", "ds"]])["y"].to_numpy()
        np.testing.assert_array_equal(fast["y"], truth)
        assert fast["step"].tolist() == 2 * list(range(1, 11))


def test_refit_now_and_then():
    counted = []

    class Counting(naive.Persistence):
        def fit_panel(self, panel):
            counted.append(panel[0].ds[-1].day)
            super().fit_panel(panel)

    for refit, days in ((False, [31]), (2, [31, 2, 4]), (True, [31, 1, 2, 3, 4])):
        counted.clear()
        backtesting.backtest(Counting(), ONE, 5, origins=5, refit=refit)
        assert counted == days


def test_origins_by_name_and_a_model_left_alone():
    model = naive.Persistence()
    found = backtesting.backtest(
        model, ONE, 2, origins=[pd.Timestamp("2024-02-01"), pd.Timestamp("2024-01-25")]
    )
    assert found["origin"].dt.day.tolist() == [25, 25, 1, 1]
    assert not hasattr(model, "views_")
    np.testing.assert_array_equal(found["forecast"], ONE.set_index("ds").loc[found["origin"], "y"])


def test_known_and_past_columns():
    wave = rng.normal(size=120)
    data = table(120).assign(push=wave)
    data["y"] += 2 * wave  # tells of the same step
    asked = dict(valid=30, known=("push",))
    plain, told = (
        scoring.scores(backtesting.backtest(m, data, 3, origins=20), data, m=1)["MAE"].item()
        for m in (Ridge(8, 3, valid=30), Ridge(8, 3, **asked))
    )
    assert told < 0.5 * plain
    model = Ridge(8, 3, **asked).fit(data[:100])
    coming = data[["unique_id", "ds", "push"]][100:]
    assert (
        np.abs(model.predict(3, known=coming)["forecast"].to_numpy() - data["y"][100:103]).max()
        < 1.5
    )
    with pytest.raises(
        ValueError, match="columns push are known in advance: predict.horizon, known="
    ):
        model.predict(3)
    with pytest.raises(ValueError, match="no column 'push' in the table of coming values"):
        model.predict(3, known=coming.drop(columns="push"))
    with pytest.raises(ValueError, match="column 'push' of series 'a' is missing at 2024-04-11"):
        model.predict(3, known=coming.drop(index=101))
    with pytest.raises(ValueError, match="twice in the table of coming values"):
        model.predict(3, known=pd.concat([coming, coming]))
    with pytest.raises(TypeError, match="column 'push' of the coming values holds"):
        model.predict(3, known=coming.assign(push="a"))
    with pytest.raises(ValueError, match="origins is empty"):
        backtesting.backtest(naive.Persistence(), data, 3, origins=[])
    fitted = statistical.ARIMA((1, 0, 0), known=("push",)).fit(data[:100])
    assert (
        np.abs(fitted.predict(3, known=coming)["forecast"].to_numpy() - data["y"][100:103]).max()
        < 2.5
    )
    with pytest.raises(ValueError, match="recursive|direct"):
        Ridge(8, 3, strategy="recursive", past=("push",))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda t: t.drop(columns="y"),
            ValueError,
            "no column 'y' in the table: it has unique_id, ds",
        ),
        (lambda t: t[:0], ValueError, "no rows"),
        (
            lambda t: t.assign(ds=t["ds"].astype(str)),
            TypeError,
            "'ds' holds .*, not dates or whole numbers: use forecasting.table",
        ),
        (
            lambda t: t.iloc[::-1],
            ValueError,
            "series 'a' has 2024-04-09 00:00:00 before 2024-04-08 .*, out of order",
        ),
        (
            lambda t: pd.concat([t[:9], t[8:]]),
            ValueError,
            "series 'a' has 2024-01-09 00:00:00 twice",
        ),
        (
            lambda t: t.drop(index=50),
            ValueError,
            "gap between 2024-02-19 00:00:00 and 2024-02-21 .*regularize",
        ),
        (lambda t: t.assign(y="much"), TypeError, "column 'y' holds .*: encode it as numbers"),
        (
            lambda t: t.assign(y=np.nan),
            ValueError,
            "column 'y' of series 'a' holds no number at all",
        ),
        (
            lambda t: t.assign(y=np.where(t.index == 7, np.nan, t["y"])),
            ValueError,
            "'y' of series 'a' is nan at 2024-01-08",
        ),
        (
            lambda t: t.assign(y=np.where(t.index == 7, np.inf, t["y"])),
            ValueError,
            "'y' of series 'a' is inf at 2024-01-08",
        ),
        (lambda t: t.to_dict(), TypeError, "a long table is a pandas DataFrame, got dict"),
    ],
)
def test_doors(change, error, message):
    for door in (
        statistical.ETS().fit,
        lambda t: backtesting.backtest(statistical.ETS(), t, 2, origins=3),
    ):
        with pytest.raises(error, match=message):
            door(change(ONE))


def test_more_doors():
    with pytest.raises(ValueError, match="this Persistence has not been fitted"):
        naive.Persistence().predict(3)
    model = naive.Persistence().fit(ONE)
    for horizon in (0, -1):
        with pytest.raises(ValueError, match="horizon must be at least 1"):
            model.predict(horizon)
        with pytest.raises(ValueError, match="horizon must be at least 1"):
            backtesting.backtest(model, ONE, horizon, origins=2)
    with pytest.raises(
        ValueError, match=r"levels are rising numbers above 0 and below 1.* got \(5, 95\)"
    ):
        naive.Persistence(levels=(5, 95))
    with pytest.raises(TypeError, match="known lists columns: known=.'push',."):
        Ridge(8, 3, known="push")
    with pytest.raises(
        ValueError, match="100 steps, too few for 99 origins 1 apart and 5 steps after"
    ):
        backtesting.backtest(model, ONE, 5, origins=99)
    with pytest.raises(ValueError, match="no series has a value at or before 2023"):
        backtesting.backtest(model, ONE, 5, origins=[pd.Timestamp("2023-01-01")])
    with pytest.raises(TypeError, match="takes a BaseForecaster, got str"):
        backtesting.backtest("naive", ONE, 5, origins=9)
    for kind in (
        naive.Persistence(),
        statistical.ETS(),
        statistical.ARIMA(),
        Ridge(8, 3, valid=30),
    ):
        with pytest.raises(ValueError, match="series 'c' was not in the table of fit"):
            kind.fit(ONE).predict(3, history=ONE.assign(unique_id="c"))


def test_error_quantiles_are_order_statistics():
    errors = rng.permutation(np.arange(1.0, 20))[:, None]  # 1 to 19
    np.testing.assert_array_equal(
        intervals.error_quantiles(errors, (0.05, 0.24, 0.5, 0.76, 0.95)), [[1, 4, 10, 16, 19]]
    )
    with pytest.raises(
        ValueError, match="18 errors at step 1 hold no quantile 0.05: at least 19 are needed"
    ):
        intervals.error_quantiles(errors[:18], (0.05, 0.5))
    gappy = np.vstack([errors, np.full((5, 1), np.nan)])
    np.testing.assert_array_equal(intervals.error_quantiles(gappy, (0.05,)), [[1]])


def test_intervals_cover_what_they_say_where_errors_are_exchangeable():
    hits = [
        (q[0, 0] < new) & (new < q[0, 1])
        for draw in rng.normal(size=(3000, 40))
        for new, q in [(draw[0], intervals.error_quantiles(draw[1:, None], (0.1, 0.9)))]
    ]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.03)  # four standard errors


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_intervals_in_a_backtest(model):
    """90 % of 70 overlapping forecasts: roughly, since they hang together."""
    found = backtesting.backtest(model, ONE, 7, origins=10)
    assert 0.6 < probabilistic.coverage(found["y"], found["q0.05"], found["q0.95"]) <= 1


def test_scores_are_the_metrics():
    found = backtesting.backtest(naive.SeasonalNaive(7), TWO, 4, origins=6)
    got = scoring.scores(found, TWO, m=7, by="unique_id").loc["b"]
    part = found[found["unique_id"] == "b"]
    train = TWO[(TWO["unique_id"] == "b") & (TWO["ds"] <= found["origin"].min())]["y"]
    assert got["forecasts"] == 24
    assert got["MAE"] == pytest.approx(regression.mae(part["y"], part["forecast"]))
    assert got["RMSE"] == pytest.approx(regression.rmse(part["y"], part["forecast"]))
    assert got["MASE"] == pytest.approx(regression.mase(part["y"], part["forecast"], train, m=7))
    q = part[["q0.05", "q0.5", "q0.95"]].to_numpy()
    assert got["pinball"] == pytest.approx(probabilistic.pinball(part["y"], q, (0.05, 0.5, 0.95)))
    assert got["coverage"] == np.mean((q[:, 0] <= part["y"]) & (part["y"] <= q[:, 2]))
    steps = scoring.scores(found, TWO, m=7, by="step")
    assert steps.index.tolist() == [1, 2, 3, 4]
    whole = scoring.scores(found, TWO, m=7).loc["all"]
    assert whole["MASE"] == pytest.approx(steps["MASE"].mean())
    holes = found.assign(y=found["y"].where(found["step"] > 1))
    pd.testing.assert_frame_equal(scoring.scores(holes, TWO, m=7, by="step"), steps.loc[2:])
    with pytest.raises(TypeError):
        scoring.scores(found, TWO)  # no m


def test_a_constant_series_has_forecasts_but_no_mase():
    flat = ONE.assign(y=5.0)
    for model in (naive.Persistence(), Ridge(8, 3, valid=30), statistical.ETS()):
        found = backtesting.backtest(model, flat, 3, origins=5)
        assert rounding.same(found["forecast"], 5, dtype="float32")
        with pytest.raises(
            ValueError, match="series 'a' repeats itself exactly every m=1 steps: MASE has no error"
        ):
            scoring.scores(found, flat, m=1)
