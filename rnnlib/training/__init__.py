"""What a training run is, whatever the framework:
its options, its history, its progress, what stands in its files.
"""

from rnnlib.training.history import History

__all__ = [
    "History",
]
