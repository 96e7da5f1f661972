"""How good a forecast, a classification or a language model is.  Shapes must agree and NaN is refused.

scikit-learn computes what it has; it is imported when first needed.
"""

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


def accuracy(y, prediction):
    """Share of equal labels; both of one shape, whole numbers or strings."""
    from sklearn.metrics import accuracy_score

    y, prediction = _alike(np.asarray(y), np.asarray(prediction))
    for what, labels in (("y", y), ("prediction", prediction)):
        if labels.dtype.kind not in "iubUS":
            raise TypeError(
                f"{what} must hold labels, got {labels.dtype}: take the argmax of scores or logits first"
            )
    return float(accuracy_score(y.ravel(), prediction.ravel()))


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
