"""How much memory a training step of each engine takes over 10,000 time steps.

    python -m benchmarks.memory both frameworks, five minutes; writes
    rnnlib/experiments/timing/memory.json python -m benchmarks.memory tiny the same over 200 steps,
    to try it python -m benchmarks.memory pt lstm loop 10000 one of them, in MB to stdout

By how much the resident memory of a fresh process rises at its highest during one turn (forward,
cross-entropy, backward, SGD; benchmarks/engines.py), over what it holds before it, after a turn of
two steps (Linux; elsewhere null).
"""

import json
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from benchmarks import engines, timing  # noqa: E402
from rnnlib.core import cells  # noqa: E402
from rnnlib.experiments import store  # noqa: E402
from rnnlib.experiments import timing as stored_times  # noqa: E402
from rnnlib.experiments.machine import describe  # noqa: E402

B = 4
D = 32
H = 64
T = 10_000


def resident(line):
    """A line of /proc/self/status in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{line}:")[1].split()[0]) / 1e3


def peak(framework, cell, engine, steps):
    """The rise of one turn in MB, None where the system does not tell."""
    rnn = import_module(f"rnnlib.{framework}")
    turn = engines.TURNS[framework](engines.build(rnn, engine, cell, D, H))[True]
    turn(*engines.data(rnn, B, 2, D, False))
    given = engines.data(rnn, B, steps, D, False)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
        before = resident("VmRSS")
        turn(*given)
        return round(resident("VmHWM") - before, 1)
    except OSError:
        return None


def main(*arguments):
    """Measure one engine here, or each in a process of its own."""
    if len(arguments) == 4:
        framework, cell, engine, steps = arguments
        print(json.dumps(peak(framework, cell, engine, int(steps))))
        return
    if arguments == ("tiny",):
        steps = 200
    else:
        steps = T
    found = {"machine": describe(), "B": B, "D": D, "H": H, "T": steps, "records": []}
    for framework in timing.installed():
        for cell in cells.TABLE if steps == T else ["lstm"]:
            for engine in engines.engines_of(framework, cell):
                mb = timing.child("benchmarks.memory", framework, cell, engine, str(steps))
                record = {"framework": framework, "cell": cell, "engine": engine, "peak_mb": mb}
                found["records"].append(record)
                timing.say(record)
    if steps == T:
        timing.say(f"written: {store.write(stored_times.path('memory'), found)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
