"""The study of light cells: questions about a stream of button presses, and whole texts to
classify.
"""

from rnnlib.experiments.sru.study import STUDY, Sru, sweep

__all__ = ["STUDY", "Sru", "sweep"]
