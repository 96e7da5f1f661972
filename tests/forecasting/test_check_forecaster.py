"""Every forecaster of the package through the suite; the suite sees each fault that is planted."""

import inspect
import os

import numpy as np
import pandas as pd
import pytest

from discovery import all_of, examples_of
from rnnlib.forecasting import backtesting, base, forecaster_suite, naive, statistical
from rnnlib.forecasting.forecaster_suite import CHECKS
from rnnlib.forecasting.windowed import WindowedForecaster
from rnnlib.training.estimator_suite import same_params

T = 400  # more than a year of days


def table():
    rng = np.random.default_rng(0)
    t = np.arange(T)
    parts = [
        pd.DataFrame(
            {
                "unique_id": key,
                "ds": pd.date_range("2023-01-02", periods=T),
                "y": level + 0.02 * t + np.sin(2 * np.pi * t / 7) + 0.3 * rng.normal(size=T),
            }
        )
        for key, level in (("north", 10.0), ("south", 300.0))
    ]
    return pd.concat(parts, ignore_index=True)


TABLE = table()
EXAMPLES = [example for kind in all_of(base.BaseForecaster) for example in examples_of(kind)]


def test_all_are_found():
    names = {kind.__name__ for _, kind, _ in EXAMPLES}
    assert {"Persistence", "SeasonalNaive", "Climatology", "ETS", "ARIMA", "Ridge"} <= names
    assert "SeasonAndLevel" in names  # stands in a study
    assert not names & {"BaseForecaster", "WindowedForecaster"}


CASES = [
    pytest.param(kind, params, check, id=f"{label} {check.__name__}")
    for label, kind, params in EXAMPLES
    for check in CHECKS
    # seconds each: one of a class
    if check is not forecaster_suite.check_fresh_process or " 0" in label
]


@pytest.mark.parametrize(("kind", "params", "check"), CASES)
def test_promises_are_kept(kind, params, check):
    model = kind(**params)
    before = model.get_params(deep=False)
    check(model, TABLE)
    assert same_params(model.get_params(deep=False), before)
    assert not hasattr(model, "views_")


# ---- faults, one a class; the check that must see it


class Stores(naive.Persistence):
    """Keeps another value than it was given."""

    def __init__(self, drift=False, levels=base.LEVELS):
        super().__init__(drift, tuple(levels))
        self.levels = list(levels)


class Unchecked(naive.Persistence):
    """Takes any level."""

    def check_params(self):
        pass

    def fit_checked(self, panel):
        self.levels, kept = (0.05, 0.5, 0.95), self.levels
        super().fit_checked(panel)
        self.levels = kept
        return self


class Unasked(naive.Persistence):
    """Answers before it is fitted with an error of Python's."""

    def check_fitted(self):
        assert self.views_


class Forgetful(naive.Persistence):
    """Learns from being asked."""

    def forecast_panel(self, panel, horizon):
        self.asked_ = getattr(self, "asked_", 0) + 1
        return super().forecast_panel(panel, horizon)


class Moody(naive.Persistence):
    """Never says the same twice."""

    def forecast_panel(self, panel, horizon):
        paths = super().forecast_panel(panel, horizon)
        return [path + np.random.default_rng().normal() for path in paths]


class Crossing(naive.Persistence):
    """Its quantiles fall."""

    def forecast_panel(self, panel, horizon):
        return [path[:, [0, 3, 2, 1]] for path in super().forecast_panel(panel, horizon)]


class AnyHorizon(naive.Persistence):
    """Takes 0 for 1."""

    def check_horizon(self, horizon):
        return max(int(horizon), 1)


class Stranger(naive.Persistence):
    """Answers for a series that it has never seen."""

    def forecast_checked(self, panel, horizon):
        self.drifts_.setdefault("never seen", 0.0)
        rows = [view._replace(key=self.views_[0].key) for view in panel]
        return self.forecast_panel(rows, horizon)


class Unpicklable(naive.Persistence):
    """Holds a function that has no name."""

    def fit_panel(self, panel):
        super().fit_panel(panel)
        self._how = lambda: 0


class Half(naive.Persistence):
    """Leaves something that it needs out of its files."""

    def learned_state(self):
        state = super().learned_state()
        state["drifts_"] = {key: drift + 1 for key, drift in state["drifts_"].items()}
        return state


class Local(naive.Persistence):
    """Answers differently in another process."""

    def fit_panel(self, panel):
        super().fit_panel(panel)
        self._process = os.getpid()

    def forecast_panel(self, panel, horizon):
        shift = 0 if os.getpid() == self._process else 1
        return [path + shift for path in super().forecast_panel(panel, horizon)]

    def restore_state(self, state):
        super().restore_state(state)
        self._process = os.getpid()


class Leaking(naive.Persistence):
    """What it learns stands in the class, so a copy teaches the original."""

    shared: dict = {}

    def fit_panel(self, panel):
        super().fit_panel(panel)
        self.shared["last"] = panel[0].y[-1]

    def learned_state(self):
        return {**super().learned_state(), "last_": self.shared.get("last")}


FAULTS = [
    (Stores, "check_constructor"),
    (Unchecked, "check_constructor"),
    (Unasked, "check_not_fitted"),
    (Forgetful, "check_answers"),
    (Moody, "check_answers"),
    (Crossing, "check_answers"),
    (AnyHorizon, "check_horizons"),
    (Stranger, "check_unknown"),
    (Unpicklable, "check_copies"),
    (Half, "check_files"),
    (Local, "check_fresh_process"),
    (Leaking, "check_backtest"),
]


@pytest.mark.parametrize(("kind", "check"), FAULTS, ids=[kind.__name__ for kind, _ in FAULTS])
def test_a_planted_fault_is_seen(kind, check):
    with pytest.raises((AssertionError, RuntimeError, TypeError, AttributeError)) as seen:
        getattr(forecaster_suite, check)(kind(), TABLE)
    assert seen.value is not None


def test_every_check_has_a_fault():
    assert {name for _, name in FAULTS} == {check.__name__ for check in CHECKS}


# ---- what one who writes a forecaster is told


class Empty(base.BaseForecaster):
    def fit_panel(self, panel):
        pass


class Half2(WindowedForecaster):
    def fit_windows(self, *arrays):
        pass


def test_a_missing_hook_is_named():
    with pytest.raises(TypeError, match="abstract class Empty .*forecast_panel"):
        Empty()
    with pytest.raises(TypeError, match="abstract class Half2 .*predict_windows"):
        Half2(3, 2)
    assert inspect.isabstract(WindowedForecaster)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (lambda panel, h: None, "must give a list of 2 arrays, one for each series, got NoneType"),
        (lambda panel, h: [np.zeros((h, 4))], "must give a list of 2 arrays.* got 1"),
        (
            lambda panel, h: [np.zeros(h)] * 2,
            r"must give arrays of shape \(3, 4\), .* got \(3,\) for series 'north'",
        ),
        (
            lambda panel, h: [np.zeros((h, 3))] * 2,
            r"must give arrays of shape \(3, 4\).* got \(3, 3\) for series 'north'",
        ),
    ],
)
def test_what_a_hook_gives_is_checked(paths, message):
    class Mine(naive.Persistence):
        def forecast_panel(self, panel, horizon):
            return paths(panel, horizon)

    with pytest.raises(ValueError, match=f"Mine.forecast_panel {message}"):
        Mine().fit(TABLE).predict(3)
    with pytest.raises(ValueError, match="Mine.forecast_panel"):
        backtesting.backtest(Mine(), TABLE, 3, origins=2)


def test_what_answers_to_windows_give_is_checked():
    class Mine(WindowedForecaster):
        def __init__(self, n_in=3, horizon=2):
            super().__init__(n_in, horizon)
            self.check_params()

        def fit_windows(self, *arrays):
            pass

        def predict_windows(self, x):
            return np.zeros((len(x), self.ahead))

    with pytest.raises(
        ValueError, match=r"Mine.predict_windows must give .* \(\d+, 2, 4\), .* got \(\d+, 2\)"
    ):
        Mine().fit(TABLE)


def test_files_of_other_classes_are_named(tmp_path):
    path = tmp_path / "model.safetensors"
    naive.Persistence().fit(TABLE).save(path)
    assert type(naive.SeasonalNaive.load(path)) is naive.Persistence
    with pytest.raises(
        ValueError, match="a forecaster of the class Persistence.*call Persistence.load"
    ):
        statistical.ETS.load(path)
    with pytest.raises(
        ValueError, match="holds a Persistence, which has no network: leave rnn out"
    ):
        base.BaseForecaster.load(path, rnn="torch")
    with pytest.raises(FileNotFoundError, match="no weights file at"):
        base.BaseForecaster.load(tmp_path / "none")
