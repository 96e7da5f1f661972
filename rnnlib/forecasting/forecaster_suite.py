"""A suite that puts any forecaster through what `forecasting.BaseForecaster` promises.

    for check in CHECKS:
        check(MyForecaster(m=7), table)

Each check takes a forecaster that is not fitted and a long table that it can be fitted on, and
raises AssertionError, or the forecaster's own error, where a promise is broken.  The forecaster
that is passed in stays as it was.
"""

import copy
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone

from rnnlib.core import packing
from rnnlib.core.errors import NotFittedError
from rnnlib.forecasting.backtesting import backtest
from rnnlib.forecasting.base import BaseForecaster
from rnnlib.training.estimator_suite import refused, run_fresh, same, same_params

HORIZON = 5
FRESH = """
import sys
import pandas as pd
import {module}
model = pd.read_pickle({pickled!r})
loaded = {module}.{name}.load({file!r})
answers = [model.predict({horizon}, **{options}), loaded.predict({horizon}, **{options})]
pd.to_pickle(answers, {answers!r})
"""


def check_constructor(model: BaseForecaster, table: pd.DataFrame) -> None:
    """Hyper-parameters are kept as given, found by `get_params`, set by `set_params`, cloned, and
    checked by the constructor and by `fit`."""
    from sklearn.utils import estimator_checks

    name = type(model).__name__
    estimator_checks.check_no_attributes_set_in_init(name, model)
    estimator_checks.check_parameters_default_constructible(name, model)
    params = model.get_params(deep=False)
    again = clone(model)
    assert same_params(again.get_params(deep=False), params), f"{name}: clone has other parameters"
    assert again.set_params(**params) is again
    assert same_params(again.get_params(deep=False), params), f"{name}: set_params changed some"
    wrong = {**params, "levels": (0.5, 0.1)}
    refused(ValueError, lambda: type(model)(**wrong), f"{name}(levels=(0.5, 0.1))")
    again = clone(model).set_params(levels=(0.5, 0.1))
    refused(ValueError, lambda: again.fit(table), f"{name}.fit after set_params(levels=(0.5, 0.1))")


def check_not_fitted(model: BaseForecaster, table: pd.DataFrame) -> None:
    """Before `fit` all that needs it raises NotFittedError, and nothing else."""
    model = clone(model)
    doors = {
        "predict": lambda: model.predict(HORIZON),
        "save": lambda: model.save("never-written.safetensors"),
        "backtest": lambda: backtest(model, table, HORIZON, origins=2, refit=None),
    }
    for name, door in doors.items():
        refused(NotFittedError, door, f"{name} of a {type(model).__name__} that was not fitted")
    assert not Path("never-written.safetensors").exists()


def check_answers(model: BaseForecaster, table: pd.DataFrame) -> None:
    """A forecast is a long table of finite points and rising quantiles, the same each time; neither
    `fit` nor `predict` changes a hyper-parameter, and `predict` nothing of what was learned."""
    model, options = fitted(model, table)
    params = model.get_params(deep=False)
    before = packing.pack(model.learned_state())
    found = model.predict(HORIZON, **options)
    quantiles = [f"q{level:g}" for level in model.levels]
    assert list(found) == ["unique_id", "ds", "forecast", *quantiles], list(found)
    assert len(found) == HORIZON * table["unique_id"].nunique()
    assert np.isfinite(found[["forecast", *quantiles]]).all(axis=None), "a forecast is not finite"
    assert (np.diff(found[quantiles], axis=1) >= 0).all(), "quantiles cross"
    pd.testing.assert_frame_equal(model.predict(HORIZON, **options), found)
    assert same(packing.pack(model.learned_state()), before), "predict has changed what was learned"
    assert same_params(model.get_params(deep=False), params), "a hyper-parameter has changed"
    again, _ = fitted(model, table)
    pd.testing.assert_frame_equal(again.predict(HORIZON, **options), found)


def check_horizons(model: BaseForecaster, table: pd.DataFrame) -> None:
    """A horizon is a whole number of at least 1; a shorter one is the beginning of a longer."""
    model, options = fitted(model, table)
    for horizon in (0, -1):
        refused(ValueError, lambda h=horizon: model.predict(h, **options), f"horizon={horizon}")
    wrong = {1.5: TypeError, "3": TypeError, None: TypeError, True: ValueError}
    for value, error in wrong.items():
        refused(error, lambda h=value: model.predict(h, **options), f"horizon={value!r}")
    longer = model.predict(HORIZON, **options)
    shorter = model.predict(2, **options)
    first = longer.groupby("unique_id", sort=False).head(2).reset_index(drop=True)
    pd.testing.assert_frame_equal(shorter, first, rtol=1e-5)


def check_unknown(model: BaseForecaster, table: pd.DataFrame) -> None:
    """A series that was not in the table of `fit`, and columns that are not there, are named."""
    model, options = fitted(model, table)
    strange = table.assign(unique_id="never seen")
    strange = strange.drop_duplicates(["unique_id", "ds"], ignore_index=True)
    message = refused(
        ValueError, lambda: model.predict(HORIZON, history=strange, **options), "an unknown series"
    )
    assert "'never seen'" in message, message
    for name in ("y", "ds", *model.known, *model.past):
        lost = table.drop(columns=name)
        message = refused(ValueError, lambda t=lost: clone(model).fit(t), f"no column {name!r}")
        assert repr(name) in message, message


def check_copies(model: BaseForecaster, table: pd.DataFrame) -> None:
    """Pickle, copy and deepcopy give a forecaster that answers alike, fitted or not."""
    for copied in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert same_params(copied.get_params(deep=False), model.get_params(deep=False))
    model, options = fitted(model, table)
    found = model.predict(HORIZON, **options)
    for copied in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert type(copied) is type(model)
        pd.testing.assert_frame_equal(copied.predict(HORIZON, **options), found)


def check_files(model: BaseForecaster, table: pd.DataFrame) -> None:
    """`save` and `load`, of the class and of Forecaster, give the same hyper-parameters and
    answers; what was loaded is fitted anew as it was, and saved again."""
    model, options = fitted(model, table)
    found = model.predict(HORIZON, **options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        loaded = type(model).load(path)
        assert type(loaded) is type(model)
        assert same_params(loaded.get_params(deep=False), model.get_params(deep=False))
        pd.testing.assert_frame_equal(loaded.predict(HORIZON, **options), found)
        pd.testing.assert_frame_equal(BaseForecaster.load(path).predict(HORIZON, **options), found)
        loaded.save(path)
        pd.testing.assert_frame_equal(type(model).load(path).predict(HORIZON, **options), found)
    again = loaded.fit(learnt_part(table)).predict(HORIZON, **options)
    pd.testing.assert_frame_equal(again, found)


def check_fresh_process(model: BaseForecaster, table: pd.DataFrame) -> None:
    """A pickle and a file answer alike in a Python that has seen neither class nor table."""
    model, options = fitted(model, table)
    found = model.predict(HORIZON, **options)
    kind = type(model)
    with tempfile.TemporaryDirectory() as folder:
        paths = {key: str(Path(folder) / key) for key in ("pickled", "file", "answers", "known")}
        pd.to_pickle(model, paths["pickled"])
        model.save(paths["file"])
        arguments = "{}"
        if options:
            pd.to_pickle(options["known"], paths["known"])
            arguments = f"{{'known': pd.read_pickle({paths['known']!r})}}"
        names = {"module": kind.__module__, "name": kind.__qualname__, "horizon": HORIZON}
        code = FRESH.format(
            **names, **{k: paths[k] for k in ("pickled", "file", "answers")}, options=arguments
        )
        run_fresh(code)
        for answer in pd.read_pickle(paths["answers"]):
            pd.testing.assert_frame_equal(answer, found)


def check_backtest(model: BaseForecaster, table: pd.DataFrame) -> None:
    """A backtest leaves the forecaster as it was: one that was not fitted stays so, one that was
    keeps what it has learned, whether it is asked as it is or fitted again."""
    model = clone(model)
    params = model.get_params(deep=False)
    whole = backtest(model, table, HORIZON, origins=2, step=3)
    assert not hasattr(model, "views_"), "a backtest has fitted the model that was passed in"
    assert same_params(model.get_params(deep=False), params), "a hyper-parameter has changed"
    first = whole["origin"].min()
    model.fit(table[table["ds"] <= first])
    before = packing.pack(model.learned_state())
    asked = backtest(model, table, HORIZON, origins=2, step=3, refit=None)
    pd.testing.assert_frame_equal(asked, whole)
    backtest(model, table, HORIZON, origins=2, step=3, refit=True)
    assert same(packing.pack(model.learned_state()), before), "a backtest has changed the model"


CHECKS: tuple[Callable[[BaseForecaster, pd.DataFrame], None], ...] = (
    check_constructor,
    check_not_fitted,
    check_answers,
    check_horizons,
    check_unknown,
    check_copies,
    check_files,
    check_fresh_process,
    check_backtest,
)


def check_forecaster(model: BaseForecaster, table: pd.DataFrame) -> None:
    """All checks, one after the other; the first promise that is broken raises."""
    for check in CHECKS:
        check(model, table)


def fitted(model: BaseForecaster, table: pd.DataFrame) -> tuple[BaseForecaster, dict]:
    """A clone that is fitted on the table without its last steps, and the options of `predict`."""
    model = clone(model).fit(learnt_part(table))
    return model, {"known": table} if len(model.known) else {}


def learnt_part(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the last steps of each series, which are to be forecast."""
    last = table.groupby("unique_id", sort=False).tail(HORIZON).index
    return table.drop(index=last).reset_index(drop=True)
