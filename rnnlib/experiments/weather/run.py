"""All runs of the weather study: `python -m rnnlib.experiments.weather.run` (some fifteen minutes
of one core).
"""

import time
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import pandas as pd

from rnnlib.experiments import runner
from rnnlib.experiments.study import Record
from rnnlib.experiments.weather.study import STUDY, Weather, together


def plan(study: Weather, results: dict) -> Iterator[tuple[str, Record]]:
    """For each design what chooses a rate, then the test; the last two designs have the season
    taken off.
    """
    for hours in study.hours:
        yield from design(study, results, "", hours, study.plain_names)
    for prefix, names in study.seasonal_names.items():
        yield from design(study, results, prefix, 24, names)


def design(
    study: Weather, results: dict, prefix: str, hours: int, names: tuple[str, ...]
) -> Iterator[tuple[str, Record]]:
    """The runs of one design: `names`, and the networks with each rate, then with the chosen
    one.
    """
    tuning = f"{prefix} tuning".strip()
    for start, _ in study.tuning_parts:
        asked = {"study": tuning, "start": start, "hours": hours}
        for name in names:
            yield "runs", asked | {"name": name}
        for rate in study.rates:
            yield "runs", asked | {"name": "gru", "rate": rate}
    for start, _ in study.test_parts:
        asked = {"study": prefix or "test", "start": start, "hours": hours}
        for name in names:
            yield "runs", asked | {"name": name}
        yield "runs", asked | {"name": "gru", "rate": study.chosen_rate(results, hours, tuning)}


@cache
def table(study: Weather, seasonal: bool) -> pd.DataFrame:
    """What forecasters see, with the season or with the season taken off; made once."""
    readings = study.readings()
    if seasonal:
        return study.less_season(readings)
    return study.prepare(readings)


def make(study: Weather, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """What a forecaster found -> [summary]; of a network one for each seed, and one for their mean
    in a test.
    """
    prefix = asked["study"].removesuffix("tuning").strip()
    seasonal = prefix in study.seasonal_names
    part = study.part_from(asked["start"])
    options = {}
    if prefix == "again":
        options = study.again.get(asked["name"], {})
    if asked["name"] != "gru":
        model = study.forecaster(asked["name"], asked["hours"], **options)
        began = time.process_time()
        return [
            summary(study, study.run(model, table(study, seasonal), part, asked["hours"]), began)
        ]
    if asked["start"] in dict(study.test_parts):
        seeds = study.seeds
    else:
        seeds = study.tuning_seeds
    found: list[Record] = []
    forecasts = []
    for seed in seeds:
        began = time.process_time()
        model = study.forecaster("gru", asked["hours"], rnn, asked["rate"], seed, **options)
        forecasts.append(study.run(model, table(study, seasonal), part, asked["hours"]))
        found.append({"seed": seed} | summary(study, forecasts[-1], began))
    if len(seeds) > 1:
        mean = summary(study, together(forecasts), time.process_time())
        found.append({"name": "mean of the seeds"} | mean)
    return found


def summary(study: Weather, forecasts: pd.DataFrame, began: float) -> Record:
    """What is kept, with the processor seconds since `began`."""
    return {"seconds": round(time.process_time() - began, 1)} | study.summary(forecasts)


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
