"""All runs of the study of sentiment: `python -m rnnlib.experiments.sentiment.run` (some fourteen
minutes on a quiet core).

It needs sentence_polarity, movie_reviews and vader_lexicon (`python -m rnnlib data NAME ...`).
"""

import time
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from rnnlib.data import datasets
from rnnlib.experiments import runner
from rnnlib.experiments.sentiment.study import STUDY, Sentiment, Texts, pack, right, shuffled
from rnnlib.experiments.study import Record
from rnnlib.text.lexicon import Vader


def plan(study: Sentiment, results: dict) -> Iterator[tuple[str, Record]]:
    """For each set the tuning runs, the reported runs and the baselines; then what is changed in
    the chosen models.
    """
    for which in study.sets:
        yield "labels", {"set": which}
        for model, options in study.models[which].items():
            for dropout in options.dropouts:
                for seed in study.tuning_seeds:
                    yield "runs", network(which, model, dropout, seed)
        model = study.best_model(results, which)
        dropout = study.chosen_dropout(results, which, model)
        for seed in study.reported_seeds:
            yield "runs", network(which, model, dropout, seed)
        yield from counts(study, which)
    yield from changes(study, results)


def changes(study: Sentiment, results: dict) -> Iterator[tuple[str, Record]]:
    """The changed models."""
    main = next(iter(study.models["sentences"]))
    for seed in study.compared_seeds:
        for model, change in study.changes.items():
            dropout = change.dropout
            if dropout is None:
                dropout = study.chosen_dropout(results, "sentences", main)
            yield "runs", network("sentences", model, dropout, seed)
    for model in study.changes_of_reviews:
        for seed in study.reported_seeds:
            yield "runs", network("reviews", model, study.dropout_of_reviews, seed)


def network(which: str, model: str, dropout: float, seed: int) -> Record:
    """What is asked of a network."""
    return {"set": which, "model": model, "dropout": dropout, "seed": seed}


def counts(study: Sentiment, which: str) -> Iterator[tuple[str, Record]]:
    """The baselines of a set: counted words, of whole texts and of what networks read; VADER."""
    for end in study.ends(which):
        for name in study.counts:
            if end is None:
                title = name
            else:
                title = f"{name}, {end} words"
            yield "counts", {"set": which, "model": title}
        if end is None:
            yield "counts", {"set": which, "model": "VADER"}


@cache
def texts(study: Sentiment, which: str, end: str | None) -> Texts:
    """The parts of a set, read once."""
    return study.parts(which, end)


def make(study: Sentiment, rnn: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [what it found]."""
    which = asked["set"]
    if runs == "labels":
        parts = texts(study, which, None)
        return [{part: "".join(map(str, parts[part][1])) for part in ("valid", "test")}]
    began = time.process_time()
    if runs == "runs":
        return [train(study, rnn, asked, began)]
    if asked["model"] == "VADER":
        return [lexicon(texts(study, which, None), began)]
    name = next(name for name in study.counts if asked["model"].startswith(name))
    end = next((e for e in ("first", "last") if asked["model"].endswith(f", {e} words")), None)
    model, odds = study.count_words(study.counts[name], texts(study, which, end))
    found = {"chosen": model.chosen_, "tried": len(model.tried_)}
    found["seconds"] = round(time.process_time() - began, 1)
    return [found | {part: pack(odds[part]) for part in odds}]


def train(study: Sentiment, rnn: ModuleType, asked: Record, began: float) -> Record:
    """A network; only the reported seeds of a chosen model keep their answers."""
    which = asked["set"]
    model = asked["model"]
    if model in study.models[which]:
        end = study.models[which][model].end
    else:
        end = study.end_of_changes[which]
    read = texts(study, which, end)
    if model in study.shuffled_models:
        read = shuffled(read)
    _, history, odds = study.train(rnn, which, model, asked["dropout"], asked["seed"], read)
    best = history.best_epoch
    found = {"loss": round(history.valid[best], 5), "epoch": best, "epochs": len(history)}
    found["seconds"] = round(time.process_time() - began, 1)
    found["first"] = [round(history.epochs[0], 5), round(history.valid[0], 5)]
    found["accuracy"] = round(float(right(odds["valid"], read["valid"][1]).mean()), 5)
    if model in study.models[which] and asked["seed"] in study.reported_seeds:
        found |= {part: pack(odds[part]) for part in ("valid", "test")}
    return found


def lexicon(parts: Texts, began: float) -> Record:
    """VADER, whose threshold is learned from the training texts."""
    vader = Vader(datasets.load("vader_lexicon")).fit(*parts["train"])
    answers = 2.0 * vader.predict(parts["test"][0]) - 1
    found = {"threshold": round(vader.threshold_, 4)}
    found["seconds"] = round(time.process_time() - began, 1)
    return found | {"test": pack(answers)}


if __name__ == "__main__":
    raise SystemExit(runner.main(STUDY, plan, make, __doc__))
