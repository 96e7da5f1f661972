"""All runs of the study of sentiment: `python -m benchmarks.sentiment` (some fourteen minutes on a quiet core).

What a run is stands in rnnlib/studies/sentiment.py.  Runs are kept one by one in results/sentiment.json; a second call goes on where the
first one stopped.  It needs sentence_polarity, movie_reviews and vader_lexicon (`python -m rnnlib data NAME`).  The weights are
drawn by NumPy, so either framework would do; this runs in PyTorch.
"""

import time

from benchmarks import machine
from rnnlib import baselines, datasets
from rnnlib.studies import sentiment
from rnnlib.studies.sentiment import (
    ALONE_REVIEWS,
    CHANGED,
    COMPARED,
    COUNTS,
    DATA,
    MODELS,
    REPORTED,
    TUNING,
    pack,
)


def study(rnn):
    """All runs that are not yet in the file."""
    results = sentiment.load()

    def keep(where, about):
        results[where].append(about)
        machine.write_json(sentiment.PATH, results)
        print({k: v for k, v in about.items() if k not in ("valid", "test")}, flush=True)

    def run(which, model, dropout, seed, texts, test=False):
        if any(r["dropout"] == dropout for r in sentiment.select(results, which, model, (seed,))):
            return
        began = time.process_time()
        _, history, odds = sentiment.train(rnn, which, model, dropout, seed, texts)
        best = history.best_epoch
        about = {"set": which, "model": model, "dropout": dropout, "seed": seed}
        about |= {"loss": round(history.valid[best], 5)}
        about |= {"epoch": best, "epochs": len(history), "seconds": round(time.process_time() - began, 1)}
        about |= {"first": [round(history.epochs[0], 5), round(history.valid[0], 5)]}
        truth = texts["valid"][1]
        about |= {"accuracy": round(float(sentiment.right(odds["valid"], truth).mean()), 5)}
        if test:
            about |= {part: pack(odds[part]) for part in ("valid", "test")}
        keep("runs", about)

    read = {}
    for which in DATA:
        ends = {end for _, _, end in MODELS[which].values()}
        read |= {(which, end): sentiment.parts(which, end) for end in {None, *ends}}
        truth = {part: read[which, None][part][1] for part in ("valid", "test")}
        results.setdefault("labels", {})[which] = {part: "".join(map(str, y)) for part, y in truth.items()}

    def tune(which):
        for model, (_, dropouts, end) in MODELS[which].items():
            for dropout in dropouts:
                for seed in TUNING:
                    run(which, model, dropout, seed, read[which, end])

    def report(which):
        model = sentiment.best_model(results, which)
        dropout, end = sentiment.chosen_dropout(results, which, model), MODELS[which][model][2]
        for seed in REPORTED:
            run(which, model, dropout, seed, read[which, end], test=True)

    for which in DATA:
        tune(which)
        report(which)
        for end in {None, *(end for _, _, end in MODELS[which].values())}:
            baseline(results, which, end, read[which, end], keep)
    main = next(iter(MODELS["sentences"]))
    for seed in COMPARED:
        for model, (_, dropout) in CHANGED.items():
            if dropout is None:
                dropout = sentiment.chosen_dropout(results, "sentences", main)
            texts = read["sentences", None]
            run(
                "sentences", model, dropout, seed, sentiment.shuffled(texts) if "shuffled" in model else texts
            )
    end = MODELS["reviews"][sentiment.best_model(results, "reviews")][2]
    for model in ALONE_REVIEWS:
        for seed in REPORTED:
            run("reviews", model, sentiment.DROPOUTS[1], seed, read["reviews", end])


def baseline(results, which, end, texts, keep):
    """Counted words and, of whole texts, VADER: they need no seed."""
    done = {(one["set"], one["model"]) for one in results["counts"]}
    for name, kind in COUNTS.items():
        title = name if end is None else f"{name}, {end} words"
        if (which, title) in done:
            continue
        began = time.process_time()
        model, odds = sentiment.count_words(kind, texts)
        about = {"set": which, "model": title, "chosen": model.chosen_, "tried": len(model.tried_)}
        about |= {"seconds": round(time.process_time() - began, 1)}
        keep("counts", about | {part: pack(odds[part]) for part in odds})
    if end is None and (which, "VADER") not in done:
        began = time.process_time()
        vader = baselines.Vader(datasets.load("vader_lexicon")).fit(*texts["train"])
        about = {"set": which, "model": "VADER", "threshold": round(vader.threshold_, 4)}
        answers = 2.0 * vader.predict(texts["test"][0]) - 1
        about |= {"seconds": round(time.process_time() - began, 1), "test": pack(answers)}
        keep("counts", about)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt)
