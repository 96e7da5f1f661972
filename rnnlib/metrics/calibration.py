"""How far the probabilities of a classifier can be believed, and the one number that mends them."""

from typing import NamedTuple

import numpy as np

from rnnlib.core import validation


class Reliability(NamedTuple):
    """How often a classifier is right, by how sure it is; bins without an example are left out."""

    confidence: np.ndarray  # (K,) mean probability of the class it chose
    accuracy: np.ndarray  # (K,) share of right answers
    count: np.ndarray  # (K,) examples


def reliability(y, p, bins=10):
    """Right answers by confidence: classes y (N,) and probabilities p (N, C) -> a Reliability of
    at most `bins` bins.

    Confidence is the largest probability of a row; the bins are equally wide, from 0 to 1 (Guo et
    al. 2017).
    """
    y, p = _probabilities(y, p)
    sure = p.max(axis=1)
    right = p.argmax(axis=1) == y
    edges = np.linspace(0, 1, validation.positive(bins, "bins") + 1)
    place = np.searchsorted(edges[1:-1], sure, side="left")
    count = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights, minlength=bins) for weights in (sure, right)]
    confidence, accuracy = (total[count > 0] / count[count > 0] for total in sums)
    return Reliability(confidence, accuracy, count[count > 0])


def calibration_error(y, p, bins=10):
    """Expected calibration error (ECE): mean distance of confidence and accuracy over the bins of
    `reliability`, by count.

    Above 0 for a perfect model too, by chance; it depends on `bins`, and says nothing of how much a
    model knows.
    """
    found = reliability(y, p, bins)
    return float(np.average(np.abs(found.confidence - found.accuracy), weights=found.count))


def brier(y, p):
    """Brier score of probabilities p (N, C): mean squared distance to 0 and 1;
    for two classes of one of them, else summed over all.

    A proper score: nothing is gained by saying another probability than one believes.
    scikit-learn's scale.
    """
    from sklearn.metrics import brier_score_loss

    y, p = _probabilities(y, p)
    return float(
        brier_score_loss(y, p[:, 1] if p.shape[1] == 2 else p, labels=np.arange(p.shape[1]))
    )


def temperature(y, logits):
    """The number T by which logits (N, C) must be divided for the lowest cross-entropy of classes
    y (N,): above 1, they were too sure.

    Fitted on validation examples, T changes how sure a model is, and never which class it chooses
    (Guo et al. 2017, sec. 4.2). Found between 1/100 and 100: an end of that range says that the
    answers are all right, or no better than chance.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    y = np.asarray(y)
    logits = validation.finite(validation.floats(logits, "logits"), "logits")
    validation.rank(logits.shape, "(N, C)", "logits")
    if y.shape != logits.shape[:1]:
        raise ValueError(
            f"y has shape {y.shape}, logits {logits.shape}: one class for each row of logits"
        )
    validation.ids(y, logits.shape[1], "y")

    def loss(log_t):
        return -log_softmax(logits / np.exp(log_t), axis=1)[np.arange(len(y)), y].mean()

    return float(
        np.exp(minimize_scalar(loss, bounds=(-np.log(100), np.log(100)), method="bounded").x)
    )


def _probabilities(y, p):
    y = np.asarray(y)
    p = validation.finite(validation.floats(p, "p"), "p")
    validation.rank(p.shape, "(N, C)", "p")
    if p.shape[1] == 1:
        raise ValueError(
            "p has 1 column, one for each class: two at least. Give 1 - p and p of two classes "
            "side by side"
        )
    if y.shape != p.shape[:1]:
        raise ValueError(f"y has shape {y.shape}, p {p.shape}: one class for each row of p")
    validation.ids(y, p.shape[1], "y")
    if p.min() < 0 or not np.allclose(p.sum(axis=1), 1, atol=1e-5):
        raise ValueError(
            "p holds probabilities: each at least 0, each row with the sum 1. Take the softmax "
            "of logits, scipy.special.softmax(logits, axis=1)"
        )
    return y, p
