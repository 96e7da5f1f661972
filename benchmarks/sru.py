"""All runs of the light cells' study: `python -m benchmarks.sru` (some fifty minutes on a quiet core).

What a run is stands in rnnlib/studies/sru.py.  Runs are kept one by one in results/sru.json; a second call goes on where the first
one stopped.  The weights are drawn by NumPy, so either framework would do; this runs in PyTorch.  Texts whose data are not here
are left out.
"""

from benchmarks import machine
from rnnlib import datasets
from rnnlib.studies import sru


def study(rnn):
    """All runs that are not yet in the file."""
    results = sru.load()

    def once(kind, run, **about):
        """The run with these options, unless it is in the file."""
        if any(all(old[key] == value for key, value in about.items()) for old in results[kind]):
            return
        _, _, found = run()
        results[kind].append(about | {key: round(value, 5) for key, value in found.items()})
        machine.write_json(sru.PATH, results)
        print(results[kind][-1], flush=True)

    def asked(question, cell, rate, seed):
        about = dict(question=question, cell=cell, rate=rate, seed=seed)
        once("asked", lambda: sru.train_asked(rnn, question, cell, rate, seed), **about)

    for question in sru.QUESTIONS:
        for cell in sru.CELLS:
            for rate in sru.RATES:
                for seed in sru.TUNING:
                    asked(question, cell, rate, seed)
            (rate,) = sru.chosen(results["asked"], cell, question=question)
            for seed in sru.REPORTED:
                asked(question, cell, rate, seed)

    def read(name, texts, cell, rate, dropout, seed):
        vocabulary, arrays = texts
        about = dict(text=name, cell=cell, rate=rate, dropout=dropout, seed=seed)
        once(
            "texts", lambda: sru.train_text(rnn, arrays, len(vocabulary), cell, rate, dropout, seed), **about
        )

    for name in sru.TEXTS:
        if not datasets.available(name):
            continue
        parts = sru.corpus(name)
        if name not in [bag["text"] for bag in results["bags"]]:
            valid, accuracy, options = sru.bag_of_words(parts)
            results["bags"].append(
                dict(text=name, valid=round(valid, 5), accuracy=round(accuracy, 5), **options)
            )
            machine.write_json(sru.PATH, results)
        texts = sru.encoded(parts)
        for cell in sru.READERS:
            for options in sru.SETTINGS:
                for seed in sru.TUNING:
                    read(name, texts, cell, *options, seed)
            for seed in sru.REPORTED:
                read(name, texts, cell, *sru.chosen(results["texts"], cell, text=name), seed)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt)
