"""All runs of the study of Beijing: `python -m rnnlib.experiments.beijing.run` (some twenty minutes
of one core).

It needs the data set beijing_pollution (`python -m rnnlib data beijing_pollution`).
"""

import time
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import pandas as pd

from rnnlib.experiments import runner
from rnnlib.experiments.beijing.study import STUDY, Beijing
from rnnlib.experiments.study import Record


def plan(study: Beijing, results: dict) -> Iterator[tuple[str, Record]]:
    """For each year and design every forecaster that it has, in each part."""
    for year in study.years:
        for design in study.designs:
            for start, _ in study.parts(year):
                asked = {"year": year, "design": design, "start": start}
                for name in study.names:
                    yield from seeds(study, asked | {"name": name})


def seeds(study: Beijing, asked: Record) -> Iterator[tuple[str, Record]]:
    """The runs of a forecaster: one, or one for each seed of a network; none where it has no place
    in the design.
    """
    name = asked["name"]
    if name == "gru":
        for seed in study.weather.seeds:
            yield "runs", asked | {"seed": seed}
        return
    # repeat-day is one in all designs; climatology and mixture want the season off
    elsewhere = (name == "repeat-day") != (asked["design"] == "plan")
    if not (elsewhere and name in study.weather.simple):
        yield "runs", asked


@cache
def table(study: Beijing, design: str, year: int) -> pd.DataFrame:
    """What a design learns from in a year, made once."""
    return study.prepared(study.readings(), design, year)


def make(study: Beijing, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [its summary]."""
    design = asked["design"]
    year = asked["year"]
    (part,) = [part for part in study.parts(year) if part[0] == asked["start"]]
    data = table(study, design, year)
    began = time.process_time()
    model = study.forecaster(asked["name"], design, rnn, asked.get("seed", 0))
    found = study.weather.summary(study.weather.run(model, data, part, study.hours))
    return [{"seconds": round(time.process_time() - began, 1)} | found]


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
