"""All runs of the study of forecasts: `python -m benchmarks.forecasting` (some ten minutes of one core).

What a run is stands in rnnlib/studies/forecasting.py.  Runs are kept one by one in results/forecasting.json; a second call goes on where
the first one stopped.  `--seconds S` starts no run after S seconds.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from tools import environment  # noqa: E402

environment.apply()  # one thread, before a framework starts

from benchmarks import machine  # noqa: E402
from rnnlib.studies import forecasting as study  # noqa: E402


def runs(rnn, limit):
    """All runs that are not yet in the file."""
    results, started = study.load(), time.monotonic()
    results["machine"] = machine.describe()
    keys = ("task", "method", "label", "seed")
    done = {(part, *(r[key] for key in keys)) for part in ("tuning", "runs") for r in results[part]}

    def keep(part, found):
        results[part].append(found)
        machine.write_json(study.PATH, results)
        score = found.get("error", found.get("MAE"))
        print(
            f"[{time.monotonic() - started:4.0f} s] {part:6}",
            found["task"],
            found["method"],
            found["label"],
            score,
            flush=True,
        )

    for name in study.TASKS:
        for method, tried in study.candidates(name).items():
            network = study.is_network(method)
            for label, made in tried:
                for seed in study.TUNING if network else (None,):
                    if limit and time.monotonic() - started > limit:
                        return
                    if ("tuning", name, method, label, seed) not in done:
                        error = study.validation_error(name, made(rnn, seed) if network else made)
                        about = dict(task=name, method=method, label=label, seed=seed)
                        keep("tuning", about | {"error": float(f"{error:.5g}")})
            label = study.chosen(results, name, method)
            made = dict(tried)[label]
            for seed in study.REPORTED if network else (None,):
                if ("runs", name, method, label, seed) not in done:
                    began = time.process_time()
                    found = study.test_forecasts(name, made(rnn, seed) if network else made)
                    about = dict(task=name, method=method, label=label, seed=seed)
                    about["seconds"] = round(time.process_time() - began, 2)
                    keep("runs", about | study.scored(name, found))


if __name__ == "__main__":
    about = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    about.add_argument("--seconds", type=float)
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    runs(rnnlib.pt, about.parse_args().seconds)
