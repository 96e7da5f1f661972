"""Classifiers of texts without a network: rules over a lexicon."""

from collections.abc import Mapping
from numbers import Real

import numpy as np

from rnnlib.text.tokenizers import check_labelled, check_strings


class Vader:
    """Sentiment by a lexicon and rules for negation, boosters, "but" and capitals (Hutto & Gilbert
    2014), as NLTK has them.

    lexicon  {word: rating from -4 to 4}, as `data.load("vader_lexicon")` gives it

    Nothing is learned but the threshold: `fit` takes the one that is right most often, 0 before it.
    """

    def __init__(self, lexicon):
        from nltk.sentiment.vader import SentimentIntensityAnalyzer, VaderConstants

        known = isinstance(lexicon, Mapping) and all(
            isinstance(value, Real) for value in lexicon.values()
        )
        if not known:
            raise TypeError(
                "lexicon is a dict of words and their ratings from -4 to 4, got "
                f"{type(lexicon).__name__}"
            )
        self.threshold_ = 0.0
        self._rules = SentimentIntensityAnalyzer.__new__(
            SentimentIntensityAnalyzer
        )  # its own __init__ reads a file of NLTK's
        self._rules.lexicon, self._rules.constants = dict(lexicon), VaderConstants()

    def scores(self, texts):
        """How positive each text is, from -1 to 1, (N,); without a word of the lexicon, as in an
        empty text, 0."""
        return np.array(
            [
                self._rules.polarity_scores(whole)["compound"]
                for whole in check_strings(texts, "text")
            ]
        )

    def fit(self, texts, labels):
        """Choose the threshold on texts and labels (N,), 1 positive, 0 negative."""
        labels = check_labelled(texts, labels)
        if set(labels.tolist()) != {0, 1}:
            got = ", ".join(map(repr, np.unique(labels).tolist()))
            raise ValueError(
                f"labels are 1 for positive and 0 for negative texts, both of them; got {got}"
            )
        scores = self.scores(texts)
        places = np.unique(scores)
        places = np.concatenate([[-1.0], (places[1:] + places[:-1]) / 2, [1.0]])
        above = np.sort(scores[labels == 1])
        below = np.sort(scores[labels != 1])
        wrong = np.searchsorted(above, places, "right")
        right = len(above) - wrong + np.searchsorted(below, places, "right")
        self.threshold_ = float(places[int(np.argmax(right))])
        return self

    def predict(self, texts):
        """1 for texts with a score above the threshold, else 0, (N,) int64."""
        return (self.scores(texts) > self.threshold_).astype("int64")
