"""Four half-years of Beijing, a day ahead, in the designs that New York's weather gave."""

from rnnlib.experiments.beijing.study import STUDY, Beijing

__all__ = ["STUDY", "Beijing"]
