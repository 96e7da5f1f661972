"""Two series, two horizons each, every baseline and three recurrent cells."""

from rnnlib.experiments.forecasting.study import (
    STUDY,
    Forecasting,
    SeasonAndLevel,
    week_of_year,
)

__all__ = ["STUDY", "Forecasting", "SeasonAndLevel", "week_of_year"]
