"""All runs of the adding problem: `python -m rnnlib.experiments.adding.run` (some twenty
minutes).
"""

from collections.abc import Iterator
from types import ModuleType

from rnnlib.experiments import runner
from rnnlib.experiments.adding.study import STUDY, Adding
from rnnlib.experiments.study import Record


def plan(study: Adding, results: dict) -> Iterator[tuple[str, Record]]:
    """For each length and start the tuning runs, then the reported runs at the rate that they
    chose.
    """
    for T in study.lengths:
        for start in study.starts:
            asked = {"start": start, "T": T}
            for rate in study.rates:
                for seed in study.tuning_seeds:
                    yield "runs", asked | {"rate": rate, "seed": seed}
            chosen = study.chosen_rate(results, start, T)
            for seed in study.reported_seeds:
                yield "runs", asked | {"rate": chosen, "seed": seed}


def make(study: Adding, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [what it found]."""
    _, history, error = study.train(rnn, **asked)
    points = [round(float(loss), 5) for loss in study.curve(history.steps)]
    return [{"error": round(error, 6), "curve": points}]


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
