"""The study of `torch.compile` on a recurrent loop: its settings, and what the stored run found.

`python -m benchmarks.compiling` measures, the chapter `pytorch` reads.  Three makes of one network, an Elman layer and a linear layer:
`loop` (a cell in a Python loop), `compiled` (the same loop through torch.compile with its default backend, a C++ compiler on a
CPU) and `native` (nn.RNN).  A step is forward, loss and backward.
"""

import json
from pathlib import Path

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "compiling.json"
LENGTHS = (8, 32, 128)
BATCH, INPUT, HIDDEN, CLASSES = 32, 8, 64, 10
ROUNDS, CALLS = 15, 20  # a figure is the median over rounds of the mean over calls


def settings():
    """What the figures of a file were measured with."""
    return dict(
        lengths=list(LENGTHS),
        batch=BATCH,
        input=INPUT,
        hidden=HIDDEN,
        classes=CLASSES,
        rounds=ROUNDS,
        calls=CALLS,
    )


def load():
    """The stored figures.  FileNotFoundError if there are none, ValueError if they were made with other settings."""
    results = json.loads(PATH.read_text())
    if results["settings"] != settings():
        raise ValueError(
            f"{PATH} was made with the settings {results['settings']}, now they are {settings()}: "
            "run python -m benchmarks.compiling"
        )
    return results
