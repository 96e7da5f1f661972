"""How good a forecast, a classification or a language model is.  Shapes must agree and NaN is refused.

scikit-learn computes what it has; it is imported when first needed.
"""

from typing import NamedTuple

import numpy as np

from rnnlib import checks


def mae(y, prediction):
    """Mean absolute error, in the units of `y`; both of one shape."""
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(*_flat(y, prediction)))


def rmse(y, prediction):
    """Root of the mean squared error, in the units of `y`; both of one shape."""
    from sklearn.metrics import root_mean_squared_error

    return float(root_mean_squared_error(*_flat(y, prediction)))


def mase(y, prediction, train, *, m):
    """Mean absolute scaled error: `mae` over that of the seasonal naive forecast of the training part, in sample.

    train  (T,) the training part, T > m;  m  steps in a season (1: none), always said: the number depends on it.
    Below 1 beats what `y[t - m]` did on the training part (Hyndman & Koehler 2006, for m = 1).
    """
    m = checks.positive(m, "m")
    train = checks.finite(np.asarray(train, float), "train")
    checks.rank(train.shape, "(T)", "train")
    if len(train) <= m:
        raise ValueError(
            f"{len(train)} training steps hold no difference over a season of m={m}: more than m are needed"
        )
    scale = np.abs(train[m:] - train[:-m]).mean()
    if scale == 0:
        raise ValueError(
            f"the training part repeats itself exactly every m={m} steps: there is no error to scale by"
        )
    return mae(y, prediction) / float(scale)


def block_bootstrap_ratio(errors, rival, *, block, draws=2000, level=0.95, rng=0):
    """RMSE of one forecast over that of another, and what other times might have made of it: (ratio, low, high).

    errors, rival  errors at the same T times: (T,), or (N, T) of N seeds, whose squares are averaged
    block          steps that stay together, always said: as long as errors hang together (a cycle, a season)
    Blocks of the T times are drawn, the same for both, until there are T again; after the last time comes the first (circular
    block bootstrap, Politis & Romano 1992).  `level` of the `draws` ratios lie between low and high, as many below as above.
    """
    a, b = (_mean_square(values, what) for values, what in ((errors, "errors"), (rival, "rival")))
    T = len(_alike(a, b)[0])
    if checks.positive(block, "block") > T:
        raise ValueError(f"blocks of block={block} steps do not fit into {T}")
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the share of draws in the interval is above 0 and below 1")
    blocks = -(-T // block)
    start = np.random.default_rng(rng).integers(T, size=(checks.positive(draws, "draws"), blocks, 1))
    times = ((start + np.arange(block)) % T).reshape(draws, -1)[:, :T]
    top, bottom = a[times].mean(axis=1), b[times].mean(axis=1)
    if not bottom.all():
        raise ValueError(
            "rival makes no error at all at the times of some draw: there is nothing to divide by"
        )
    ratios = np.sqrt(top / bottom)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return float(np.sqrt(a.mean() / b.mean())), float(low), float(high)


def _mean_square(errors, what):
    errors = np.atleast_2d(checks.finite(np.asarray(errors, float), what))
    checks.rank(errors.shape, "(N, T)", what)
    return np.square(errors).mean(axis=0)


def accuracy(y, prediction):
    """Share of equal labels; both of one shape, whole numbers or strings."""
    from sklearn.metrics import accuracy_score

    y, prediction = _alike(*(_labels(labels) for labels in (y, prediction)))
    for what, labels in (("y", y), ("prediction", prediction)):
        if labels.dtype.kind not in "iubUS":
            raise TypeError(
                f"{what} must hold labels, got {labels.dtype}: take the argmax of scores or logits first"
            )
    return float(accuracy_score(y.ravel(), prediction.ravel()))


def _labels(values):
    """An array of labels; the strings of a pandas column, which come as objects, as strings."""
    values = np.asarray(values)
    return values.astype(str) if all(isinstance(value, str) for value in values.flat) else values


class Reliability(NamedTuple):
    """How often a classifier is right, by how sure it is; bins without an example are left out."""

    confidence: np.ndarray  # (K,) mean probability of the class it chose
    accuracy: np.ndarray  # (K,) share of right answers
    count: np.ndarray  # (K,) examples


def reliability(y, p, bins=10):
    """Right answers by confidence: classes y (N,) and probabilities p (N, C) -> a Reliability of at most `bins` bins.

    Confidence is the largest probability of a row; the bins are equally wide, from 0 to 1 (Guo et al. 2017).
    """
    y, p = _probabilities(y, p)
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    edges = np.linspace(0, 1, checks.positive(bins, "bins") + 1)
    place = np.searchsorted(edges[1:-1], sure, side="left")
    count = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights, minlength=bins) for weights in (sure, right)]
    return Reliability(*(total[count > 0] / count[count > 0] for total in sums), count[count > 0])


def calibration_error(y, p, bins=10):
    """Expected calibration error (ECE): mean distance of confidence and accuracy over the bins of `reliability`, by count.

    Above 0 for a perfect model too, by chance; it depends on `bins`, and says nothing of how much a model knows.
    """
    found = reliability(y, p, bins)
    return float(np.average(np.abs(found.confidence - found.accuracy), weights=found.count))


def brier(y, p):
    """Brier score of probabilities p (N, C): mean squared distance to 0 and 1; for two classes of one of them, else summed over all.

    A proper score: nothing is gained by saying another probability than one believes.  scikit-learn's scale.
    """
    from sklearn.metrics import brier_score_loss

    y, p = _probabilities(y, p)
    return float(brier_score_loss(y, p[:, 1] if p.shape[1] == 2 else p, labels=np.arange(p.shape[1])))


def bootstrap(values, level=0.95, draws=2000, rng=0):
    """Mean of values (N,), one for each test example, and what other test sets might have given: (mean, low, high).

    N examples are drawn with replacement, `draws` times; `level` of their means lie between low and high (Efron 1979).  Two models on
    one test set: pass the difference of their right answers, so that both get the same examples.  It knows nothing of other seeds.
    """
    values = checks.finite(np.asarray(values, float), "values")
    checks.rank(values.shape, "(N)", "values")
    if (values == values[0]).all():
        raise ValueError(
            f"all {len(values)} values are {values[0]:g}, and every draw would be the same: for right and wrong answers "
            "scipy.stats.binomtest(right, N).proportion_ci() has an interval"
        )
    if not 0 < level < 1:
        raise ValueError(f"level={level}: the share of draws in the interval is above 0 and below 1")
    rng = np.random.default_rng(rng)
    means = [rng.choice(values, len(values)).mean() for _ in range(checks.positive(draws, "draws"))]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)


def mcnemar(right, rival):
    """Two classifiers on one test set: right answers of each, bools (N,) -> (only the first, only the rival, exact two-sided p).

    Where both are right or both wrong, nothing is learned.  If they were equally good, each of the others would fall to either side
    like a coin (McNemar 1947; exact by the binomial distribution).
    """
    from scipy.stats import binomtest

    right, rival = _alike(np.asarray(right), np.asarray(rival))
    for what, values in (("right", right), ("rival", rival)):
        if values.dtype.kind != "b":
            raise TypeError(
                f"{what} must be bools, right or wrong, got {values.dtype}: compare with the labels first"
            )
    only, other = int((right & ~rival).sum()), int((~right & rival).sum())
    return only, other, 1.0 if only + other == 0 else float(binomtest(only, only + other).pvalue)


def _probabilities(y, p):
    y, p = np.asarray(y), checks.finite(np.asarray(p, float), "p")
    checks.rank(p.shape, "(N, C)", "p")
    if y.shape != p.shape[:1]:
        raise ValueError(f"y has shape {y.shape}, p {p.shape}: one class for each row of p")
    checks.ids(y, p.shape[1], "y")
    if p.min() < 0 or not np.allclose(p.sum(axis=1), 1, atol=1e-5):
        raise ValueError(
            "p holds probabilities: each at least 0, each row with the sum 1. Take the softmax of logits"
        )
    return y, p


def perplexity(nats):
    """exp of a mean cross-entropy in nats a token: how many equally likely tokens would be as hard.

    Compares models only over one vocabulary and tokenisation; `bits_per_character` compares across them.
    """
    return float(np.exp(_entropy(nats, "nats")))


def bits_per_character(total_nats, characters):
    """Cross-entropy of a whole text, summed over its tokens (nats), as bits for each of its `characters`."""
    return _entropy(total_nats, "total_nats") / (np.log(2) * checks.positive(characters, "characters"))


def _entropy(value, what):
    value = float(value)
    if not 0 <= value < np.inf:
        raise ValueError(f"{what}={value}: a cross-entropy of discrete tokens is finite and at least 0")
    return value


def _flat(y, prediction):
    y, prediction = _alike(np.asarray(y, float), np.asarray(prediction, float))
    return checks.finite(y, "y").ravel(), checks.finite(prediction, "prediction").ravel()


def _alike(y, prediction):
    if y.shape != prediction.shape:
        raise ValueError(
            f"y has shape {y.shape}, prediction {prediction.shape}: they must agree, nothing is broadcast"
        )
    if y.size == 0:
        raise ValueError(f"y of shape {y.shape} is empty: there is nothing to compare")
    return y, prediction
