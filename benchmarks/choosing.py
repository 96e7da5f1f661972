"""All runs of the study of cells: `python -m benchmarks.choosing --jobs 8` (some hundred minutes of one core).

What a run is stands in rnnlib/studies/choosing.py.  Runs are kept one by one in results/choosing.json (or --out PATH); a second call goes
on where the first one stopped.

    --jobs N        processes at a time, each with one thread
    --seconds S     start no run after S seconds; what is left is said
    --part NAME     tuning or reported alone; else a task and cell is reported as soon as its rate is chosen
    --prepare FILE  write the real data sets to FILE.npz, and run nothing
    --data FILE     read them from there: for a machine that lacks the packages and downloads they come from
"""

import argparse
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from tools import environment  # noqa: E402

environment.apply()  # one thread, before a framework starts

import numpy as np  # noqa: E402

from benchmarks.machine import describe, write_json  # noqa: E402
from rnnlib.studies import choosing, choosing_tasks  # noqa: E402

GUESS = dict(
    elman=0.15, lstm=0.12, gru=0.4, sru=0.5, mingru=0.3, minlstm=0.3, tcn=0.15
)  # ms a step and update, till known


def warm_up():
    """What a process does first: one thread, and a short run, so that no run's seconds hold the start of the framework."""
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    choosing.train(rnnlib.pt, "parity", "elman", 1e-3, seed=0, updates=2)


def work(key, data):
    """One run in a process of its own."""
    import rnnlib.pt

    name = key[0]
    real = None if choosing_tasks.made(name) else choosing_tasks.load(data)
    return choosing.run(rnnlib.pt, *key, real)


def ready(results, part):
    """Runs that can be made now and are not in the file: tuning, and what is to be reported where the rate is chosen."""
    done = {(r["task"], r["cell"], r["rate"], r["seed"]) for r in results["runs"]}
    keys = []
    for name, task in choosing.TASKS.items():
        for cell in task.cells:
            if part != "reported":
                keys += [(name, cell, rate, seed) for seed in choosing.TUNING for rate in choosing.RATES]
            rate = choosing.chosen_rate(results, name, cell)
            if part != "tuning" and rate is not None:
                keys += [(name, cell, rate, seed) for seed in choosing.REPORTED]
    return [key for key in keys if key not in done]


def expected(results):
    """{(task, cell): seconds} as the runs so far took, else a guess."""
    taken = {}
    for r in results["runs"]:
        taken.setdefault((r["task"], r["cell"]), []).append(r["seconds"])
    guess = {
        (name, cell): [GUESS[cell] * task.steps * task.updates / 1000]
        for name, task in choosing.TASKS.items()
        for cell in task.cells
    }
    return {key: float(np.mean(taken.get(key, guess[key]))) for key in guess}


def left(results, part):
    """Number and expected seconds of the runs that are missing in all."""
    guess, number, seconds = expected(results), 0, 0.0
    for name, cell in guess:
        missing = 0
        if part != "reported":
            made = choosing.select(results, name, cell, choosing.TUNING)
            missing += len(choosing.TUNING) * len(choosing.RATES) - len(made)
        if part != "tuning":
            missing += len(choosing.REPORTED) - len(choosing.reported(results, name, cell))
        number, seconds = number + missing, seconds + missing * guess[name, cell]
    return number, seconds


def study(path, jobs, limit, part, data):
    """All runs that are not yet in the file, the longest first."""
    results, started, running = choosing.load(path), time.monotonic(), {}
    results["machine"] = describe()
    results["reference"] = choosing_tasks.load(data)["reference"]

    def late():
        return limit is not None and time.monotonic() - started > limit

    with ProcessPoolExecutor(jobs, get_context("spawn"), warm_up) as pool:
        while True:
            guess = expected(results)
            waiting = [key for key in ready(results, part) if key not in running.values()]
            # seeds that all runs need come before those that only narrow the intervals
            waiting.sort(key=lambda key: (key[3] > 6, -guess[key[:2]]))
            while waiting and len(running) < jobs and not late():
                key = waiting.pop(0)
                running[pool.submit(work, key, data)] = key
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                key = running.pop(future)
                results["runs"].append(future.result())
                number, seconds = left(results, part)
                say(results["runs"][-1], number, seconds / jobs, time.monotonic() - started)
            results["runs"].sort(key=lambda r: (r["task"], r["cell"], r["seed"], r["rate"]))
            write_json(path, results)
    number, seconds = left(results, part)
    print(f"{len(results['runs'])} runs in {path}; {number} left, about {seconds:.0f} s of one core")


def say(run, number, eta, elapsed):
    scores = "  ".join(f"{part} {run[part]}" for part in ("valid", "test", "long") if part in run)
    about = (
        f"{run['task']:19} {run['cell']:8} rate {run['rate']:<6g} seed {run['seed']}  {run['seconds']:5.1f} s"
    )
    print(f"[{elapsed:4.0f} s, {number} left, {eta:4.0f} s to go]  {about}  {scores}", flush=True)


def main(arguments=None):
    about = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    about.add_argument("--jobs", type=int, default=1)
    about.add_argument("--seconds", type=float)
    about.add_argument("--part", choices=("tuning", "reported"))
    about.add_argument("--out", type=Path, default=choosing.PATH)
    about.add_argument("--data")
    about.add_argument("--prepare", type=Path)
    options = about.parse_args(arguments)
    if options.prepare:
        np.savez_compressed(options.prepare, **choosing_tasks.prepare())
        print(f"wrote {options.prepare}, {options.prepare.stat().st_size / 1e6:.1f} MB")
        return
    study(options.out, options.jobs, options.seconds, options.part, options.data)


if __name__ == "__main__":
    main()
