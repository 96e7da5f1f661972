"""All runs of the LSTM's studies: `python -m benchmarks.lstm` (some twenty minutes).

What a run is stands in rnnlib/studies/lstm.py.  Runs are kept one by one in results/lstm.json; a second call goes on where the
first one stopped.  The weights are drawn by NumPy, so either framework would do; this runs in PyTorch.
"""

from benchmarks import machine
from rnnlib.studies import lstm


def study(rnn):
    """All runs that are not yet in the file."""
    results = lstm.load()

    def keep(what, run, **about):
        """Make a run, unless it is there, and note what `run()` says of it."""
        about = {"study": what, **about}
        if lstm.select(results, **about):
            return
        history, found = run()
        points = [round(float(v), 4) for v in lstm.curve(history.steps)]
        results["runs"].append(about | found | {"curve": points})
        machine.write_json(lstm.PATH, results)
        print(about, found, flush=True)

    def judged(function, *how):
        def run():
            _, history, accuracy = function(rnn, *how)
            return history, {"accuracy": accuracy}

        return run

    def first_bit(starts, T, rate):
        for start in starts:
            for seed in lstm.SEEDS:
                run = judged(lstm.run_first_bit, start, T, rate, seed)
                keep("first_bit", run, start=start, T=T, rate=rate, seed=seed)

    how = lstm.FIRST_BIT
    for T in how["T"]:
        first_bit(lstm.STARTS, T, how["rate"])
    first_bit(lstm.STARTS, how["other_T"], how["other_rate"])
    first_bit(lstm.PATIENT, lstm.VERY_LONG, how["rate"])
    for n in lstm.INTERVALS["n"]:
        for peepholes in (False, True):
            for rate in lstm.INTERVALS["rates"]:
                for seed in lstm.SEEDS:
                    run = judged(lstm.run_intervals, peepholes, n, rate, seed)
                    keep("intervals", run, peepholes=peepholes, n=n, rate=rate, seed=seed)
    ids, letters = lstm.streams()

    def reads(name, rate, seed, updates):
        def run():
            _, history, bits = lstm.run_text(rnn, name, rate, seed, ids, len(letters), updates)
            return history, {"bits": {part: round(value, 4) for part, value in bits.items()}}

        return run

    for what, updates, seeds in (
        ("text", lstm.TEXT["updates"], lstm.TEXT["reported"]),
        ("text, long", lstm.TEXT["long"], lstm.TEXT["long_seeds"]),
    ):
        for name in lstm.CELLS:
            for rate in lstm.TEXT["rates"]:
                for seed in lstm.TEXT["tuning"]:
                    keep(what, reads(name, rate, seed, updates), cell=name, rate=rate, seed=seed)
            rate = lstm.chosen_rate(results, name, what)
            for seed in seeds:
                keep(what, reads(name, rate, seed, updates), cell=name, rate=rate, seed=seed)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt)
