"""How benchmarks time: makes of one thing take turns in one process, and a ratio has an interval.

A change of the machine's pace hits all makes of a round alike, so what is kept of a round are
ratios. With one thread it is the processor time of the process, not time by the clock: what else
the machine does hardly counts.  With more threads it is time by the clock.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median

PACKAGES = {"pt": "torch", "tf": "tensorflow"}


def installed() -> list[str]:
    """The frameworks that are here."""
    return [name for name, package in PACKAGES.items() if find_spec(package)]


def clock(threads: int) -> Callable[[], float]:
    """What is read before and after a turn."""
    if threads == 1:
        return time.process_time
    return time.perf_counter


def interval(values: list[float]) -> list[float]:
    """A 95 % interval of the median from the order of the values alone: [low, high].

    The largest k with P(Binomial(n, 1/2) < k) <= 2.5 %; with fewer than six values, their range.
    """
    ordered = sorted(values)
    n = len(values)
    k = 0
    below = 0.0
    while below + math.comb(n, k) / 2**n <= 0.025:
        below += math.comb(n, k) / 2**n
        k += 1
    k = max(k, 1)
    return [round(ordered[k - 1], 3), round(ordered[n - k], 3)]


def take_turns(
    turns: dict[str, Callable[[], object]],
    base: str,
    rounds: int,
    few: dict[str, int] | None = None,
    threads: int = 1,
    least: float = 0.004,
) -> dict[str, dict]:
    """Every make in `turns` in each round, in turn the first -> ms, ratio, its interval by make.

    base    the make that ratios are over
    few     makes that take part in so many rounds only
    least   seconds that a turn lasts at least: short ones are repeated within it
    """
    now = clock(threads)
    few = few or {}
    repeats = {}
    for name, turn in turns.items():
        turn()  # traces, warms up
        start = now()
        turn()
        repeats[name] = max(1, math.ceil(least / max(now() - start, 1e-6)))
    times = {name: [] for name in turns}
    ratios = {name: [] for name in turns}
    for number in range(rounds):
        names = [name for name in turns if number < few.get(name, rounds)]
        shift = number % len(names)
        this_round = {}
        for name in names[shift:] + names[:shift]:
            start = now()
            for _ in range(repeats[name]):
                turns[name]()
            this_round[name] = 1e3 * (now() - start) / repeats[name]
        for name, ms in this_round.items():
            times[name].append(ms)
            if base in this_round:
                ratios[name].append(ms / this_round[base])
    found = {}
    for name in turns:
        found[name] = {"ms": round(median(times[name]), 3)}
        if name != base and ratios[name]:
            found[name]["ratio"] = round(median(ratios[name]), 3)
            found[name]["interval"] = interval(ratios[name])
            found[name]["rounds"] = len(ratios[name])
    return found


def child(module: str, *arguments: str, threads: int = 1) -> dict | list | float | None:
    """What `python -m MODULE ...`, in a process of its own, prints as JSON."""
    environment = {**os.environ, "BENCH_THREADS": str(threads)}
    command = [sys.executable, "-m", module, *arguments]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, check=True, text=True, env=environment, cwd=root
    )
    return json.loads(done.stdout)


def apply_environment() -> int:
    """The environment of recordings with BENCH_THREADS threads, before a framework starts."""
    from tools import environment

    environment.apply()
    threads = int(os.environ.get("BENCH_THREADS", "1"))
    if threads > 1:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    return threads


def say(*words: object) -> None:
    """A line of progress."""
    print(*words, file=sys.stderr, flush=True)
