"""All runs of the chapter on TensorFlow: `python -m benchmarks.keras_digits` (some fifteen minutes).

What a run is stands in rnnlib/studies/keras_digits.py.  Runs are kept one by one in results/keras_digits.json; a second call goes on
where the first one stopped.  The spoken digits are left out where the data set is not there.
"""

import numpy as np

from benchmarks import machine
from rnnlib import datasets
from rnnlib.studies import keras_digits as study


def images(keras, results):
    """The recurrent networks on the images: rates by the tuning seeds, then the reported seeds, which alone see the test part."""
    x, y, rows = study.digits()
    done = {(run["cell"], run["rate"], run["seed"]) for run in results["runs"]}

    def run(cell, rate, seed):
        if (cell, rate, seed) in done:
            return
        model, history = study.train(keras, cell, rate, seed)
        best = int(np.argmin(history["val_loss"]))
        about = dict(cell=cell, rate=rate, seed=seed, epochs=len(history["val_loss"]), best_epoch=best)
        about["valid_loss"] = round(history["val_loss"][best], 6)
        about["valid_accuracy"] = round(history["val_accuracy"][best], 6)
        about["at_10"] = round(history["val_accuracy"][9], 6)
        if seed in study.REPORTED:
            score = model.evaluate(x[rows["test"]], y[rows["test"]], verbose=0)[1]
            about["test_accuracy"] = round(score, 6)
        about["curve"] = [round(v, 5) for v in history["val_loss"]]
        results["runs"].append(about)
        machine.write_json(study.PATH, results)
        print({k: v for k, v in about.items() if k != "curve"}, flush=True)

    for cell in study.CELLS:
        for rate in study.RATES:
            for seed in study.TUNING:
                run(cell, rate, seed)
        for seed in study.REPORTED:
            run(cell, study.chosen_rate(results, cell), seed)


def baselines(results):
    """scikit-learn's classifiers on the flattened images: settings by the validation part, then the test part once."""
    x, y, rows = study.digits()
    flat = x.reshape(len(x), -1)
    train, valid, test = (rows[part] for part in ("train", "valid", "test"))
    for name, grid in study.GRIDS.items():
        if any(found["name"] == name for found in results["baselines"]):
            continue
        tuning = (
            study.TUNING if name == "random forest" else study.TUNING[:1]
        )  # the others have no chance in them
        reported = study.REPORTED if name == "random forest" else study.REPORTED[:1]

        def score(options, seed, part, name=name):
            model = study.baseline(name, options, seed).fit(flat[train], y[train])
            return model.score(flat[part], y[part])

        valid_scores = [float(np.mean([score(o, seed, valid) for seed in tuning])) for o in grid]
        best = grid[int(np.argmax(valid_scores))]
        found = dict(name=name, options=best, grid=[round(v, 6) for v in valid_scores])
        found["test_accuracy"] = [round(score(best, seed, test), 6) for seed in reported]
        results["baselines"].append(found)
        machine.write_json(study.PATH, results)
        print(found, flush=True)


def sounds(keras, results):
    """Spoken digits, each speaker held out once: with and without a mask, and a baseline without memory."""
    from sklearn.linear_model import LogisticRegression

    recordings = datasets.load("fsdd")
    done = {(run["speaker"], run["model"]) for run in results["spoken"]}
    for speaker in sorted(set(recordings["speakers"])):
        data = x, lengths, y, rows = study.spoken(recordings, speaker)
        train, valid, test = (rows[part] for part in ("train", "valid", "test"))
        for name, masked in (("GRU, masked", True), ("GRU, padding read", False)):
            if (str(speaker), name) in done:
                continue
            model, history = study.listen(keras, data, masked)
            best = int(np.argmin(history["val_loss"]))
            score = model.evaluate([x[test], lengths[test]], y[test], verbose=0)[1]
            about = dict(speaker=str(speaker), model=name, best_epoch=best, epochs=len(history["val_loss"]))
            about["valid_accuracy"] = round(history["val_accuracy"][best], 6)
            about["test_accuracy"] = round(score, 6)
            about["curve"] = [round(v, 5) for v in history["val_accuracy"]]
            results["spoken"].append(about)
            machine.write_json(study.PATH, results)
            print({k: v for k, v in about.items() if k != "curve"}, flush=True)
        name = "logistic regression"
        if (str(speaker), name) not in done:
            flat = study.pieces(x, lengths)
            models = [
                LogisticRegression(max_iter=5000, C=C).fit(flat[train], y[train])
                for C in (0.001, 0.01, 0.1, 1)
            ]
            scores = [m.score(flat[valid], y[valid]) for m in models]
            best = int(np.argmax(scores))
            about = dict(
                speaker=str(speaker), model=name, C=models[best].C, valid_accuracy=round(scores[best], 6)
            )
            about["test_accuracy"] = round(models[best].score(flat[test], y[test]), 6)
            results["spoken"].append(about)
            machine.write_json(study.PATH, results)
            print(about, flush=True)


if __name__ == "__main__":
    from tools import environment

    environment.apply()  # one thread, no GPU, as the chapters run: before TensorFlow starts
    import keras

    results = study.load()
    baselines(results)
    try:
        sounds(keras, results)
    except datasets.DatasetUnavailable as problem:
        print(problem)
    images(keras, results)
