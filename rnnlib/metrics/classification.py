"""Shares of right answers."""

from rnnlib.core import validation
from rnnlib.metrics.regression import _alike


def accuracy(y, prediction):
    """Share of equal labels; both of one shape, whole numbers or strings."""
    from sklearn.metrics import accuracy_score

    y, prediction = _alike(validation.labels(y, "y"), validation.labels(prediction, "prediction"))
    kinds = [
        "strings" if labels.dtype.kind in "US" else "whole numbers" for labels in (y, prediction)
    ]
    if kinds[0] != kinds[1]:
        raise TypeError(f"y holds {kinds[0]}, prediction {kinds[1]}: they are never equal")
    return float(accuracy_score(y.ravel(), prediction.ravel()))
