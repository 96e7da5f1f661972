"""All runs of the adding problem's study: `python -m benchmarks.adding` (some twenty minutes).

What a run is stands in rnnlib/studies/adding.py.  Runs are kept one by one in results/adding.json; a second call goes on where the
first one stopped.  The weights are drawn by NumPy, so either framework would do; this runs in PyTorch.
"""

from benchmarks import machine
from rnnlib.studies import adding
from rnnlib.studies.adding import LENGTHS, RATES, REPORTED, STARTS, TUNING, chosen_rate, curve, train


def study(rnn):
    """All runs that are not yet in the file."""
    results = adding.load()
    done = {(run["start"], run["T"], run["rate"], run["seed"]) for run in results["runs"]}

    def run(start, T, rate, seed):
        if (start, T, rate, seed) in done:
            return
        _, history, error = train(rnn, start, T, rate, seed)
        points = [round(float(v), 5) for v in curve(history.steps)]
        about = dict(start=start, T=T, rate=rate, seed=seed, error=round(error, 6), curve=points)
        results["runs"].append(about)
        machine.write_json(adding.PATH, results)
        print(f"T {T:3}  {start:20}  rate {rate:<6g} seed {seed}  error {error:.4f}", flush=True)

    for T in LENGTHS:
        for start in STARTS:
            for rate in RATES:
                for seed in TUNING:
                    run(start, T, rate, seed)
            for seed in REPORTED:
                run(start, T, chosen_rate(results, start, T), seed)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt)
