"""What SRU and minGRU cost against T and H, next to the framework's own LSTM: forward + backward, processor time.

    python -m benchmarks.sru_sizes     both frameworks, some ten minutes; writes benchmarks/results/sru_sizes.json
    python -m benchmarks.sru_sizes pt  one framework, as JSON to stdout

A case is measured as in benchmarks/recurrences.py; the sizes stand in rnnlib/studies/sru.py.
"""

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from benchmarks import recurrences  # first: it sets one thread
from benchmarks.machine import describe, write_json
from rnnlib.studies import sru


def one(framework):
    """All cases of one framework."""
    records = []
    for cell in ("sru", "mingru"):
        for B, T, H in sru.SIZES:
            records.append(recurrences.measure(framework, cell, B, T, H, H))
            print(records[-1], file=sys.stderr, flush=True)
    return {"versions": import_module(f"rnnlib.{framework}").checkpoint.VERSIONS, "records": records}


def main(framework=None):
    """Measure one framework here, or each in a process of its own."""
    if framework is not None:
        print(json.dumps(one(framework)))
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
    print(f"written: {write_json(sru.SPEEDS, found)}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
