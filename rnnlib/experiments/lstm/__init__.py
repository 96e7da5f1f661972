"""Three studies of the LSTM: a bit to keep, an interval to tell from the next, characters of
documentation.
"""

from rnnlib.experiments.lstm.study import STUDY, Lstm, chrono, first_bit, intervals

__all__ = ["STUDY", "Lstm", "chrono", "first_bit", "intervals"]
