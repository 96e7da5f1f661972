"""All runs of the GRU's study: `python -m rnnlib.experiments.gru.run` (some twenty minutes on a
quiet core).
"""

from collections.abc import Iterator
from types import ModuleType

from rnnlib.experiments import runner
from rnnlib.experiments.gru.study import STUDY, Gru
from rnnlib.experiments.study import Record


def plan(study: Gru, results: dict) -> Iterator[tuple[str, Record]]:
    """For each task and variant the tuning runs, then the reported runs; at last the long ones."""
    for task in reversed(study.variants):  # the short one first
        for variant in study.variants[task]:
            asked = {"task": task, "variant": variant}
            for rate in study.rates:
                for seed in study.tuning_seeds:
                    yield "runs", asked | {"rate": rate, "seed": seed}
            chosen = study.chosen_rate(results, task, variant)
            for seed in study.reported_seeds:
                yield "runs", asked | {"rate": chosen, "seed": seed}
    for variant in study.long_variants:
        chosen = study.chosen_rate(results, "copy", variant)
        for seed in study.long_seeds:
            yield "runs", {"task": "long", "variant": variant, "rate": chosen, "seed": seed}


def make(study: Gru, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [what it found]."""
    how = dict(asked)
    if asked["task"] == "long":
        how |= {"task": "copy", "updates": study.long_updates}
    _, history, answer = study.train(rnn, **how)
    found = {"loss": round(answer["loss"], 6)}
    if "right" in answer:
        found["right"] = round(answer["right"], 5)
        found["curve"] = [round(float(loss), 5) for loss in study.curve(history.steps)]
    if "forecast" in answer:
        found["epoch"] = history.best_epoch
        found["forecast"] = [round(float(value), 1) for value in answer["forecast"]]
    return [found]


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
