"""All runs of the light cells' study: `python -m rnnlib.experiments.sru.run` (some fifty minutes on
a quiet core).

Texts whose data are not here are left out.
"""

from collections.abc import Iterator
from types import ModuleType

from rnnlib.data import datasets
from rnnlib.experiments import runner
from rnnlib.experiments.sru.study import STUDY, Sru
from rnnlib.experiments.study import Record


def plan(study: Sru, results: dict) -> Iterator[tuple[str, Record]]:
    """For each question and cell, then for each text and cell, the tuning runs and the reported
    runs.
    """
    for question in study.questions:
        for cell in study.cells:
            asked = {"question": question, "cell": cell}
            for rate in study.rates:
                for seed in study.tuning_seeds:
                    yield "asked", asked | {"rate": rate, "seed": seed}
            chosen = study.chosen_rate(results, "asked", cell, question=question)
            for seed in study.reported_seeds:
                yield "asked", asked | {"rate": chosen, "seed": seed}
    for name in study.texts:
        if datasets.available(name) or study.select(results, "bags", text=name):
            yield "bags", {"text": name}
            yield from texts(study, results, name)


def texts(study: Sru, results: dict, name: str) -> Iterator[tuple[str, Record]]:
    """The runs of one text."""
    for cell in study.readers_of[name]:
        asked = {"text": name, "cell": cell, "dropout": study.dropout}
        for rate in study.text_rates:
            for seed in study.tuning_seeds:
                yield "texts", asked | {"rate": rate, "seed": seed}
        chosen = study.chosen_rate(results, "texts", cell, text=name)
        for seed in study.reported_seeds:
            yield "texts", asked | {"rate": chosen, "seed": seed}


def make(study: Sru, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [what it found]."""
    if runs == "asked":
        _, _, found = study.train_asked(rnn, **asked)
    elif runs == "bags":
        valid, accuracy, options = study.bag_of_words(study.corpus(asked["text"]))
        return [{"valid": round(valid, 5), "accuracy": round(accuracy, 5), **options}]
    else:
        how = {name: value for name, value in asked.items() if name != "text"}
        vocabulary, arrays = study.encoded(study.corpus(asked["text"]))
        _, _, found = study.train_text(rnn, arrays, len(vocabulary), **how)
    return [{name: round(value, 5) for name, value in found.items()}]


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
