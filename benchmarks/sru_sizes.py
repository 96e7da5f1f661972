"""What SRU and minGRU cost against T and H, next to the framework's own LSTM:
forward + backward, processor time.

    python -m benchmarks.sru_sizes     both frameworks, some ten minutes;
                                       writes rnnlib/experiments/timing/sru_sizes.json
    python -m benchmarks.sru_sizes pt  one framework, as JSON to stdout

A case is measured as in benchmarks/recurrences.py; the chapter `sru` reads the times.
"""

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from benchmarks import recurrences  # first: it sets one thread
from rnnlib.experiments import store, timing
from rnnlib.experiments.machine import describe

SIZES = [(16, T, 64) for T in (64, 256, 1024)] + [(16, 256, H) for H in (16, 256)]  # B, T, H = D


def measured(framework):
    """All cases of one framework."""
    records = []
    for cell in ("sru", "mingru"):
        for B, T, H in SIZES:
            records.append(recurrences.measure(framework, cell, B, T, H, H))
            print(records[-1], file=sys.stderr, flush=True)
    return {
        "versions": import_module(f"rnnlib.{framework}").checkpoint.VERSIONS,
        "records": records,
    }


def main(framework=None):
    """Measure one framework here, or each in a process of its own."""
    if framework is not None:
        print(json.dumps(measured(framework)))
        return
    found = {"machine": describe(), "versions": {}, "records": []}
    for name, package in (("pt", "torch"), ("tf", "tensorflow")):
        if find_spec(package):
            command = [sys.executable, "-m", "benchmarks.sru_sizes", name]
            root = Path(__file__).resolve().parents[1]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, cwd=root)
            part = json.loads(done.stdout)
            found["versions"].update(part["versions"])
            found["records"] += part["records"]
    print(f"written: {store.write(timing.path('sru_sizes'), found)}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
