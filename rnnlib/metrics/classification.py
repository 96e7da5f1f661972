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
        message = f"y holds {kinds[0]}, prediction {kinds[1]}: they are never equal"
        raise TypeError(f"{message}; classes[number] is the label of a number")
    return float(accuracy_score(y.ravel(), prediction.ravel()))
