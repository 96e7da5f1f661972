"""The study of the GRU: symbols to repeat after a pause, and next year's sunspots."""

from rnnlib.experiments.gru.study import STUDY, Gru

__all__ = ["STUDY", "Gru"]
