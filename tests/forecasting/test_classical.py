"""Naive forecasts by hand, ETS and ARIMA against statsmodels itself."""

import numpy as np
import pandas as pd
import pytest

from rnnlib.forecasting import backtesting, naive, statistical, windows

rng = np.random.default_rng(5)
Y = np.cumsum(rng.normal(size=90)) + 2 * np.sin(np.arange(90) * np.pi / 2)


def table(y):
    return pd.DataFrame({"unique_id": "a", "ds": np.arange(len(y)), "y": y})


def test_naive_by_hand():
    y = np.r_[rng.normal(size=40), 1.0, 2, 3, 4]
    assert naive.Persistence().fit(table(y)).predict(3)["forecast"].tolist() == [4, 4, 4]
    assert naive.SeasonalNaive(3).fit(table(y)).predict(7)["forecast"].tolist() == [
        2,
        3,
        4,
        2,
        3,
        4,
        2,
    ]
    step = (y[-1] - y[0]) / 43
    found = naive.Persistence(drift=True).fit(table(y)).predict(3)
    np.testing.assert_allclose(found["forecast"], 4 + step * np.arange(1, 4))
    season = np.mean(y[3:] - y[:-3])
    found = naive.SeasonalNaive(3, drift=True).fit(table(y)).predict(4)["forecast"]
    np.testing.assert_allclose(found, [2 + season, 3 + season, 4 + season, 2 + 2 * season])


def test_naive_intervals_are_of_the_errors_made_before():
    found = naive.SeasonalNaive(4, levels=(0.25, 0.5, 0.75)).fit(table(Y)).predict(6)
    for k in (3, 6):
        back = 4 if k <= 4 else 8
        errors = np.sort(Y[back:] - Y[:-back])
        row, n = found.iloc[k - 1], len(errors)
        assert row["q0.25"] - row["forecast"] == pytest.approx(errors[int(0.25 * (n + 1)) - 1])
        assert row["q0.75"] - row["forecast"] == pytest.approx(
            errors[int(np.ceil(0.75 * (n + 1))) - 1]
        )


def test_naive_with_missing_values():
    y = np.r_[rng.normal(size=40), 1.0, 2, 3, 4, 5, np.nan]
    assert naive.Persistence().fit(table(y)).predict(1)["forecast"].item() == 5
    assert naive.SeasonalNaive(3).fit(table(y)).predict(3)["forecast"].tolist() == [4, 5, 3]
    empty = np.where(np.arange(46) % 3 == 1, np.nan, y)
    with pytest.raises(
        ValueError, match="holds no value for some step of the season of m=3 before 45"
    ):
        naive.SeasonalNaive(3).fit(table(empty)).predict(3)
    with pytest.raises(ValueError, match="has 5 steps, no more than a season of m=5"):
        naive.SeasonalNaive(5).fit(table(Y[:5]))


def test_climatology_by_hand():
    y = np.r_[Y[:43], np.nan]
    c = np.array([np.nanmean(y[phase::4]) for phase in range(4)])
    found = naive.Climatology(4).fit(table(y)).predict(6)
    np.testing.assert_allclose(found["forecast"], c[[0, 1, 2, 3, 0, 1]])
    u = y - np.resize(c, 44)
    rho = [np.nansum(u[:-k] * u[k:]) for k in (1, 2, 3, 4, 5, 6)]
    rho = np.array(rho) / [np.sum(u[:-k][np.isfinite(u[k:])] ** 2) for k in (1, 2, 3, 4, 5, 6)]
    model = naive.Climatology(4, damped=True, levels=(0.25, 0.5, 0.75)).fit(table(y))
    found = model.predict(6)
    np.testing.assert_allclose(
        found["forecast"], c[[0, 1, 2, 3, 0, 1]] + rho * u[42]
    )  # the last that is there
    errors = np.sort((u[2:] - rho[1] * u[:-2])[:41])
    place = int(np.ceil(0.75 * 42)) - 1
    assert found["q0.75"][1] - found["forecast"][1] == pytest.approx(errors[place])


def test_climatology_knows_the_phase_of_a_history():
    model = naive.Climatology(4).fit(table(Y[:80]))
    later = table(Y).iloc[7:66]
    np.testing.assert_allclose(
        model.predict(3, history=later)["forecast"],
        model.predict(3, history=table(Y).iloc[:66])["forecast"],
    )
    with pytest.raises(ValueError, match="begins at 85, which is no time of the table of fit"):
        model.predict(3, history=table(Y).iloc[85:])
    with pytest.raises(ValueError, match="holds no value of phase 1 of a season of m=3"):
        naive.Climatology(3).fit(table(np.where(np.arange(90) % 3 == 1, np.nan, Y)))
    with pytest.raises(ValueError, match="no value of phase 2 of a season of m=4"):
        naive.Climatology(4).fit(table(Y[:2]))


def test_damping_beats_both_of_its_parts_where_anomalies_last():
    noise = np.zeros(600)
    for t in range(1, 600):
        noise[t] = 0.5 * noise[t - 1] + rng.normal()
    y = table(noise + np.resize([0, 5, 9, 4], 600))
    errors = {}
    for name, model in (
        ("naive", naive.SeasonalNaive(4)),
        ("ordinary", naive.Climatology(4)),
        ("damped", naive.Climatology(4, damped=True)),
    ):
        found = backtesting.backtest(model, y, 1, origins=300)
        errors[name] = np.square(found["y"] - found["forecast"]).mean()
    assert errors["damped"] < 0.9 * errors["ordinary"] < 0.9 * errors["naive"]


@pytest.mark.parametrize(("trend", "m"), [(False, None), (True, None), ("damped", 4)])
def test_ets_is_statsmodels(trend, m):
    from scipy.stats import norm
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    kind = dict(
        trend="add" if trend else None,
        damped_trend=trend == "damped",
        seasonal="add" if m else None,
    )
    fit = ETSModel(pd.Series(Y), seasonal_periods=m, initialization_method="heuristic", **kind).fit(
        disp=False
    )
    made = fit.get_prediction(start=90, end=95)
    found = statistical.ETS(trend, m).fit(table(Y)).predict(6)
    np.testing.assert_allclose(found["forecast"], made.predicted_mean, rtol=1e-9)
    wide = norm.ppf(0.95) * np.sqrt(made.forecast_variance)
    np.testing.assert_allclose(found["q0.95"] - found["forecast"], wide, rtol=1e-9)


def test_ets_moves_its_state_and_not_its_parameters():
    model = statistical.ETS().fit(table(Y[:60]))
    alpha = model.fits_["a"].params[0]
    level = model.fits_["a"].initial_level
    for y in Y:
        level += alpha * (y - level)
    assert model.predict(1, history=table(Y))["forecast"].item() == pytest.approx(level)


def test_arima_is_statsmodels():
    from statsmodels.tsa.arima.model import ARIMA

    fit = ARIMA(Y[:60], order=(2, 0, 0)).fit()
    model = statistical.ARIMA((2, 0, 0)).fit(table(Y[:60]))
    c, a1, a2, _ = fit.params
    one = c + a1 * (Y[-1] - c) + a2 * (Y[-2] - c)
    got = model.predict(4, history=table(Y))
    assert got["forecast"][0] == pytest.approx(one)
    made = fit.apply(Y).get_forecast(4)
    np.testing.assert_allclose(got["q0.95"], made.conf_int(alpha=0.1)[:, 1], rtol=1e-9)
    gap = np.where(np.arange(60) == 30, np.nan, Y[:60])
    assert np.isfinite(statistical.ARIMA((1, 0, 0)).fit(table(gap)).predict(2)["forecast"]).all()


def test_arima_with_drift_rises():
    y = 0.5 * np.arange(90) + np.random.default_rng(1).normal(size=90)
    rising, flat = (
        statistical.ARIMA((0, 1, 1), drift=d).fit(table(y)).predict(40)["forecast"]
        for d in (True, False)
    )
    assert np.ptp(flat) < 1e-6 and rising.iloc[-1] - rising[0] == pytest.approx(0.5 * 39, rel=0.1)
    with pytest.raises(ValueError, match="needs d = 1, got order=.1, 0, 0."):
        statistical.ARIMA((1, 0, 0), drift=True)


def test_too_short():
    with pytest.raises(ValueError, match="series 'a' has 9 steps, ETS needs 10"):
        statistical.ETS().fit(table(Y[:9]))
    with pytest.raises(ValueError, match="series 'a' has 20 steps, ETS needs 24"):
        statistical.ETS(m=12).fit(table(Y[:20]))
    with pytest.raises(
        ValueError, match=r"series 'a' has 5 steps, ARIMA\(2, 1, 1\) needs at least"
    ):
        statistical.ARIMA((2, 1, 1)).fit(table(Y[:5]))
    with pytest.raises(ValueError, match="5 errors at step 1 hold no quantile 0.05: at least 19"):
        naive.Persistence().fit(table(Y[:6])).predict(1)


@pytest.mark.parametrize("T, m", [(1, 1), (5, 7), (24, 24), (49, 24), (60, 1)])
def test_filled_is_a_forward_fill_of_each_step_of_the_season(T, m):
    rng = np.random.default_rng(0)
    y = np.where(rng.random((4, T)) < 0.5, np.nan, rng.normal(size=(4, T)))
    slow = [pd.Series(row).groupby(np.arange(T) % m).ffill().to_numpy() for row in y]
    np.testing.assert_array_equal(windows.seasonal_ffill(y, m), slow)
    np.testing.assert_array_equal(windows.seasonal_ffill(y[0], m), slow[0])
