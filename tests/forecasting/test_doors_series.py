"""What a stranger hands over as a table: each door names the column, the series and the time, or
does what it documents.
"""

import numpy as np
import pandas as pd
import pytest

from backends import FRAMEWORKS, framework
from rnnlib.forecasting import (
    backtesting,
    leakage,
    naive,
    scaling,
    scoring,
    splits,
    statistical,
    tables,
    windows,
)
from rnnlib.forecasting.linear import Ridge
from rnnlib.forecasting.neural import RNNForecaster
from rnnlib.metrics import regression

rng = np.random.default_rng(0)
T, LEVELS = 60, (0.25, 0.5, 0.75)
Y = 10 + np.sin(2 * np.pi * np.arange(T) / 7) + 0.3 * rng.normal(size=T)
DAYS = pd.date_range("2024-01-01", periods=T)
TABLE = pd.DataFrame({"unique_id": "a", "ds": DAYS, "y": Y})


def network(name, **options):
    small = dict(hidden_size=3, epochs=1, valid=15, levels=LEVELS)
    return RNNForecaster(framework(name), 5, 3, **{**small, **options})


MODELS = {
    "naive": lambda **options: naive.SeasonalNaive(7, levels=LEVELS),
    "ets": lambda **options: statistical.ETS(levels=LEVELS),
    "arima": lambda **options: statistical.ARIMA(levels=LEVELS, **options),
    "ridge": lambda **options: Ridge(5, 3, valid=15, levels=LEVELS, **options),
}


def make(name, **options):
    """One of the forecasters, small."""
    return MODELS[name](**options) if name in MODELS else network(name, **options)


every = pytest.mark.parametrize("name", [*MODELS, *FRAMEWORKS])
with_known = pytest.mark.parametrize("name", ["arima", "ridge", *FRAMEWORKS])


def part(change):
    """y with something else in one place."""
    return TABLE.assign(y=np.where(TABLE.index == 7, change, Y))


@every
@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (
            TABLE.set_index("ds"),
            ValueError,
            "no column 'ds' .* the index is called 'ds': reset_index",
        ),
        (
            TABLE.set_index("ds").rename_axis(None).rename_axis(columns=None),
            ValueError,
            "no column 'ds' .* the index holds dates: table.rename_axis.'ds'..reset_index",
        ),
        (
            TABLE.assign(ds=TABLE["ds"].astype(str)),
            TypeError,
            "column 'ds' holds .*: use forecasting.table",
        ),
        (
            TABLE.assign(ds=[pd.NaT, *DAYS[1:]]),
            ValueError,
            "column 'ds' has no time in row 0: drop such rows",
        ),
        (
            TABLE.assign(unique_id=None),
            ValueError,
            "column 'unique_id' is missing in row 0: .*series",
        ),
        (
            TABLE.assign(unique_id=["a"] * 59 + [np.nan]),
            ValueError,
            "column 'unique_id' is missing in row 59",
        ),
        (
            pd.concat([TABLE, TABLE[["y"]]], axis=1),
            ValueError,
            "column 'y' is there twice: rename or drop",
        ),
        (TABLE.drop(index=10), ValueError, "gap between 2024-01-10 00:00:00 and 2024-01-12"),
        (
            TABLE.iloc[::-1],
            ValueError,
            "series 'a' has 2024-02-29 .* out of order: forecasting.table sorts",
        ),
        (
            pd.concat([TABLE[:6], TABLE[5:]]),
            ValueError,
            "series 'a' has 2024-01-06 00:00:00 twice: forecasting.table .*finds",
        ),
        (part(np.inf), ValueError, "column 'y' of series 'a' is inf at 2024-01-08 00:00:00"),
        (
            TABLE.assign(y=Y * 1e300),
            ValueError,
            "'y' of series 'a' is 1.*e.301 at 2024-01-01 .*too large to be",
        ),
        (TABLE.assign(y=np.nan), ValueError, "column 'y' of series 'a' holds no number at all"),
        (
            TABLE.assign(y=TABLE["y"].astype(object)),
            TypeError,
            "column 'y' holds object: encode it as numbers",
        ),
        (TABLE.assign(y=Y + 1j), TypeError, "column 'y' holds complex128: encode it as numbers"),
        (TABLE.assign(y=DAYS), TypeError, "column 'y' holds datetime64"),
        (TABLE[:1], ValueError, "series 'a' has 1 times: at least 3"),
        (TABLE[:4], ValueError, "series 'a' has 4 steps"),
        (TABLE[:0], ValueError, "no rows"),
        (
            TABLE["y"],
            TypeError,
            "a long table is a pandas DataFrame, got Series: forecasting.table makes one",
        ),
    ],
)
def test_tables_are_refused(name, table, error, message):
    with pytest.raises(error, match=message):
        make(name).fit(table)


@every
@pytest.mark.parametrize(
    "table",
    [
        TABLE.assign(ds=range(1960, 2020)),
        TABLE.assign(ds=DAYS.tz_localize("UTC")),
        TABLE.assign(ds=pd.date_range("2013-11-02", periods=T, freq="h", tz="America/New_York")),
        TABLE.assign(y=(10 * Y).astype(int)),
        TABLE.assign(y=5.0),
        pd.concat([TABLE, TABLE.assign(unique_id="b")]).sort_values("ds"),
        TABLE.assign(unique_id=3),
    ],
)
def test_tables_that_are_fine(name, table):
    found = make(name).fit(table).predict(3)
    assert len(found) == 3 * table["unique_id"].nunique() and np.isfinite(found["forecast"]).all()


@every
def test_horizons(name):
    model = make(name).fit(TABLE)
    for bad, error in (
        (0, ValueError),
        (-1, ValueError),
        (1.5, TypeError),
        ("3", TypeError),
        (None, TypeError),
    ):
        with pytest.raises(error, match="horizon must be"):
            model.predict(bad)
    with pytest.raises(
        ValueError, match="too few for 1 origins|but this forecaster has learnt 3 steps"
    ):
        backtesting.backtest(make(name), TABLE, 60, origins=1)
    with pytest.raises(
        ValueError, match="no series has a value at or before .* and 3 steps after it"
    ):
        backtesting.backtest(make(name), TABLE, 3, origins=[DAYS[-2]])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_networks_have_a_horizon(name):
    for bad, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), (None, TypeError)):
        for head in ("point", "quantile"):
            with pytest.raises(error, match="horizon must be"):
                framework(name).ForecastNet(1, 3, bad, head=head)


@every
def test_history_goes_in_the_steps_of_fit(name):
    model = make(name).fit(TABLE)
    for ds in (pd.date_range("2024-01-01", periods=T, freq="h"), range(T)):
        with pytest.raises(
            ValueError, match="series 'a' goes in steps of .*, the model was fitted on .*Day"
        ):
            model.predict(3, history=TABLE.assign(ds=ds))
    assert len(model.predict(3, history=TABLE[:50])) == 3


@with_known
def test_coming_values_are_named(name):
    table = TABLE.assign(x=rng.normal(size=T))
    model = make(name, known=("x",)).fit(table)
    days = pd.date_range("2024-03-01", periods=5)
    coming = pd.DataFrame({"unique_id": "a", "ds": days, "x": 1.0})
    for known, error, message in (
        (coming.drop(columns="x"), ValueError, "no column 'x' in the table of coming values"),
        (
            coming.drop(index=1),
            ValueError,
            "column 'x' of series 'a' is missing at 2024-03-02 00:00:00",
        ),
        (
            coming.assign(x=[1, np.nan, 1, 1, 1]),
            ValueError,
            "'x' of series 'a' is missing at 2024-03-02",
        ),
        (
            coming.assign(x=[1, 1, np.inf, 1, 1]),
            ValueError,
            "'x' of series 'a' is inf at 2024-03-03",
        ),
        (
            coming.assign(unique_id="z"),
            ValueError,
            "column 'x' of series 'a' is missing at 2024-03-01",
        ),
        (
            coming.assign(ds=coming["ds"].astype(str)),
            TypeError,
            "'ds' of the coming values holds (str|object), ",
        ),
        (
            coming.assign(ds=days.tz_localize("UTC")),
            TypeError,
            "holds datetime64.*UTC.*, that of the series",
        ),
        (coming.assign(ds=range(5)), TypeError, "holds int64, that of the series datetime64"),
        (coming.set_index("ds"), ValueError, "no column 'ds' in the table of coming values"),
        ([1.0], TypeError, "coming values are a pandas DataFrame, got list"),
        (None, ValueError, "columns x are known in advance: predict.horizon, known="),
    ):
        with pytest.raises(error, match=message):
            model.predict(3, known=known)
    for bad, error, message in (
        (TABLE, ValueError, "no column 'x' in the table"),
        (table.assign(x=np.nan), ValueError, "column 'x' of series 'a' holds no number at all"),
        (
            table.assign(x=table["x"].where(table.index != 4)),
            ValueError,
            "'x' of series 'a' is nan at 2024-01-05",
        ),
    ):
        for door in (
            make(name, known=("x",)).fit,
            lambda t: model.predict(3, known=coming, history=t),
        ):
            with pytest.raises(error, match=message):
                door(bad)


def test_columns_are_listed():
    for options in ({"known": None}, {"past": 3}, {"calendar": None}, {"known": "x"}):
        with pytest.raises(TypeError, match="(known|past|calendar) lists columns: "):
            Ridge(5, 3, **options)


def test_the_framework_is_a_name_or_a_module():
    for rnn in ("pt", None, np):
        with pytest.raises(
            TypeError, match="rnn is 'torch' or 'tensorflow', or the module rnnlib.pt"
        ):
            RNNForecaster(rnn, 5, 3)


def test_arima_names_what_it_cannot_use():
    for options, message in (
        ({"order": (1, 0)}, r"order is \(p, d, q\), whole numbers of at least 0, got \(1, 0\)"),
        ({"order": (1, -1, 0)}, r"order is \(p, d, q\).* got \(1, -1, 0\)"),
        ({"order": 1}, r"order is \(p, d, q\).* got 1"),
        ({"seasonal": (1, 0, 1)}, r"seasonal is \(P, D, Q, m\).* got \(1, 0, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            statistical.ARIMA(**options)
    model = statistical.ARIMA(levels=LEVELS, known=("x",))
    with pytest.raises(
        ValueError, match="column 'x' of series 'a' is 1 at all times: .* leave it out"
    ):
        model.fit(TABLE.assign(x=1.0))


def test_levels_are_between_0_and_1():
    for levels in (
        (0.5, 1),
        (0, 0.5),
        90,
        (5, 95),
        (0.5, 0.5),
        (),
        ("a",),
        "half",
        None,
        (np.nan,),
    ):
        with pytest.raises(ValueError, match="levels are rising numbers above 0 and below 1"):
            naive.Persistence(levels=levels)


# ---- backtests of panels


def panel(**pieces):
    """Several series; {key: (first day, steps)}."""
    return pd.concat(
        [
            TABLE.iloc[first : first + steps].assign(unique_id=key)
            for key, (first, steps) in pieces.items()
        ],
        ignore_index=True,
    )


@every
def test_a_series_that_ends_early_is_named(name):
    data = panel(a=(0, 60), b=(0, 40))
    with pytest.raises(
        ValueError,
        match="series 'b' is forecast from no origin: it goes from 2024-01-01 .* to 2024-02-09",
    ):
        backtesting.backtest(make(name), data, 3, origins=3)
    with pytest.raises(ValueError, match="series 'b' is forecast from no origin.*to 2024-01-03"):
        backtesting.backtest(make(name), panel(a=(0, 60), b=(0, 3), c=(0, 60)), 3, origins=3)


def test_a_series_that_ends_between_origins_has_the_origins_before_its_end():
    data = panel(a=(0, 60), b=(0, 56))
    found = backtesting.backtest(naive.SeasonalNaive(7, levels=LEVELS), data, 3, origins=6)
    assert found.groupby("unique_id")["origin"].nunique().to_dict() == {"a": 6, "b": 2}
    assert scoring.scores(found, data, m=1, by="unique_id")["forecasts"].to_dict() == {
        "a": 18,
        "b": 6,
    }


def test_each_series_of_a_panel_is_scaled_on_what_lies_before_its_own_first_origin():
    """A series that begins late is first forecast late:
    the steps between are training steps of it, and count.
    """
    data = panel(a=(0, 60), b=(20, 40))
    ends = [DAYS[18], DAYS[50]]
    found = backtesting.backtest(
        naive.SeasonalNaive(7, levels=LEVELS), data, 3, origins=ends, refit=True
    )
    scores = scoring.scores(found, data, m=1, by="unique_id")
    for key, first, last in (("a", 0, 18), ("b", 20, 50)):
        one = found[found["unique_id"] == key]
        assert one["origin"].min() == DAYS[last]
        expected = regression.mase(one["y"], one["forecast"], Y[first : last + 1], m=1)
        assert scores.loc[key, "MASE"] == pytest.approx(expected)


def test_a_series_that_is_not_scored_needs_no_scale():
    flat = pd.concat([TABLE, TABLE.assign(unique_id="flat", y=1.0)], ignore_index=True)
    found = backtesting.backtest(naive.Persistence(levels=LEVELS), TABLE, 3, origins=3)
    pd.testing.assert_frame_equal(
        scoring.scores(found, flat, m=1), scoring.scores(found, TABLE, m=1)
    )


@pytest.mark.parametrize(
    ("origins", "error", "message"),
    [
        ("2024-02-01", TypeError, "origins says how many, or lists times, got '2024-02-01'"),
        (1.5, TypeError, "origins says how many, or lists times, got 1.5"),
        (None, TypeError, "origins says how many, or lists times, got None"),
        (["soon"], TypeError, r"origins \['soon'\] are no times like those of the table"),
        (
            [40],
            TypeError,
            r"origins \[40\] are no times like those of the table, such as 2024-01-01",
        ),
        ([pd.Timestamp("2024-02-10", tz="UTC")], TypeError, "are no times like those of the table"),
        ([pd.NaT], ValueError, "origins hold no time at place 0"),
        ([DAYS[50], DAYS[50]], ValueError, "origins hold 2024-02-20 00:00:00 twice"),
        ([], ValueError, "origins is empty"),
    ],
)
def test_origins_are_times_of_the_table(origins, error, message):
    with pytest.raises(error, match=message):
        backtesting.backtest(naive.Persistence(levels=LEVELS), TABLE, 3, origins=origins)


def test_origins_in_words():
    models = [naive.Persistence(levels=LEVELS) for _ in range(2)]
    found = [
        backtesting.backtest(m, TABLE, 3, origins=o)
        for m, o in zip(models, (["2024-02-10", "2024-02-01"], [DAYS[31], DAYS[40]]), strict=True)
    ]
    pd.testing.assert_frame_equal(*found)
    years = backtesting.backtest(
        models[0], TABLE.assign(ds=range(1960, 2020)), 3, origins=[2001, 2010]
    )
    assert years["origin"].unique().tolist() == [2001, 2010]
    with pytest.raises(TypeError, match="such as 1960"):
        backtesting.backtest(models[0], TABLE.assign(ds=range(1960, 2020)), 3, origins=[DAYS[0]])


def test_scores_refuse():
    found = backtesting.backtest(naive.Persistence(levels=LEVELS), TABLE, 3, origins=3)
    for one, table, error, message in (
        ([1], TABLE, TypeError, "found is the table that backtest gave, got list"),
        (found.drop(columns="y"), TABLE, ValueError, "no column 'y' in the table of forecasts"),
        (
            found.drop(columns=["q0.25", "q0.5", "q0.75"]),
            TABLE,
            ValueError,
            "no column of a quantile",
        ),
        (
            found.assign(y=np.nan),
            TABLE,
            ValueError,
            "no value has come: column 'y' .* is missing everywhere",
        ),
        (found[:0], TABLE, ValueError, "no value has come"),
        (found.assign(forecast=np.nan), TABLE, ValueError, "forecast has 9 values that are NaN"),
        (found, TABLE.drop(columns="y"), ValueError, "no column 'y' in the table"),
        (found, None, TypeError, "a long table is a pandas DataFrame, got NoneType"),
        (found, TABLE.assign(unique_id="z"), ValueError, "series 'a' is not in the table"),
        (
            found,
            TABLE.assign(ds=range(T)),
            TypeError,
            "column 'ds' .* int64, the origins datetime64",
        ),
    ):
        with pytest.raises(error, match=message):
            scoring.scores(one, table, m=1)
    with pytest.raises(ValueError, match="no column 'shop' to score by"):
        scoring.scores(found, TABLE, m=1, by="shop")
    with pytest.raises(ValueError, match="no column .'step'. to score by"):
        scoring.scores(found, TABLE, m=1, by=["step"])
    wider = found.assign(quality="good")
    pd.testing.assert_frame_equal(
        scoring.scores(wider, TABLE, m=1), scoring.scores(found, TABLE, m=1)
    )


def test_scales():
    for train, m, error, message in (
        ([1.0, np.inf, 2.0], 1, ValueError, "train has 1 infinite values"),
        ([1.0, 2.0], 0, ValueError, "m must be at least 1"),
        (np.eye(3), 1, ValueError, r"train must have shape \(T\)"),
        (
            [2.0, 2.0, 2.0],
            1,
            ValueError,
            "repeats itself exactly every m=1 steps: MASE has no error",
        ),
        (["a", "b"], 1, TypeError, "train must hold numbers, got text"),
    ):
        with pytest.raises(error, match=message):
            regression.naive_scale(train, m)
    assert regression.naive_scale([1.0, np.nan, 3.0, 4.0], 1) == 1


# ---- tables


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (
            TABLE.set_index("ds"),
            {},
            "no column 'ds' for ds: .* the index is called 'ds': reset_index",
        ),
        (
            TABLE.assign(when=DAYS),
            {"ds": "when"},
            "'when' is to be 'ds', but there is a column 'ds' already",
        ),
        (TABLE.assign(z=1.0), {"y": "z"}, "'z' is to be 'y', but there is a column 'y' already"),
        (TABLE, {"y": "ds"}, "'ds' is given for ds and for y"),
        (pd.concat([TABLE, TABLE[["y"]]], axis=1), {}, "column 'y' is there twice"),
        (
            TABLE.assign(unique_id=["a"] * 59 + [None]),
            {},
            "column 'unique_id' is missing in row 59",
        ),
    ],
)
def test_tables_with_names_that_clash(data, options, message):
    with pytest.raises(ValueError, match=message):
        tables.table(data, **options)


def test_dates_in_text_are_read_month_first():
    days = tables.table(pd.DataFrame({"ds": ["01/02/2024", "01/03/2024"], "y": [1, 2]}))["ds"]
    assert days.tolist() == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-03")]
    with pytest.raises(
        ValueError, match='column .ds. holds what is no date: .*"13/01/2024" doesn.t match'
    ):
        tables.table(pd.DataFrame({"ds": ["12/01/2024", "13/01/2024"], "y": [1, 2]}))


def test_regularize_refuses_what_is_no_table_and_no_step():
    for data, error, message in (
        (TABLE.set_index("ds"), ValueError, "no column 'ds' .*reset_index"),
        (TABLE.drop(columns="unique_id"), ValueError, "no column 'unique_id' .*forecasting.table"),
        (TABLE.assign(unique_id=None), ValueError, "column 'unique_id' is missing in row 0"),
        (
            TABLE["y"],
            TypeError,
            "a long table is a pandas DataFrame, got Series: forecasting.table makes one",
        ),
        (TABLE[:0], ValueError, "no rows"),
        (pd.concat([TABLE, TABLE[["y"]]], axis=1), ValueError, "column 'y' is there twice"),
        (
            TABLE.assign(y=TABLE["y"].astype(str)),
            TypeError,
            "column 'y' holds .*: encode it as numbers first",
        ),
        (
            TABLE.assign(y=TABLE["y"].astype(object)),
            TypeError,
            "column 'y' holds object: encode it as numbers",
        ),
    ):
        with pytest.raises(error, match=message):
            tables.regularize(data, "D")
    for freq in ("often", None, 0, 1, 1.5):
        with pytest.raises(ValueError, match=f"freq={freq!r} is no step of dates: .*'h', 'D'"):
            tables.regularize(TABLE, freq)
    for fill in (np.nan, np.inf, True, "0"):
        with pytest.raises(
            ValueError, match=f"fill={fill!r}: choose None, 'last', 'linear' or a number"
        ):
            tables.regularize(TABLE, "D", fill=fill)


def test_an_all_missing_column_is_kept_or_named():
    data = TABLE.assign(rain=np.nan)
    assert tables.regularize(data, "D")["rain"].isna().all()
    with pytest.raises(ValueError, match="column 'rain' of series 'a' holds no number at all"):
        tables.regularize(data, "D", fill=0)
    with pytest.raises(ValueError, match="column 'rain' of series 'a' holds no number at all"):
        Ridge(5, 3, valid=15, levels=LEVELS, past=("rain",)).fit(data)


# ---- splits, windows, scaling


def test_splits_name_what_is_no_place():
    dated = TABLE.set_index("ds")["y"]
    for at in (("soon",), (pd.Timestamp("2024-02-01", tz="UTC"),), (30,)):
        with pytest.raises(TypeError, match="in at is no label of the index, such as 2024-01-01"):
            splits.split(dated, at=at)


def test_windows_and_scalers_take_numbers():
    for door in (lambda v: windows.sliding_windows(v, 3), scaling.Standardizer().fit):
        for values, message in (
            (TABLE, "values must hold numbers, got text"),
            (["a", "b"], "values must hold numbers, got text"),
            (DAYS, "values must hold numbers, got datetime64"),
        ):
            with pytest.raises(TypeError, match=message):
                door(values)
    scaler = scaling.Standardizer().fit(np.arange(6.0).reshape(3, 2))
    for column in (5, -3, "a", 1.0):
        with pytest.raises(ValueError, match=f"column {column!r} of 2: expected 0 to 1"):
            scaler.inverse_transform([1.0], column=column)


# ---- guards that cannot judge


def test_guards_say_what_they_cannot_judge():
    for parts, options, error, message in (
        (
            (DAYS[:3], [1, 2]),
            {},
            TypeError,
            "part 0 holds datetime64.*, part 1 int64: they cannot be compared",
        ),
        ((DAYS[:3], DAYS[4:6].tz_localize("UTC")), {}, TypeError, "they cannot be compared"),
        (
            (DAYS[:3], DAYS[4:6]),
            {"gap": 1},
            TypeError,
            "gap=1 cannot be added to datetime64.*: pd.Timedelta",
        ),
        (([1, np.nan], [2.0]), {}, ValueError, "part 0 has no time in place 1"),
    ):
        with pytest.raises(error, match=message):
            leakage.check_parts(*parts, **options)
    ones = np.ones((1, 8, 1))
    for answer, x, message in (
        (lambda x: x, np.ones(5), r"x must have shape"),
        (lambda x: x, np.ones((1, 1, 1)), "x has 1 step: two at least"),
        (lambda x: np.full(x.shape, np.nan), ones, "answers has 8 values that are NaN"),
        (lambda x: x, np.full((1, 8, 1), np.nan), "x has 8 values that are NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            leakage.check_causal(answer, x)
    # whole numbers as numbers
    leakage.check_causal(lambda x: np.cumsum(x, axis=1), np.ones((1, 8, 1), int))
    with pytest.raises(leakage.Leak):
        leakage.check_causal(lambda x: x[:, ::-1], np.arange(8).reshape(1, 8, 1))


def test_a_target_that_a_preparation_brings_along_is_not_seen():
    """As the module says: a guard changes the table; what `prepare` holds of its own stays."""
    answers = TABLE.set_index("ds")["y"].shift(-1) + rng.normal(0, 1e-3, T)

    def informed(table):
        return table.assign(tip=table["ds"].map(answers).fillna(0.0).to_numpy())

    leakage.check_preparation(informed, TABLE, DAYS[40])  # not caught
    assert "closure" in leakage.__doc__


@pytest.mark.parametrize(
    ("refit", "error", "message"),
    [
        (-1, ValueError, "refit must be at least 1, got -1"),
        (0, ValueError, "refit must be at least 1, got 0"),
        (1.5, TypeError, "refit must be a whole number, got 1.5"),
        ("x", TypeError, "refit must be a whole number, got 'x'"),
    ],
)
def test_refit(refit, error, message):
    with pytest.raises(error, match=message):
        backtesting.backtest(make("naive"), TABLE, 2, origins=3, refit=refit)


def spoiling(table):
    table["y"] *= 2
    return table


def test_prepare_gets_a_copy():
    table = TABLE.copy()
    found = backtesting.backtest(make("naive"), table, 2, origins=2, prepare=spoiling)
    pd.testing.assert_frame_equal(table, TABLE)
    assert np.allclose(found["y"].iloc[-1], 2 * Y[-1])


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (
            lambda table: None,
            TypeError,
            "prepare must return a table, got NoneType: end it with `return table`",
        ),
        (lambda table: table.drop(columns="unique_id"), ValueError, "no column 'unique_id'"),
        (
            lambda table: pd.concat([table, table]),
            ValueError,
            "prepare makes two rows of series 'a' at 2024-01-01",
        ),
        (
            lambda table: table.assign(**({"late": 1} if table["y"].notna().all() else {})),
            leakage.Leak,
            r"columns \['late'\] are made only with, or only without, what comes after 2024-02-01",
        ),
    ],
)
def test_what_prepare_returns(prepare, error, message):
    with pytest.raises(error, match=message):
        leakage.check_preparation(prepare, TABLE, pd.Timestamp("2024-02-01"))
