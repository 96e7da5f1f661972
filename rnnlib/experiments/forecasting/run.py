"""All runs of the study of forecasts: `python -m rnnlib.experiments.forecasting.run` (some ten
minutes of one core).
"""

import time
from collections.abc import Iterator
from types import ModuleType

from rnnlib.experiments import runner
from rnnlib.experiments.forecasting.study import STUDY, Forecasting
from rnnlib.experiments.study import Record
from rnnlib.forecasting import base


def plan(study: Forecasting, results: dict) -> Iterator[tuple[str, Record]]:
    """For each task and method every candidate on the validation part, then the chosen one on the
    test part.
    """
    for task in study.tasks:
        for method, candidates in study.candidates(task).items():
            asked = {"task": task, "method": method}
            for label, _ in candidates:
                for seed in study.seeds_of(method, study.tuning_seeds):
                    yield "tuning", asked | {"label": label, "seed": seed}
            chosen = study.chosen(results, task, method)
            for seed in study.seeds_of(method, study.reported_seeds):
                yield "runs", asked | {"label": chosen, "seed": seed}


def make(study: Forecasting, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [what it found]."""
    task = asked["task"]
    model = forecaster(study, rnn, asked)
    if runs == "tuning":
        return [{"error": float(f"{study.validation_error(task, model):.5g}")}]
    began = time.process_time()
    found = study.test_forecasts(task, model)
    seconds = round(time.process_time() - began, 2)
    return [{"seconds": seconds} | study.scored(task, found)]


def forecaster(study: Forecasting, rnn: ModuleType, asked: Record) -> base.BaseForecaster:
    """The candidate that is asked for; a network of the framework and the seed."""
    candidate = dict(study.candidates(asked["task"])[asked["method"]])[asked["label"]]
    if study.is_network(asked["method"]):
        return candidate(rnn, asked["seed"])
    return candidate


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
