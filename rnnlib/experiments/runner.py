"""All runs of a study, one after the other: `python -m rnnlib.experiments.NAME.run`.

Each run is kept as soon as it is made, so that a second call goes on where the first one stopped.

    --seconds S  start no run after S seconds
    --out PATH   keep the runs there, not beside the study
    --list       say which runs are missing and can be made now; make none
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from rnnlib.experiments import machine
from rnnlib.experiments.study import Record, Study, Unfinished, matching

S = TypeVar("S", bound=Study)
# (study, results) -> (list of runs, what is asked)
Plan = Callable[[S, dict], Iterable[tuple[str, Record]]]
# -> what was found, of each run that was made
Make = Callable[[S, Any, str, Record], Iterable[Record]]


def missing(study: S, plan: Plan[S], results: dict) -> Iterator[tuple[str, Record]]:
    """What `plan` asks for and the results do not hold, up to a choice that cannot be made yet."""
    try:
        for runs, asked in plan(study, results):
            if not matching(results[runs], **asked):
                yield runs, asked
    except Unfinished:
        return


def complete(
    study: S,
    plan: Plan[S],
    make: Make[S],
    rnn: Any,
    path: Path | None = None,
    seconds: float | None = None,
) -> dict:
    """Makes the runs that are missing, and keeps each as soon as it is made -> the results.

    plan  the runs in their order; what it chooses, it chooses when the runs before have been made
    make  one run, or several that belong together -> what was found, without what was asked
    """
    results = study.load(path)
    started = time.monotonic()
    for runs, asked in plan(study, results):
        if matching(results[runs], **asked):
            continue
        if seconds is not None and time.monotonic() - started > seconds:
            print(f"{seconds:g} seconds are over; a second call goes on")
            break
        found = [asked | answer for answer in make(study, rnn, runs, asked)]
        results[runs] += found
        study.save(results, path)
        for record in found:
            print(f"[{time.monotonic() - started:5.0f} s] {runs}: {short(record)}", flush=True)
    return results


def short(record: Record) -> str:
    """A run in one line: its numbers and names, without what is long."""
    return ", ".join(
        f"{key} {value}"
        for key, value in record.items()
        if not isinstance(value, list | dict) and len(str(value)) < 40
    )


def parser(about: str) -> argparse.ArgumentParser:
    """The options that all studies have."""
    arguments = argparse.ArgumentParser(
        description=about,
        epilog=__doc__.split("\n", 1)[1],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_argument("--seconds", type=float, help="start no run after so many seconds")
    arguments.add_argument(
        "--out", type=Path, help="the file of results; without it the study's own"
    )
    arguments.add_argument(
        "--list", action="store_true", help="list what is missing and can be made now"
    )
    return arguments


def main(
    study: S, plan: Plan[S], make: Make[S], about: str, arguments: list[str] | None = None
) -> int:
    """The command of a study whose models run in PyTorch: their weights are drawn by NumPy, so
    either would do.
    """
    options = parser(about).parse_args(arguments)
    if options.list:
        return list_missing(study, plan, options.out)
    complete(study, plan, make, torch_side(), options.out, options.seconds)
    return 0


def list_missing(study: S, plan: Plan[S], path: Path | None) -> int:
    """Prints what is missing and can be made now."""
    absent = list(missing(study, plan, study.load(path)))
    for runs, asked in absent:
        print(f"{runs}: {short(asked)}")
    print(f"{len(absent)} runs are missing" if absent else "no run is missing")
    return 0


def torch_side() -> ModuleType:
    """rnnlib.pt, on one thread."""
    machine.one_thread()
    import torch

    import rnnlib.pt

    torch.set_num_threads(1)
    return rnnlib.pt
