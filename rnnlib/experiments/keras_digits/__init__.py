"""Ten classes with Keras: images of digits and spoken digits, beside scikit-learn's classifiers."""

from rnnlib.experiments.keras_digits.study import STUDY, KerasDigits

__all__ = ["STUDY", "KerasDigits"]
