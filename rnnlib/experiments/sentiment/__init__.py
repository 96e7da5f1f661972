"""The study of sentiment: sentences and reviews, networks beside counted words and a lexicon."""

from rnnlib.experiments.sentiment.study import (
    STUDY,
    Sentiment,
    compare,
    difference,
    pack,
    right,
    shuffled,
    unpack,
)

__all__ = ["STUDY", "Sentiment", "compare", "difference", "pack", "right", "shuffled", "unpack"]
