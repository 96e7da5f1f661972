"""All runs of the GRU's study: `python -m benchmarks.gru` (some twenty minutes on a quiet core).

What a run is stands in rnnlib/studies/gru.py.  Runs are kept one by one in results/gru.json; a second call goes on where the first
one stopped.  The weights are drawn by NumPy, so either framework would do; this runs in PyTorch.
"""

from benchmarks import machine
from rnnlib.studies import gru
from rnnlib.studies.gru import RATES, REPORTED, TUNING, VARIANTS, chosen_rate, curve, train


def study(rnn):
    """All runs that are not yet in the file."""
    results = gru.load()
    done = {(run["task"], run["variant"], run["rate"], run["seed"]) for run in results["runs"]}

    def run(task, variant, rate, seed):
        if (task, variant, rate, seed) in done:
            return
        if task == "long":
            _, history, found = train(rnn, "copy", variant, rate, seed, gru.LONG)
        else:
            _, history, found = train(rnn, task, variant, rate, seed)
        about = dict(task=task, variant=variant, rate=rate, seed=seed, loss=round(found["loss"], 6))
        if "right" in found:
            points = [round(float(v), 5) for v in curve(history.steps)]
            about.update(right=round(found["right"], 5), curve=points)
        if "forecast" in found:
            about.update(epoch=history.best_epoch, forecast=[round(float(v), 1) for v in found["forecast"]])
        results["runs"].append(about)
        machine.write_json(gru.PATH, results)
        shown = {k: v for k, v in about.items() if k not in ("curve", "forecast")}
        print(shown, flush=True)

    for task in reversed(VARIANTS):  # the short one first
        for variant in VARIANTS[task]:
            for rate in RATES:
                for seed in TUNING:
                    run(task, variant, rate, seed)
            for seed in REPORTED:
                run(task, variant, chosen_rate(results, task, variant), seed)
    for variant in ("LSTM", "LSTM, forget bias 3"):
        for seed in REPORTED[:3]:
            run("long", variant, chosen_rate(results, "copy", variant), seed)


if __name__ == "__main__":
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    study(rnnlib.pt)
