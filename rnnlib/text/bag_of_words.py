"""Classifiers of texts without a network: counted words."""

import os
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags

from rnnlib.core import packing, seeds, validation, weight_files
from rnnlib.core.errors import NotFittedError
from rnnlib.text import tokenizers, vocabulary
from rnnlib.text.classifier import check_share, held_out, texts_as_input
from rnnlib.text.tokenizers import (
    check_classes,
    check_labelled,
    check_pair,
    check_strings,
    check_texts,
)
from rnnlib.training import checkpoint_format

LEARNED = {  # kind -> what its linear model has learned
    "logistic": ("classes_", "coef_", "intercept_", "n_features_in_"),
    "bayes": ("classes_", "feature_log_prob_", "class_log_prior_", "n_features_in_"),
}


class WordCounts(ClassifierMixin, BaseEstimator):
    """Bag of words: which words and pairs stand in a text, without their places, before a linear
    classifier; an estimator of scikit-learn.

    kind         "logistic" (regression) or "bayes" (multinomial naive Bayes)
    tokenizer    "words"; a name of text.TOKENIZERS or a function from a text to Tokens
    lower        True; are texts read in lower case?
    min_count    2; texts that a word must stand in
    valid_share  0.2; share of the texts of `fit`, of each class alike, that chooses among the
                 options where `fit` gets no validation texts
    rng          0; a whole number or a SeedSequence: which texts are held out

    `fit` chooses on the validation texts: words or words and pairs, presence or tf-idf ("bayes": or
    counts), the strength of penalty or smoothing; highest accuracy, then lowest cross-entropy.
    `chosen_` are the options found, `tried_` all of them with their scores.

    The grid is walked here and not by GridSearchCV, which would count all words again for each of
    seven strengths.
    """

    STRENGTHS = {
        "logistic": ("C", (0.03, 0.1, 0.3, 1, 3, 10, 30)),
        "bayes": ("alpha", (0.03, 0.1, 0.3, 1, 3, 10)),
    }
    COUNTED = {"logistic": ("presence", "tf-idf"), "bayes": ("presence", "counts")}

    def __init__(
        self,
        kind: str = "logistic",
        tokenizer: str | Callable = "words",
        lower: bool = True,
        min_count: int = 2,
        valid_share: float = 0.2,
        rng: int | np.random.SeedSequence = 0,
    ) -> None:
        self.kind = kind
        self.tokenizer = tokenizer
        self.lower = lower
        self.min_count = min_count
        self.valid_share = valid_share
        self.rng = rng
        self.check_params()

    def check_params(self) -> None:
        """ValueError or TypeError for the first hyper-parameter that will not do."""
        validation.choice(self.kind, tuple(self.STRENGTHS), "kind")
        tokenizers.tokenizer_named(self.tokenizer)
        validation.flag(self.lower, "lower")
        validation.positive(self.min_count, "min_count")
        check_share(self.valid_share)
        seeds.child_seeds(self.rng, 1)

    def fit(
        self,
        texts: Iterable[str],
        labels: Iterable,
        valid: tuple[Iterable[str], Iterable] | None = None,
    ) -> "WordCounts":
        """Learn from texts, a list of str, and labels (N,), strings or whole numbers; returns self.

        valid  a pair (texts, labels) that chooses among the options; the texts of `fit` alone are
               learned from.  None: a share of them, `valid_share`, chooses, and what was chosen
               learns from all
        """
        self.check_params()
        texts = check_strings(texts, "text")
        labels = check_labelled(texts, labels)
        classes = check_classes(labels)
        if valid is None:
            some, some_labels, pair = held_out(
                list(texts), np.asarray(labels), self.valid_share, self.rng
            )
            tried, best, _ = self._search(some, some_labels, *pair)
            counter = self._counter(best["pairs"], best["counted"])
            counts = counter.fit_transform(self._checked(texts))
            model = self._model(best[self.STRENGTHS[self.kind][0]]).fit(counts, labels)
            fitted = counter, model
        else:
            others, truth = check_pair(valid)
            truth = check_labelled(others, truth, classes)
            tried, best, fitted = self._search(texts, labels, check_strings(others, "text"), truth)
        self.tried_ = tried
        self.chosen_ = best
        self.counter_, self.model_ = fitted
        self.classes_ = self.model_.classes_
        return self

    def _search(self, texts, labels, others, truth):
        """All options tried, the best of them, and the counter and the model that go by it."""
        from sklearn.metrics import log_loss

        name, strengths = self.STRENGTHS[self.kind]
        tokens = self._checked(texts)
        other_tokens = self._tokens(others)
        tried = []
        best_score = (-1.0, 0.0)
        for pairs in (False, True):
            for counted in self.COUNTED[self.kind]:
                counter = self._counter(pairs, counted)
                x = counter.fit_transform(tokens)
                x_valid = counter.transform(other_tokens)
                for strength in strengths:
                    model = self._model(strength).fit(x, labels)
                    p = model.predict_proba(x_valid)
                    loss = float(log_loss(truth, p, labels=model.classes_))
                    accuracy = float(model.score(x_valid, truth))
                    options = {"pairs": pairs, "counted": counted, name: strength}
                    tried.append({**options, "accuracy": accuracy, "loss": loss})
                    if (accuracy, -loss) > best_score:
                        best_score = (accuracy, -loss)
                        best = options
                        fitted = (counter, model)
        return tried, best, fitted

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Probabilities (N, C) of the classes, in the order of `classes_`; a text of unknown words
        gets those of no word at all.  NotFittedError before `fit`."""
        self._check_fitted()
        return self.model_.predict_proba(self.counter_.transform(self._tokens(texts)))

    def predict(self, texts: Iterable[str]) -> np.ndarray:
        """The likeliest class of each text, (N,)."""
        p = self.predict_proba(texts)
        return self.classes_[p.argmax(axis=1)]

    def weights(self) -> dict[str, float]:
        """What "logistic" of two classes has learned, {word or pair: weight towards the second
        class}, lowest first."""
        self._check_fitted()
        if self.kind != "logistic" or len(self.classes_) != 2:
            raise ValueError(
                "weights are those of kind='logistic' and two classes, "
                f"got {self.kind!r} and {len(self.classes_)}"
            )
        names = self.counter_.get_feature_names_out()
        found = dict(zip(names, self.model_.coef_[0].tolist(), strict=True))
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def save(self, path: str | os.PathLike) -> None:
        """Write hyper-parameters, vocabulary and what was learned to one safetensors file.

        ValueError for a tokenizer that is a function of your own, which no file holds.
        """
        self._check_fitted()
        if callable(self.tokenizer) and not packing.is_registered(self.tokenizer):
            raise ValueError(vocabulary.OWN_TOKENIZER)
        learned = {name: getattr(self.model_, name) for name in LEARNED[self.kind]}
        inverse = getattr(self.counter_, "idf_", None)
        state = {
            "params": self.get_params(deep=False),
            "tried": self.tried_,
            "chosen": self.chosen_,
            "words": self.counter_.get_feature_names_out().tolist(),
            "inverse": inverse,
            "learned": learned,
        }
        plain, arrays = packing.pack(state)
        about = checkpoint_format.header(
            "word counts", None, packing.versions("scikit-learn"), word_counts=plain
        )
        weight_files.write_weights(path, arrays, about)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "WordCounts":
        """The classifier that `save` has written; it predicts, and can be fitted anew."""
        arrays, about = checkpoint_format.read(path)
        if "word_counts" not in about:
            raise ValueError(f"{path} holds no word counts: it was not written by WordCounts.save")
        state = packing.unpack(about["word_counts"], arrays)
        model = cls(**state["params"])
        model.tried_ = state["tried"]
        model.chosen_ = state["chosen"]
        chosen = model.chosen_
        model.counter_ = model._counter(chosen["pairs"], chosen["counted"])
        model.counter_.vocabulary_ = {word: place for place, word in enumerate(state["words"])}
        if state["inverse"] is not None:
            model.counter_.idf_ = state["inverse"]
        model.model_ = model._model(chosen[cls.STRENGTHS[model.kind][0]])
        vars(model.model_).update(state["learned"])
        model.classes_ = model.model_.classes_
        return model

    def _tokens(self, texts):
        cut = tokenizers.tokenizer_named(self.tokenizer)
        texts = [whole.lower() if self.lower else whole for whole in check_strings(texts, "text")]
        if not texts:
            raise ValueError("no texts: the list is empty, give at least one, ['a text']")
        return [check_texts(cut(whole)) if whole.strip() else [] for whole in texts]

    def _checked(self, texts):
        """Tokens of the texts, of which some stand in `min_count` texts: else nothing is
        counted."""
        tokens = self._tokens(texts)
        counts = Counter(token for row in tokens for token in set(row))
        if max(counts.values(), default=0) < self.min_count:
            raise ValueError(
                f"no token stands in min_count={self.min_count} of the {len(tokens)} texts: "
                "lower min_count, or give more texts"
            )
        return tokens

    def _check_fitted(self):
        if not hasattr(self, "model_"):
            raise NotFittedError(self, "call fit(texts, labels), or load a file")

    @classmethod
    def example_params(cls) -> list[dict]:
        """Arguments that build small examples, for tests."""
        return [{"kind": "logistic"}, {"kind": "bayes", "rng": 3}]

    def _counter(self, pairs, counted):
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

        if counted == "tf-idf":
            make = TfidfVectorizer
        else:
            make = CountVectorizer
        return make(
            tokenizer=list,
            token_pattern=None,
            lowercase=False,
            ngram_range=(1, 1 + pairs),
            min_df=self.min_count,
            binary=counted == "presence",
        )

    def _model(self, strength):
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import MultinomialNB

        if self.kind == "logistic":
            return LogisticRegression(C=strength, max_iter=2000)
        return MultinomialNB(alpha=strength)

    def __sklearn_tags__(self) -> Tags:
        return texts_as_input(super().__sklearn_tags__())
