"""Every classifier of texts of the package through the suite; the suite sees each planted fault."""

import threading
import time

import numpy as np
import pytest
from sklearn.base import ClassifierMixin

from discovery import all_of, examples_of
from rnnlib.text import classifier_suite
from rnnlib.text.bag_of_words import WordCounts
from rnnlib.text.classifier_suite import CHECKS

WORDS = {"good": "fun wise warm sharp".split(), "bad": "dull flat cold loud".split()}


def sentences(count=40, rng=0):
    """Sentences in which one word out of two lists decides, beside words that say nothing."""
    rng = np.random.default_rng(rng)
    labels = rng.permutation(["bad", "good"] * (count // 2)).tolist()
    fill = "the film its plot and a cast".split()
    texts = [
        " ".join([*rng.choice(fill, rng.integers(2, 6)), rng.choice(WORDS[label])])
        for label in labels
    ]
    return texts, labels


TEXTS, LABELS = sentences()
EXAMPLES = [example for kind in all_of(ClassifierMixin) for example in examples_of(kind)]


def test_all_are_found():
    assert {"TextClassifier", "WordCounts"} == {kind.__name__ for _, kind, _ in EXAMPLES}


CASES = [
    pytest.param(kind, params, check, id=f"{label} {check.__name__}")
    for label, kind, params in EXAMPLES
    for check in CHECKS
]


@pytest.mark.parametrize(("kind", "params", "check"), CASES)
def test_promises_are_kept(kind, params, check):
    model = kind(**params)
    check(model, TEXTS, LABELS)
    assert not hasattr(model, "classes_")


# ---- faults, one a class; the check that must see it


class Stores(WordCounts):
    """Keeps another value than it was given."""

    def __init__(self, kind="logistic", min_count=2):
        super().__init__(kind, min_count=min_count)
        self.min_count = int(min_count) + 1


class Unasked(WordCounts):
    """Answers before it is fitted with an error of Python's."""

    def _check_fitted(self):
        pass


class Moody(WordCounts):
    """Never says the same twice."""

    def predict_proba(self, texts):
        p = super().predict_proba(texts) * np.random.default_rng().uniform(0.9, 1, (len(texts), 1))
        return p / p.sum(axis=1, keepdims=True) + 1e-12 * np.random.default_rng().normal()


class Unpicklable(WordCounts):
    """Holds what cannot be copied."""

    def fit(self, texts, labels, valid=None):
        self._lock = threading.Lock()
        return super().fit(texts, labels, valid)


class Forgets(WordCounts):
    """Its files do not know the seed."""

    @classmethod
    def load(cls, path):
        return super().load(path).set_params(rng=99)


class Whole(WordCounts):
    """Takes no part of the texts, which cross-validation gives."""

    def fit(self, texts, labels, valid=None):
        assert len(texts) == len(TEXTS)
        return super().fit(texts, labels, valid)


class NoNumbers(WordCounts):
    """Takes strings as labels alone; VotingClassifier gives numbers."""

    def fit(self, texts, labels, valid=None):
        assert isinstance(labels[0], str)
        return super().fit(texts, labels, valid)


class Shared(WordCounts):
    """Keeps its question in the object, where another thread puts its own."""

    def predict_proba(self, texts):
        self._asked = getattr(self, "_asked", 0) + 1
        mine = self._asked
        time.sleep(0.002)
        p = super().predict_proba(texts)
        return p if self._asked == mine else p[:, ::-1]


FAULTS = [
    (Stores, "check_constructor"),
    (Unasked, "check_not_fitted"),
    (Moody, "check_answers"),
    (Unpicklable, "check_copies"),
    (Forgets, "check_files"),
    (Whole, "check_selection"),
    (NoNumbers, "check_ensembles"),
    (Shared, "check_threads"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.parametrize(("kind", "check"), FAULTS, ids=[kind.__name__ for kind, _ in FAULTS])
def test_a_planted_fault_is_seen(kind, check):
    with pytest.raises((AssertionError, RuntimeError, TypeError, ValueError)):
        getattr(classifier_suite, check)(kind(), TEXTS, LABELS)


def test_every_check_has_a_fault():
    assert {name for _, name in FAULTS} == {check.__name__ for check in CHECKS}
