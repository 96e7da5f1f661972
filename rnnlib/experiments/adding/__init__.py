"""The adding problem: how far back do networks learn to look, from different first weights?"""

from rnnlib.experiments.adding.study import STUDY, Adding

__all__ = ["STUDY", "Adding"]
