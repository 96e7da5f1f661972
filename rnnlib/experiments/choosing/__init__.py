"""Seven cells on seven tasks, with equal weights, equal data and equal tuning."""

from rnnlib.experiments.choosing.study import STUDY, Choosing

__all__ = ["STUDY", "Choosing"]
