"""All runs of the study of cells: `python -m rnnlib.experiments.choosing.run --jobs 8` (some
hundred minutes of one core).
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from rnnlib.experiments import machine, runner
from rnnlib.experiments.choosing.study import STUDY, Choosing, real_sets
from rnnlib.experiments.study import Record, Unfinished

# ms a step and update, till known
GUESSES = {
    "elman": 0.15,
    "lstm": 0.12,
    "gru": 0.4,
    "sru": 0.5,
    "mingru": 0.3,
    "minlstm": 0.3,
    "tcn": 0.15,
}
Key = tuple[str, str, float, int]  # task, cell, rate, seed


def plan(study: Choosing, results: dict) -> Iterator[tuple[str, Record]]:
    """For each task and cell the tuning runs, then the reported runs, where their rate is
    chosen.
    """
    for name, cell in pairs(study):
        asked = {"task": name, "cell": cell}
        for seed in study.tuning_seeds:
            for rate in study.rates:
                yield "runs", asked | {"rate": rate, "seed": seed}
        try:
            chosen = study.chosen_rate(results, name, cell)
        except Unfinished:
            continue
        for seed in study.reported_seeds:
            yield "runs", asked | {"rate": chosen, "seed": seed}


def pairs(study: Choosing) -> list[tuple[str, str]]:
    """(task, cell) of all that is compared."""
    return [(name, cell) for name, task in study.tasks.items() for cell in task.cells]


def key_of(record: Record) -> Key:
    """What was asked of a run."""
    return record["task"], record["cell"], record["rate"], record["seed"]


def ready(study: Choosing, results: dict, part: str | None = None) -> list[Key]:
    """Runs that can be made now and are not in the results; of one part alone, "tuning" or
    "reported", or of both.
    """
    seeds = {"tuning": study.tuning_seeds, "reported": study.reported_seeds}
    wanted = study.tuning_seeds + study.reported_seeds
    if part is not None:
        wanted = seeds.get(part, wanted)
    done = {key_of(record) for record in results["runs"]}
    keys = [key_of(asked) for _, asked in plan(study, results)]
    return [key for key in keys if key not in done and key[3] in wanted]


def expected(study: Choosing, results: dict) -> dict[tuple[str, str], float]:
    """{(task, cell): seconds} as the runs so far took, else a guess."""
    taken: dict[tuple, list[float]] = {}
    for record in results["runs"]:
        taken.setdefault((record["task"], record["cell"]), []).append(record["seconds"])
    seconds = {}
    for name, cell in pairs(study):
        task = study.tasks[name]
        guess = GUESSES[cell] * task.steps * task.updates / 1000
        seconds[name, cell] = float(np.mean(taken.get((name, cell), guess)))
    return seconds


def left(study: Choosing, results: dict, part: str | None = None) -> tuple[int, float]:
    """Number and expected seconds of the runs that are missing in all."""
    number = 0
    seconds = 0.0
    for (name, cell), each in expected(study, results).items():
        missing = 0
        if part != "reported":
            asked = {"task": name, "cell": cell, "seed": study.tuning_seeds}
            missing += len(study.tuning_seeds) * len(study.rates)
            missing -= len(study.select(results, **asked))
        if part != "tuning":
            missing += unreported(study, results, name, cell)
        number += missing
        seconds += missing * each
    return number, seconds


def unreported(study: Choosing, results: dict, name: str, cell: str) -> int:
    """How many reported runs of a pair are missing."""
    seeds = study.reported_seeds
    try:
        return len(seeds) - len(study.reported(results, name, cell))
    except Unfinished:
        return len(seeds)


def warm_up() -> None:
    """What a process does first: one thread, and a short run, so that no run's seconds hold the
    start of the framework.
    """
    rnn = runner.torch_side()
    STUDY.train(rnn, "parity", "elman", 1e-3, seed=0, updates=2)


def work(key: Key, data: Path | None) -> Record:
    """One run in a process of its own."""
    import rnnlib.pt

    if STUDY.made(key[0]):
        real = None
    else:
        real = real_sets(STUDY, data)
    return STUDY.run(rnnlib.pt, *key, real)


@dataclass
class Pool:
    """Processes that make runs, the longest first, and a file that keeps each as soon as it is
    made.
    """

    study: Choosing
    results: dict
    options: argparse.Namespace  # of the command
    started: float

    def late(self) -> bool:
        """Whether no run is to be started any more."""
        limit = self.options.seconds
        return limit is not None and time.monotonic() - self.started > limit

    def next_keys(self, running: set[Key]) -> list[Key]:
        """What waits, in the order in which it is to be started."""
        seconds = expected(self.study, self.results)
        keys = [k for k in ready(self.study, self.results, self.options.part) if k not in running]
        # seeds that all runs need come before those that only narrow the intervals
        return sorted(keys, key=lambda key: (key[3] > 6, -seconds[key[:2]]))

    def keep(self, record: Record) -> None:
        """Adds a run to the results and says so."""
        self.results["runs"].append(record)
        number, seconds = left(self.study, self.results, self.options.part)
        passed = time.monotonic() - self.started
        to_go = f"{number} left, {seconds / self.options.jobs:4.0f} s to go"
        print(f"[{passed:5.0f} s, {to_go}] {runner.short(record)}", flush=True)

    def run(self) -> None:
        """Makes all that is missing."""
        running: dict = {}
        with ProcessPoolExecutor(self.options.jobs, get_context("spawn"), warm_up) as pool:
            while True:
                waiting = self.next_keys(set(running.values()))
                while waiting and len(running) < self.options.jobs and not self.late():
                    key = waiting.pop(0)
                    running[pool.submit(work, key, self.options.data)] = key
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    running.pop(future)
                    self.keep(future.result())
                self.results["runs"].sort(
                    key=lambda r: (r["task"], r["cell"], r["seed"], r["rate"])
                )
                self.study.save(self.results, self.options.out)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options of the command."""
    parser = runner.parser(__doc__)
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time, one thread each")
    parser.add_argument(
        "--part",
        choices=("tuning", "reported"),
        help="one part alone; else a pair is reported as soon as its rate is chosen",
    )
    parser.add_argument(
        "--prepare", type=Path, help="write the real data sets to this file (.npz), and run nothing"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="read them from there: for a machine without their packages and downloads",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = parse(arguments)
    if options.list:
        return runner.list_missing(STUDY, plan, options.out)
    if options.prepare:
        np.savez_compressed(options.prepare, **STUDY.prepare())
        print(f"wrote {options.prepare}, {options.prepare.stat().st_size / 1e6:.1f} MB")
        return 0
    machine.one_thread()  # the processes inherit it
    results = STUDY.load(options.out)
    results["reference"] = real_sets(STUDY, options.data)["reference"]
    Pool(STUDY, results, options, time.monotonic()).run()
    number, seconds = left(STUDY, results, options.part)
    print(f"{len(results['runs'])} runs; {number} left, about {seconds:.0f} s of one core")
    return 0


if __name__ == "__main__":
    sys.exit(main())
