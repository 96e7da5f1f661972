"""Temperature at New York's airports, an hour and a day ahead."""

from rnnlib.experiments.weather.study import STUDY, Weather, mean, season

__all__ = ["STUDY", "Weather", "mean", "season"]
