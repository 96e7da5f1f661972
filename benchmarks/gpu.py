"""Our models and recurrences on a GPU, in PyTorch: `python -m benchmarks.gpu` (two minutes;
writes rnnlib/experiments/timing/gpu.json).

Two questions.  Is every model on the GPU the one that it is on the CPU?  A training run in float64 with deep, bidirectional, normalised
models, with lengths and without, gives the largest difference of losses and predictions.  And what do the recurrences cost there,
forward + backward, in ms (median of 7)?  On a GPU each small operation is a kernel of its own that must be started: a loop over steps
pays that at every step, the framework's layer hands the whole loop to cuDNN, and a scan needs few, large operations.
"""

import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import rnnlib.pt as rnn  # noqa: E402
from rnnlib import tasks  # noqa: E402
from rnnlib.batch import Batches  # noqa: E402
from rnnlib.experiments import store, timing  # noqa: E402
from rnnlib.experiments.machine import describe  # noqa: E402

CELLS = ["elman", "lstm", ("lstm", {"peepholes": True}), "gru", ("gru", {"reset_after": False})]
CELLS += ["sru", "mingru", "minlstm", "tcn"]
SIZES = [
    (1024, 16, 64, 64),
    (1024, 16, 32, 64),
    (4096, 4, 64, 64),
    (4096, 16, 64, 64),
    (1000, 16, 64, 64),
    (1024, 64, 256, 256),
]
DEEP = dict(num_layers=2, bidirectional=True, layer_norm=True, residual=True)
TURNS = 7
PATH = timing.path("gpu")


def trained(cell, native, lengths, device):
    """Losses of 20 updates and the predictions after them, in float64, as one array."""
    x, y = (a.astype("float64") for a in tasks.adding(320, 12, rng=0))
    deep = {} if cell == "tcn" else DEEP
    model = rnn.Forecaster(2, 8, 1, cell=cell, native=native, rng=1, dtype="float64", **deep)
    arrays = (x, y) if lengths is None else (x, y, lengths)
    sgd = ("sgd", {"lr": 0.125})
    how = dict(loss="mse", optimizer=sgd, epochs=4, clip_norm=1.0, device=device)
    history = rnn.fit(model, Batches(arrays, 64, rng=0), **how)
    return np.concatenate([history.steps, rnn.predict(model, x, lengths).ravel()])


def equality():
    """Records of the largest difference between CPU and GPU for each cell and engine."""
    some = np.random.default_rng(0).integers(3, 13, 320)
    for cell in CELLS:
        for native in (None, False):
            for lengths in (None, some):
                one, other = (trained(cell, native, lengths, device) for device in ("cpu", "gpu"))
                name = cell if isinstance(cell, str) else f"{cell[0]} {cell[1]}"
                yield dict(
                    cell=name,
                    native=native,
                    lengths=lengths is not None,
                    gap=float(np.abs(one - other).max()),
                )


def layers(D, H):
    """{name: layer} on the GPU."""
    made = {"nn.LSTM": rnn.Native("lstm", D, H), "nn.GRU": rnn.Native("gru", D, H)}
    cells = dict(
        LSTM=rnn.LSTMCell, GRU=rnn.GRUCell, SRU=rnn.SRUCell, minGRU=rnn.MinGRUCell, minLSTM=rnn.MinLSTMCell
    )
    made.update({name: rnn.Derived(cell(D, H)) for name, cell in cells.items()})
    return {name: layer.to("cuda") for name, layer in made.items()}


def milliseconds(layer, x):
    """Forward + backward of a layer, median over TURNS."""
    times = []
    for _ in range(2 + TURNS):
        layer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        start = time.perf_counter()
        layer(x)[0].sum().backward()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return round(median(times[2:]), 3)


def speed():
    """Records of milliseconds for each size."""
    for T, B, D, H in SIZES:
        x = torch.randn(B, T, D, device="cuda")
        yield dict(
            T=T, B=B, D=D, H=H, ms={name: milliseconds(layer, x) for name, layer in layers(D, H).items()}
        )


def main(path=PATH):
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU here: this benchmark needs one")
    found = {
        "machine": {**describe(), "gpu": torch.cuda.get_device_name()},
        "versions": {"torch": torch.__version__},
    }
    for name, records in (("equality", equality()), ("speed", speed())):
        found[name] = []
        for record in records:
            found[name].append(record)
            print(record, flush=True)
    print(f"written: {store.write(path, found)}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
