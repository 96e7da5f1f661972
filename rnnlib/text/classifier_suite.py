"""A suite that puts any classifier of texts through scikit-learn's calls and through files.

    for check in CHECKS:
        check(MyClassifier(), texts, labels)

Each check takes a classifier that is not fitted, texts, a list of str, and their labels (N,), and
raises AssertionError, or the classifier's own error, where a promise is broken.  The classifier
that is passed in stays as it was.
"""

import copy
import pickle
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin, clone, is_classifier

from rnnlib.core.errors import NotFittedError
from rnnlib.training.estimator_suite import refused, run_fresh, same_params

FRESH = """
import pandas as pd
import {module}
model = pd.read_pickle({pickled!r})
loaded = {module}.{name}.load({file!r})
texts = pd.read_pickle({texts!r})
pd.to_pickle([model.predict_proba(texts), loaded.predict_proba(texts)], {answers!r})
"""
THREADS = 8


def check_constructor(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """Hyper-parameters are kept as given, found by `get_params`, set by `set_params`, cloned, and
    checked by the constructor and by `fit`; scikit-learn knows a classifier in it."""
    from sklearn.utils import estimator_checks

    name = type(model).__name__
    assert is_classifier(model)
    estimator_checks.check_no_attributes_set_in_init(name, model)
    estimator_checks.check_parameters_default_constructible(name, model)
    params = model.get_params(deep=False)
    again = clone(model)
    assert same_params(again.get_params(deep=False), params), f"{name}: clone has other parameters"
    assert again.set_params(**params) is again
    refused(ValueError, lambda: type(model)(**{**params, "min_count": 0}), f"{name}(min_count=0)")
    again = clone(model).set_params(min_count=0)
    refused(ValueError, lambda: again.fit(texts, labels), "fit after set_params(min_count=0)")
    refused(TypeError, lambda: type(model)(**params, no_such_option=3), "a misspelt option")


def check_not_fitted(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """Before `fit` all that needs it raises NotFittedError, and nothing else."""
    model = clone(model)
    for door in (model.predict, model.predict_proba, lambda texts: model.score(texts, labels)):
        refused(NotFittedError, lambda door=door: door(texts), "a classifier that was not fitted")
    refused(NotFittedError, lambda: model.save("never-written"), "save before fit")
    assert not Path("never-written").exists()


def check_answers(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """Probabilities add up to 1, the class is the likeliest, the same each time, whoever is fitted
    so; the score is the share of right answers; `fit` changes no hyper-parameter."""
    model = clone(model)
    params = model.get_params(deep=False)
    assert model.fit(texts, labels) is model
    assert same_params(model.get_params(deep=False), params), "fit has changed a hyper-parameter"
    p = model.predict_proba(texts)
    assert p.shape == (len(texts), len(set(labels)))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    answers = model.predict(texts)
    np.testing.assert_array_equal(answers, model.classes_[p.argmax(axis=1)])
    assert model.score(texts, labels) == np.mean(answers == np.asarray(labels))
    np.testing.assert_array_equal(model.predict_proba(texts), p)
    np.testing.assert_array_equal(clone(model).fit(texts, labels).predict_proba(texts), p)


def check_copies(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """Pickle, copy and deepcopy give a classifier that answers alike, fitted or not."""
    for copied in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert same_params(copied.get_params(deep=False), model.get_params(deep=False))
    model = clone(model).fit(texts, labels)
    p = model.predict_proba(texts)
    for copied in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict_proba(texts), p)
        np.testing.assert_array_equal(copied.predict(texts), model.predict(texts))


def check_files(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """A file and a pickle give the same answers and hyper-parameters, here and in a fresh process;
    what was loaded is fitted anew as it was."""
    model = clone(model).fit(texts, labels)
    p = model.predict_proba(texts)
    kind = type(model)
    with tempfile.TemporaryDirectory() as folder:
        paths = {key: str(Path(folder) / key) for key in ("pickled", "file", "texts", "answers")}
        model.save(paths["file"])
        loaded = kind.load(paths["file"])
        assert same_params(loaded.get_params(deep=False), model.get_params(deep=False))
        np.testing.assert_array_equal(loaded.predict_proba(texts), p)
        pd.to_pickle(model, paths["pickled"])
        pd.to_pickle(texts, paths["texts"])
        run_fresh(FRESH.format(module=kind.__module__, name=kind.__qualname__, **paths))
        for answer in pd.read_pickle(paths["answers"]):
            np.testing.assert_array_equal(answer, p)
    np.testing.assert_array_equal(loaded.fit(texts, labels).predict_proba(texts), p)


def check_selection(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """`cross_val_score`, and `GridSearchCV` as the last step of a `Pipeline`."""
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    scores = cross_val_score(clone(model), texts, labels, cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
    steps = Pipeline([("same", FunctionTransformer(list)), ("classifier", clone(model))])
    assert (
        steps.fit(texts, labels).predict(texts) == clone(model).fit(texts, labels).predict(texts)
    ).all()
    search = GridSearchCV(steps, {"classifier__min_count": [1, 2]}, cv=2).fit(texts, labels)
    assert search.best_params_["classifier__min_count"] in (1, 2)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert set(search.predict(texts)) <= set(labels)


def check_ensembles(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """`CalibratedClassifierCV`, and `VotingClassifier` over it and another."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import VotingClassifier

    calibrated = CalibratedClassifierCV(clone(model), cv=2).fit(texts, labels)
    assert calibrated.predict_proba(texts).shape == (len(texts), len(set(labels)))
    members = [("ours", clone(model)), ("dummy", DummyClassifier())]
    voting = VotingClassifier(members, voting="soft").fit(texts, labels)
    assert set(voting.predict(texts)) <= set(labels)
    np.testing.assert_allclose(voting.predict_proba(texts).sum(axis=1), 1)


def check_threads(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """Eight threads asking one classifier get the answers of one, of a copy that has never been
    asked before too."""
    model = clone(model).fit(texts, labels)
    expected = model.predict_proba(texts)
    for asked in (copy.deepcopy(model), model):
        with ThreadPoolExecutor(THREADS) as pool:
            for found in pool.map(asked.predict_proba, [texts] * (4 * THREADS)):
                np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


CHECKS: tuple[Callable[[ClassifierMixin, list[str], list], None], ...] = (
    check_constructor,
    check_not_fitted,
    check_answers,
    check_copies,
    check_files,
    check_selection,
    check_ensembles,
    check_threads,
)


def check_classifier(model: ClassifierMixin, texts: list[str], labels: list) -> None:
    """All checks, one after the other; the first promise that is broken raises."""
    for check in CHECKS:
        check(model, texts, labels)
