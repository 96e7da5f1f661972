"""Language models without a network: Markov chains and n-grams, which a recurrent one has to
beat.
"""

import numpy as np

from rnnlib.core import validation
from rnnlib.core.errors import NotFittedError


class MarkovChain:
    """Order-1 model of ids: `fit` sets `P_` (V, V), row i the distribution of what follows id i.

    `alpha` is added to every count (Laplace's rule at 1), so that no transition has probability 0.

    >>> MarkovChain(vocab_size=2).fit([0, 1, 0, 1]).P_.round(3).tolist()
    [[0.25, 0.75], [0.667, 0.333]]
    """

    def __init__(self, vocab_size, alpha=1.0):
        self.vocab_size = validation.positive(vocab_size, "vocab_size")
        if not 0 < alpha < np.inf:
            raise ValueError(
                f"alpha={alpha}: expected a finite number above 0, else a new transition has "
                "probability 0"
            )
        self.alpha = alpha

    def fit(self, ids):
        """Learns from training ids (N,)."""
        ids = _ids(ids, self.vocab_size)
        pairs = np.bincount(ids[:-1] * self.vocab_size + ids[1:], minlength=self.vocab_size**2)
        counts = pairs.reshape(self.vocab_size, self.vocab_size) + self.alpha
        self.P_ = counts / counts.sum(axis=1, keepdims=True)
        return self

    def cross_entropy(self, ids):
        """Mean bits an id, over all ids (N,) but the first, which has nothing before it."""
        if not hasattr(self, "P_"):
            raise NotFittedError(self, "call fit(train) first")
        ids = _ids(ids, self.vocab_size)
        if len(ids) < 2:
            raise ValueError("one id has nothing before it: at least 2 are needed")
        return float(-np.log2(self.P_[ids[:-1], ids[1:]]).mean())


class NGram:
    """Language model of ids with interpolated Kneser-Ney smoothing;
    `order` 3 looks at two ids before.

    Each order k takes a discount D_k off its counts and hands the mass to order k - 1; orders below
    the highest count in how many contexts something was seen, not how often; the lowest hands on to
    the uniform distribution over `vocab_size`, so that no id has probability 0. D_k = n_1 / (n_1 +
    2 n_2) from the numbers of counts 1 and 2, or 0.5 where one of them is 0; `discount` sets one
    value for all (Kneser & Ney 1995; the discount of Ney, Essen & Kneser 1994; survey: Chen &
    Goodman 1999).

    nltk.lm.KneserNeyInterpolated agrees on seen contexts, but searches all contexts for each score:
    on a million characters that takes hours where sorted arrays take seconds.

    >>> model = NGram(order=2, vocab_size=3).fit([0, 1, 0, 1, 0, 2])
    >>> model.probabilities([0]).round(3).tolist()
    [0.044, 0.644, 0.311]
    """

    def __init__(self, order, vocab_size, discount=None):
        self.order = validation.positive(order, "order")
        self.vocab_size = validation.positive(vocab_size, "vocab_size")
        if discount is not None and not 0 < discount < 1:
            raise ValueError(f"discount={discount}: expected a number between 0 and 1")
        self.discount = discount

    def fit(self, ids):
        """Counts the n-grams of training ids (N,), read as one stream."""
        ids = _ids(ids, self.vocab_size)
        if len(ids) < self.order + 1:
            raise ValueError(
                f"{len(ids)} ids are too few for order {self.order}: at least {self.order + 1} "
                "are needed"
            )
        self._grams, numbers, firsts = (
            [],
            [ids],
            [np.zeros(0, int)],
        )  # sorted codes of each order; number of the gram ending at i
        for k in range(self.order):
            # number of its context * V + id
            if k == 0:
                code = ids
            else:
                code = numbers[-1][:-1] * self.vocab_size + ids[k:]
            grams, first, number = np.unique(code, return_index=True, return_inverse=True)
            self._grams.append(grams)
            firsts.append(first)
            numbers.append(number)
        self._levels = []
        for k in range(self.order):
            if k == self.order - 1:
                counts = np.bincount(numbers[k + 1], minlength=len(self._grams[k]))
            else:  # distinct grams one longer that end in this one
                counts = np.bincount(
                    numbers[k + 1][1:][firsts[k + 2]], minlength=len(self._grams[k])
                )
            self._levels.append(self._level(k, counts))
        return self

    def _level(self, k, counts):
        if k:
            contexts = self._grams[k] // self.vocab_size
        else:
            contexts = np.zeros(len(counts), int)
        if k:
            size = len(self._grams[k - 1])
        else:
            size = 1
        total = np.bincount(contexts, counts, minlength=size)
        kinds = np.bincount(contexts, counts > 0, minlength=size)
        once = np.sum(counts == 1)
        twice = np.sum(counts == 2)
        discount = self.discount or (once / (once + 2 * twice) if once and twice else 0.5)
        return counts, total, kinds, discount

    def probabilities(self, context):
        """Distribution (V,) of the id after `context`, a sequence of ids, possibly empty."""
        if len(context):
            context = _ids(context, self.vocab_size)
        else:
            context = np.zeros(0, int)
        every = np.arange(self.vocab_size)
        stream = np.concatenate([context[len(context) - min(len(context), self.order - 1) :], [0]])
        numbers = self._numbers(stream)
        p = np.full(self.vocab_size, 1 / self.vocab_size)
        for k in range(len(stream)):
            if k == 0:
                before = np.zeros(1, int)
            else:
                before = numbers[k - 1][-2:-1]
            p = self._mixed(k, np.repeat(before, self.vocab_size), every, p)
        return p

    def log2_probabilities(self, ids):
        """log2 of the probability of each id (N,) after the ids before it;
        the first ones have shorter contexts.
        """
        ids = _ids(ids, self.vocab_size)
        numbers = self._numbers(ids)
        p = np.full(len(ids), 1 / self.vocab_size)
        for k in range(min(self.order, len(ids))):
            if k == 0:
                before = np.zeros(len(ids), int)
            else:
                before = numbers[k - 1][:-1]
            p[k:] = self._mixed(k, before, ids[k:], p[k:])
        return np.log2(p)

    def cross_entropy(self, ids):
        """Mean bits an id (N,)."""
        return float(-self.log2_probabilities(ids).mean())

    def _numbers(self, ids):
        """For each order, the number of the gram that ends at each place from the first whole one
        on; -1 is unseen.
        """
        if not hasattr(self, "_levels"):
            raise NotFittedError(self, "call fit(train) first")
        numbers = [self._find(0, ids)]
        for k in range(1, min(self.order, len(ids))):
            before = numbers[-1][:-1]
            numbers.append(
                np.where(before < 0, -1, self._find(k, before * self.vocab_size + ids[k:]))
            )
        return numbers

    def _find(self, k, codes):
        place = np.searchsorted(self._grams[k], codes).clip(max=len(self._grams[k]) - 1)
        return np.where(self._grams[k][place] == codes, place, -1)

    def _mixed(self, k, before, ids, lower):
        """Probability at order k + 1 of `ids` after the contexts numbered `before`, from that of
        the order below.
        """
        counts, total, kinds, discount = self._levels[k]
        seen = (before >= 0) & (total[before] > 0)
        gram = self._find(k, before * self.vocab_size + ids if k else ids)
        count = np.where(gram >= 0, counts[gram], 0)
        sums = np.where(seen, total[before], 1)
        mixed = (np.maximum(count - discount, 0) + discount * kinds[before] * lower) / sums
        return np.where(seen, mixed, lower)


def _ids(ids, vocab_size):
    """Ids (N,) as int64, all within the vocabulary."""
    ids = np.asarray(ids)
    validation.rank(ids.shape, "(N)", "ids")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be whole numbers, got {ids.dtype}: encode the text first")
    if ids.min() < 0 or ids.max() >= vocab_size:
        raise ValueError(
            f"ids from {ids.min()} to {ids.max()}, but vocab_size={vocab_size} allows 0 to "
            f"{vocab_size - 1}: give vocab_size={max(int(ids.max()) + 1, 1)}"
        )
    return ids.astype("int64")
