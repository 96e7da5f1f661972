"""Classifiers of texts without a network: counted words, and rules over a lexicon.  `rnnlib.baselines` has them too."""

from collections import Counter
from collections.abc import Mapping
from numbers import Real

import numpy as np

from rnnlib import checks, text
from rnnlib.tokens import classes_of, labelled, pair_of, strings_of, texts_of


class WordCounts:
    """Bag of words: which words and pairs stand in a text, without their places, before a linear classifier (scikit-learn).

    kind                         "logistic" (regression) or "bayes" (multinomial naive Bayes)
    tokenizer, lower, min_count  a name of text.TOKENIZERS or a function; in lower case? texts a word must stand in

    `fit` chooses on the validation texts: words or words and pairs, presence or tf-idf ("bayes": or counts), the strength of penalty or
    smoothing; highest accuracy, then lowest cross-entropy.  `chosen_` are the options found, `tried_` all of them with their scores.
    """

    STRENGTHS = {
        "logistic": ("C", (0.03, 0.1, 0.3, 1, 3, 10, 30)),
        "bayes": ("alpha", (0.03, 0.1, 0.3, 1, 3, 10)),
    }

    def __init__(self, kind="logistic", tokenizer="words", lower=True, min_count=2):
        self.kind = checks.choice(kind, tuple(self.STRENGTHS), "kind")
        self.tokenizer, self.lower = text.tokenizer_of(tokenizer), checks.flag(lower, "lower")
        self.min_count = checks.positive(min_count, "min_count")

    def fit(self, texts, labels, valid):
        """Learn from training texts, a list of str, and labels (N,); `valid` = (texts, labels) chooses among the options."""
        from sklearn.metrics import log_loss

        labels, (others, truth) = labelled(texts, labels), pair_of(valid)
        truth = labelled(others, truth, classes_of(labels))
        name, strengths = self.STRENGTHS[self.kind]
        self.tried_, best = [], (-1, 0)
        tokens = self._tokens(texts), self._tokens(others)
        self._check_vocabulary(tokens[0])
        for pairs in (False, True):
            for counted in ("presence", "tf-idf") if self.kind == "logistic" else ("presence", "counts"):
                counter = self._counter(pairs, counted)
                x, x_valid = counter.fit_transform(tokens[0]), counter.transform(tokens[1])
                for strength in strengths:
                    model = self._model(strength).fit(x, labels)
                    loss = log_loss(truth, model.predict_proba(x_valid), labels=model.classes_)
                    score = (float(model.score(x_valid, truth)), -float(loss))
                    options = {"pairs": pairs, "counted": counted, name: strength}
                    self.tried_.append({**options, "accuracy": score[0], "loss": -score[1]})
                    if score > best:
                        best, self.chosen_, self._fitted = score, options, (counter, model)
        self.classes_ = self._fitted[1].classes_
        return self

    def predict_proba(self, texts):
        """Probabilities (N, C) of the classes, in the order of `classes_`; a text of unknown words gets those of no word at all."""
        counter, model = self._check_fitted()
        return model.predict_proba(counter.transform(self._tokens(texts)))

    def predict(self, texts):
        """The likeliest class of each text, (N,)."""
        p = self.predict_proba(texts)
        return self.classes_[p.argmax(axis=1)]

    def weights(self):
        """What "logistic" of two classes has learned, {word or pair: weight towards the second class}, lowest first."""
        counter, model = self._check_fitted()
        if self.kind != "logistic" or len(self.classes_) != 2:
            raise ValueError(
                f"weights are those of kind='logistic' and two classes, got {self.kind!r} and {len(self.classes_)}"
            )
        found = dict(zip(counter.get_feature_names_out(), model.coef_[0].tolist(), strict=True))
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def _tokens(self, texts):
        texts = [whole.lower() if self.lower else whole for whole in strings_of(texts, "text")]
        if not texts:
            raise ValueError("no texts: the list is empty")
        return [texts_of(self.tokenizer(whole)) if whole.strip() else [] for whole in texts]

    def _check_fitted(self):
        if not hasattr(self, "_fitted"):
            raise ValueError("these WordCounts have not been fitted: call fit(texts, labels, valid) first")
        return self._fitted

    def _check_vocabulary(self, tokens):
        """Some token stands in `min_count` texts, else there is nothing to count."""
        most = max(Counter(token for row in tokens for token in set(row)).values(), default=0)
        if most < self.min_count:
            raise ValueError(
                f"no token stands in min_count={self.min_count} of the {len(tokens)} texts: lower min_count, or give more texts"
            )

    def _counter(self, pairs, counted):
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

        make = TfidfVectorizer if counted == "tf-idf" else CountVectorizer
        options = dict(ngram_range=(1, 1 + pairs), min_df=self.min_count, binary=counted == "presence")
        return make(tokenizer=list, token_pattern=None, lowercase=False, **options)

    def _model(self, strength):
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import MultinomialNB

        return (
            LogisticRegression(C=strength, max_iter=2000)
            if self.kind == "logistic"
            else MultinomialNB(alpha=strength)
        )


class Vader:
    """Sentiment by a lexicon and rules for negation, boosters, "but" and capitals (Hutto & Gilbert 2014), as NLTK has them.

    lexicon  {word: rating from -4 to 4}, as `datasets.load("vader_lexicon")` gives it.  Nothing is learned but the threshold: `fit`
    takes the one that is right most often, 0 until then.
    """

    def __init__(self, lexicon):
        from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

        known = isinstance(lexicon, Mapping) and all(isinstance(value, Real) for value in lexicon.values())
        if not known:
            raise TypeError(
                f"lexicon is a dict of words and their ratings from -4 to 4, got {type(lexicon).__name__}"
            )
        self.threshold_ = 0.0
        self._rules = SentimentIntensityAnalyzer.__new__(
            SentimentIntensityAnalyzer
        )  # its own __init__ reads a file of NLTK's
        self._rules.lexicon, self._rules.constants = dict(lexicon), VaderConstants()

    def scores(self, texts):
        """How positive each text is, from -1 to 1, (N,); without a word of the lexicon, as in an empty text, 0."""
        return np.array(
            [self._rules.polarity_scores(whole)["compound"] for whole in strings_of(texts, "text")]
        )

    def fit(self, texts, labels):
        """Choose the threshold on texts and labels (N,), 1 positive, 0 negative."""
        labels = labelled(texts, labels)
        if set(labels.tolist()) != {0, 1}:
            got = ", ".join(map(repr, np.unique(labels).tolist()))
            raise ValueError(f"labels are 1 for positive and 0 for negative texts, both of them; got {got}")
        scores = self.scores(texts)
        places = np.unique(scores)
        places = np.concatenate([[-1.0], (places[1:] + places[:-1]) / 2, [1.0]])
        above, below = np.sort(scores[labels == 1]), np.sort(scores[labels != 1])
        right = len(above) - np.searchsorted(above, places, "right") + np.searchsorted(below, places, "right")
        self.threshold_ = float(places[int(np.argmax(right))])
        return self

    def predict(self, texts):
        """1 for texts with a score above the threshold, else 0, (N,) int64."""
        return (self.scores(texts) > self.threshold_).astype("int64")
