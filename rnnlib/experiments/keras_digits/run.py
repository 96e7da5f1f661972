"""All runs of the chapter on TensorFlow: `python -m rnnlib.experiments.keras_digits.run` (some
fifteen minutes).

The spoken digits are left out where the data set is not there.
"""

from collections.abc import Iterator
from functools import cache
from types import ModuleType

import numpy as np

from rnnlib.data import datasets
from rnnlib.experiments import machine, runner
from rnnlib.experiments.keras_digits.study import STUDY, KerasDigits, pieces
from rnnlib.experiments.study import Record

MASKED = {"GRU, masked": True, "GRU, padding read": False}
WITHOUT_MEMORY = "logistic regression"


def plan(study: KerasDigits, results: dict) -> Iterator[tuple[str, Record]]:
    """The baselines, the spoken digits of each speaker, the networks on the images."""
    for name in study.grids:
        yield "baselines", {"name": name}
    if datasets.available("fsdd") or results["spoken"]:
        for speaker in study.speakers:
            for model in (*MASKED, WITHOUT_MEMORY):
                yield "spoken", {"speaker": speaker, "model": model}
    for cell in study.cells:
        for rate in study.rates:
            for seed in study.tuning_seeds:
                yield "runs", {"cell": cell, "rate": rate, "seed": seed}
        chosen = study.chosen_rate(results, cell)
        for seed in study.reported_seeds:
            yield "runs", {"cell": cell, "rate": chosen, "seed": seed}


@cache
def recordings() -> dict:
    """The spoken digits."""
    return datasets.load("fsdd")


def make(study: KerasDigits, keras: ModuleType, runs: str, asked: Record) -> list[Record]:
    """One run -> [what it found]."""
    if runs == "baselines":
        return [baseline(study, asked["name"])]
    if runs == "runs":
        return [images(study, keras, **asked)]
    data = study.spoken(recordings(), asked["speaker"])
    if asked["model"] == WITHOUT_MEMORY:
        return [without_memory(study, data)]
    return [sounds(study, keras, data, MASKED[asked["model"]])]


def baseline(study: KerasDigits, name: str) -> Record:
    """A classifier of scikit-learn on the flattened images: options by the validation part, then
    the test part once.
    """
    x, y, rows = study.digits()
    flat = x.reshape(len(x), -1)
    by_chance = name in study.seeded_baselines
    if by_chance:
        tuning = study.tuning_seeds
    else:
        tuning = study.tuning_seeds[:1]
    if by_chance:
        reported = study.reported_seeds
    else:
        reported = study.reported_seeds[:1]

    def score(options: dict, seed: int, part: str) -> float:
        model = study.baseline(name, options, seed)
        model.fit(flat[rows["train"]], y[rows["train"]])
        return model.score(flat[rows[part]], y[rows[part]])

    grid = study.grids[name]
    means = [float(np.mean([score(options, seed, "valid") for seed in tuning])) for options in grid]
    best = grid[int(np.argmax(means))]
    found = {"options": best, "grid": [round(mean, 6) for mean in means]}
    return found | {"test_accuracy": [round(score(best, seed, "test"), 6) for seed in reported]}


def images(study: KerasDigits, keras: ModuleType, cell: str, rate: float, seed: int) -> Record:
    """A recurrent network on the images; only the reported seeds see the test part."""
    x, y, rows = study.digits()
    model, history = study.train(keras, cell, rate, seed)
    best = int(np.argmin(history["val_loss"]))
    found = {"epochs": len(history["val_loss"]), "best_epoch": best}
    found["valid_loss"] = round(history["val_loss"][best], 6)
    found["valid_accuracy"] = round(history["val_accuracy"][best], 6)
    found["at_10"] = round(history["val_accuracy"][9], 6)
    if seed in study.reported_seeds:
        test = rows["test"]
        found["test_accuracy"] = round(model.evaluate(x[test], y[test], verbose=0)[1], 6)
    return found | {"curve": [round(loss, 5) for loss in history["val_loss"]]}


def sounds(study: KerasDigits, keras: ModuleType, data: tuple, masked: bool) -> Record:
    """A GRU on the spoken digits, one speaker held out."""
    x, lengths, y, rows = data
    test = rows["test"]
    model, history = study.listen(keras, data, masked)
    best = int(np.argmin(history["val_loss"]))
    found = {"best_epoch": best, "epochs": len(history["val_loss"])}
    found["valid_accuracy"] = round(history["val_accuracy"][best], 6)
    score = model.evaluate([x[test], lengths[test]], y[test], verbose=0)[1]
    found["test_accuracy"] = round(score, 6)
    return found | {"curve": [round(accuracy, 5) for accuracy in history["val_accuracy"]]}


def without_memory(study: KerasDigits, data: tuple) -> Record:
    """Logistic regression on means of the pieces of a spoken digit."""
    from sklearn.linear_model import LogisticRegression

    x, lengths, y, rows = data
    flat = pieces(x, lengths, study.spoken_options.pieces)
    train, valid, test = (rows[part] for part in ("train", "valid", "test"))
    models = [
        LogisticRegression(max_iter=5000, C=C).fit(flat[train], y[train])
        for C in study.spoken_options.penalties
    ]
    scores = [model.score(flat[valid], y[valid]) for model in models]
    best = int(np.argmax(scores))
    found = {"C": models[best].C, "valid_accuracy": round(scores[best], 6)}
    return found | {"test_accuracy": round(models[best].score(flat[test], y[test]), 6)}


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = runner.parser(__doc__).parse_args(arguments)
    if options.list:
        return runner.list_missing(STUDY, plan, options.out)
    machine.one_thread()  # before TensorFlow starts
    import keras

    runner.complete(STUDY, plan, make, keras, options.out, options.seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
