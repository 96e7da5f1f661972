"""Six planted leaks, each caught, and their honest twins, each let through."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from backends import FRAMEWORKS, framework
from rnnlib.forecasting import backtesting, leakage, splits, tables, windows
from rnnlib.forecasting.leakage import Leak
from rnnlib.forecasting.linear import Ridge

rng = np.random.default_rng(0)
Y = np.cumsum(rng.normal(size=120)) + 10
TABLE = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=120), "y": Y})


def backtest(model=None, **options):
    return backtesting.backtest(
        model or Ridge(5, 3, valid=25), TABLE, 3, origins=6, step=4, **options
    )


def scaled_on_all(table):  # 1
    return table.assign(y=(table["y"] - table["y"].mean()) / table["y"].std())


def centred_average(table):  # 4
    return table.assign(y=table["y"].rolling(5, center=True, min_periods=1).mean())


def average_of_the_past(table):
    return table.assign(y=table["y"].rolling(5, min_periods=1).mean())


def test_1_a_scaler_fitted_on_all_data():
    with pytest.raises(
        Leak, match=r"column 'y' of series 'a' at 2024-01-01 .* the preparation looks ahead"
    ):
        backtest(prepare=scaled_on_all)
    train = TABLE["y"][:90]
    backtest(prepare=lambda table: table.assign(y=(table["y"] - train.mean()) / train.std()))


def test_2_a_shuffled_split():
    t = np.arange(5, 118)
    with pytest.raises(Leak, match="part 0 reaches 117, part 1 begins at .* are not before part 1"):
        leakage.check_parts(*train_test_split(t, random_state=0))
    leakage.check_parts(*train_test_split(t, shuffle=False))


def test_3_windows_that_straddle_the_split():
    found = windows.sliding_windows(Y, 5, horizon=3)
    targets = found.origin[:, None] + np.arange(1, 4)
    train, test = targets[found.origin < 89], targets[found.origin >= 89]
    with pytest.raises(
        Leak, match="part 0 reaches 91, part 1 begins at 90, gap 0: 3 of .* targets"
    ):
        leakage.check_parts(train, test)
    parts = splits.split(120, at=(90,))
    honest = [
        windows.sliding_windows(Y[part], 5, horizon=3).origin[:, None]
        + np.arange(1, 4)
        + part.start
        for part in parts
    ]
    leakage.check_parts(*honest)
    with pytest.raises(Leak, match="gap 6"):
        leakage.check_parts(*honest, gap=6)
    leakage.check_parts(
        *(TABLE["ds"][part] for part in splits.split(120, at=(90,), gap=2)), gap=pd.Timedelta("2D")
    )
    days = [TABLE["ds"][part] for part in splits.split(120, at=(90,))]
    leakage.check_parts(*days)  # no gap asked for
    with pytest.raises(Leak, match="1 of 91 targets"):
        leakage.check_parts(TABLE["ds"][:91], days[1])


def test_4_a_centred_moving_average():
    with pytest.raises(Leak, match=r"column 'y' of series 'a' at 2024-04-\d+ .* looks ahead"):
        backtest(prepare=centred_average)
    backtest(prepare=average_of_the_past)


def test_interpolation_over_the_origin_is_a_centred_average():
    gappy = TABLE.assign(y=np.where(np.arange(120) == 100, np.nan, Y))

    def tried(fill, time):
        leakage.check_preparation(
            lambda table: tables.regularize(table, "D", fill=fill), gappy, TABLE["ds"][time]
        )

    tried("linear", 90)
    tried("last", 100)
    with pytest.raises(Leak, match="column 'y' .* at 2024-04-10 "):
        tried("linear", 100)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_5_both_directions_over_the_target(name):
    rnn = framework(name)
    x = Y[None, :40, None].astype("float32")
    for both in (True, False):
        model = rnn.Tagger(1, 4, 1, cell="gru", bidirectional=both, rng=0)
        if both:
            with pytest.raises(Leak, match="answers up to step 10 change .* sees the future"):
                leakage.check_causal(lambda x, model=model: rnn.predict(model, x), x)
        else:
            leakage.check_causal(lambda x, model=model: rnn.predict(model, x), x)


def test_6_the_target_as_a_feature():
    def with_target(table):
        return table.assign(signal=table["y"].rolling(2, min_periods=1).mean())

    model = Ridge(5, 3, valid=25, known=("signal",))
    with pytest.raises(Leak, match="column 'signal' of series 'a' at 2024-04-07 .* looks ahead"):
        backtest(model, prepare=with_target)
    for slope in (1, -2.5):
        copied = TABLE.assign(signal=slope * Y + 3)
        for door in (model.fit, lambda table: backtesting.backtest(model, table, 3, origins=4)):
            with pytest.raises(
                Leak, match="column 'signal' of series 'a' is the target 'y' itself"
            ):
                door(copied)
    honest = TABLE.assign(signal=Y + rng.normal(size=120))
    backtesting.backtest(model, honest, 3, origins=4)
    backtesting.backtest(
        Ridge(5, 3, valid=25, past=("signal",)), TABLE.assign(signal=Y), 3, origins=4
    )  # the past may be known


def test_the_coming_target_as_a_measurement_of_the_past():
    for k, horizon in ((1, 3), (3, 3)):
        table = TABLE.assign(other=5 - 2 * TABLE["y"].shift(-k))
        with pytest.raises(
            Leak, match=rf"column 'other' of series 'a' is the target 'y' {k} steps later"
        ):
            backtesting.backtest(
                Ridge(5, horizon, valid=25, past=("other",)), table, horizon, origins=6
            )
    lagged = TABLE.assign(other=TABLE["y"].shift(1))
    backtesting.backtest(Ridge(5, 3, valid=25, past=("other",)), lagged, 3, origins=6)
    wave = np.sin(2 * np.pi * np.arange(120) / 12)
    season = TABLE.assign(y=wave, other=np.roll(wave, -1))  # a perfect season is no leak
    backtesting.backtest(Ridge(5, 3, valid=25, past=("other",)), season, 3, origins=6)


def test_a_model_fitted_on_the_answers():
    model = Ridge(5, 3, valid=25).fit(TABLE)
    with pytest.raises(
        Leak, match="fitted on series 'a' up to 2024-04-29 .* it has seen the answer"
    ):
        backtest(model, refit=None)
    backtest(Ridge(5, 3).fit(TABLE[:90]), refit=None)


def test_a_leak_pays():
    """Why guards: the leaky pipeline looks better, by far, than what the same model can do."""
    model = Ridge(5, 3, valid=25)
    leaky = backtesting.backtest(model, centred_average(TABLE), 3, origins=30)
    honest = backtesting.backtest(model, TABLE, 3, origins=30)
    error = [np.abs(f["y"] - f["forecast"])[f["step"] == 1].mean() for f in (leaky, honest)]
    assert error[0] < 0.6 * error[1]


def test_guards_refuse_what_they_cannot_judge():
    with pytest.raises(ValueError, match="at least two parts"):
        leakage.check_parts([1, 2])
    with pytest.raises(ValueError, match="one for each step is expected"):
        leakage.check_causal(lambda x: x[:, 0], np.zeros((2, 5, 1)))
