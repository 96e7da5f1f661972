"""Ten classes with PyTorch, on the data of `keras_digits`, with the classifier and the loop of the
chapter `pytorch`.
"""

from rnnlib.experiments.torch_digits.study import STUDY, TorchDigits

__all__ = ["STUDY", "TorchDigits"]
