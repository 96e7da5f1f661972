"""Our models on a GPU, in PyTorch: equal answers, engines, resumed runs, predictions, speed.

    python -m benchmarks.gpu        four minutes; writes rnnlib/experiments/timing/gpu.json
    python -m benchmarks.gpu try    the same with a few small sizes on the CPU, written nowhere

Is every model on the GPU the one that it is on the CPU? A training run in float64 with deep,
bidirectional, normalised models, with lengths and without, gives the largest difference of losses
and predictions (`equality`); so does each engine of each cell alone, with its time (`engines`).
Does a run that is interrupted go on as if it were not (`resume`), does `predict` answer the same
from both devices and leave the model as it was (`predict`)? And what do the recurrences cost,
forward + backward, in ms (`speed`, median of 7)? On a GPU each small operation is a kernel of its
own that must be started: a loop over steps pays that at every step, the framework's layer hands the
whole loop to cuDNN, and a scan needs few, large operations.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # the other benchmarks see no GPU

import rnnlib.pt as rnn  # noqa: E402
from benchmarks.engines import build, engines_of  # noqa: E402
from rnnlib.core import cells  # noqa: E402
from rnnlib.data import Batches, synthetic  # noqa: E402
from rnnlib.experiments import store  # noqa: E402
from rnnlib.experiments import timing as stored_times  # noqa: E402
from rnnlib.experiments.machine import describe  # noqa: E402

KINDS = [
    (row.kind, options) if options else row.kind for row in cells.ROWS for options in row.variants()
] + ["tcn"]
SIZES = [  # T, B, D, H
    (1024, 16, 64, 64),
    (1024, 16, 32, 64),
    (4096, 4, 64, 64),
    (4096, 16, 64, 64),
    (1000, 16, 64, 64),
    (1024, 64, 256, 256),
]
DEEP = {"num_layers": 2, "bidirectional": True, "layer_norm": True, "residual": True}
TURNS = 7
PATH = stored_times.path("gpu")
DEVICE = {"name": "gpu", "torch": "cuda"}  # as rnn.fit and as PyTorch call it


def wait():
    """Until the device has done what it was told."""
    if DEVICE["torch"] == "cuda":
        torch.cuda.synchronize()


def some_lengths():
    """Lengths of 320 sequences of 12 steps."""
    return np.random.default_rng(0).integers(3, 13, 320)


def deep_model(cell, native=None):
    """A forecaster in float64 that has everything."""
    if cell == "tcn":
        options = {}
    else:
        options = DEEP
    return rnn.ForecastNet(2, 8, 1, cell=cell, native=native, rng=1, dtype="float64", **options)


def adding():
    """The adding problem in float64: x (320, 12, 2), y."""
    x, y = synthetic.adding(320, 12, rng=0)
    return x.astype("float64"), y.astype("float64")


def train(model, lengths, device, epochs=4, **options):
    """The losses of an epoch's 5 updates each."""
    x, y = adding()
    if lengths is None:
        arrays = (x, y)
    else:
        arrays = (x, y, lengths)
    options |= {"loss": "mse", "optimizer": ("sgd", {"lr": 0.125}), "clip_norm": 1.0}
    return rnn.fit(model, Batches(arrays, 64, rng=0), epochs=epochs, device=device, **options).steps


def trained(cell, native, lengths, device):
    """Losses of 20 updates and the predictions after them, in float64, as one array."""
    model = deep_model(cell, native)
    losses = train(model, lengths, device)
    return np.concatenate([losses, rnn.predict(model, adding()[0], lengths).ravel()])


def equality():
    """Records of the largest difference between CPU and GPU for each cell and engine."""
    for cell in KINDS:
        for native in (None, False):
            for lengths in (None, some_lengths()):
                one, other = (trained(cell, native, lengths, d) for d in ("cpu", DEVICE["name"]))
                if isinstance(cell, str):
                    name = cell
                else:
                    name = f"{cell[0]} {cell[1]}"
                record = {"cell": name, "native": native, "lengths": lengths is not None}
                yield record | {"gap": float(np.abs(one - other).max())}


def answer(model, x, lengths, device):
    """Logits and gradients of all parameters, float64, as one array."""
    model = model.to(device)
    model.zero_grad()
    logits = model(x.to(device), lengths)
    logits.square().sum().backward()
    slopes = [p.grad.flatten().cpu() for p in model.parameters() if p.grad is not None]
    return torch.cat([logits.detach().flatten().cpu(), *slopes])


def engine_records(T=256, B=16, D=32, H=64):
    """Each engine of each cell: how far from the CPU's answer and gradients, and ms of a step."""
    torch.manual_seed(0)
    x = torch.randn(B, T, D)
    lengths = torch.randint(T // 2, T + 1, (B,))
    for cell in cells.TABLE:
        for engine in engines_of("pt", cell):
            for given in (None, lengths):
                model = build(rnn, engine, cell, D, H)
                on_cpu = answer(model.double(), x.double(), given, "cpu")
                on_gpu = answer(model, x.double(), given, DEVICE["torch"])
                gap = float((on_cpu - on_gpu).abs().max() / on_cpu.abs().max())
                model = model.float()
                ms = milliseconds(lambda m=model, n=given: m(x.to(DEVICE["torch"]), n).sum(), model)
                record = {"cell": cell, "engine": engine, "lengths": given is not None}
                yield record | {"gap": gap, "ms": ms}


def resume():
    """For each cell: a run on the GPU that stops after two epochs and goes on, against one that
    does not.
    """
    for cell in KINDS:
        whole = train(deep_model(cell), some_lengths(), DEVICE["name"])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.safetensors"
            train(deep_model(cell), some_lengths(), DEVICE["name"], 2, checkpoint=path)
            more = {"checkpoint": path, "resume": True}
            resumed = train(deep_model(cell), some_lengths(), DEVICE["name"], 4, **more)
        gap = float(np.abs(np.array(whole) - np.array(resumed)).max())
        yield {"cell": str(cell), "gap": gap, "updates": len(resumed)}


def predict():
    """For each cell: predictions of a model on the GPU and on the CPU;
    weights and mode are left alone.
    """
    x, _ = adding()
    for cell in KINDS:
        model = deep_model(cell)
        before = rnn.params(model)
        on_cpu = rnn.predict(model, x, some_lengths())
        model = model.to(DEVICE["torch"]).train()
        on_gpu = rnn.predict(model, x, some_lengths())
        after = rnn.params(model)
        kept = model.training and all(np.array_equal(before[key], after[key]) for key in before)
        device = next(model.parameters()).device.type == DEVICE["torch"]
        gap = float(np.abs(on_cpu - on_gpu).max())
        yield {"cell": str(cell), "gap": gap, "left_as_it_was": bool(kept and device)}


def layers(D, H):
    """{name: layer} on the GPU."""
    made = {"nn.LSTM": rnn.NativeRNN("lstm", D, H), "nn.GRU": rnn.NativeRNN("gru", D, H)}
    for kind in ("lstm", "gru", "sru", "mingru", "minlstm"):
        made[cells.row(kind).title] = rnn.FusedRNN(rnn.make_cell(kind, D, H))
    return {name: layer.to(DEVICE["torch"]) for name, layer in made.items()}


def milliseconds(loss, module):
    """Forward + backward, median over TURNS."""
    times = []
    for _ in range(2 + TURNS):
        module.zero_grad(set_to_none=True)
        wait()
        start = time.perf_counter()
        loss().backward()
        wait()
        times.append(1e3 * (time.perf_counter() - start))
    return round(median(times[2:]), 3)


def speed(sizes):
    """Records of milliseconds for each size."""
    for T, B, D, H in sizes:
        x = torch.randn(B, T, D, device=DEVICE["torch"])
        ms = {}
        for name, layer in layers(D, H).items():
            ms[name] = milliseconds(lambda layer=layer, x=x: layer(x)[0].sum(), layer)
        yield {"T": T, "B": B, "D": D, "H": H, "ms": ms}


def main(how=None):
    """All five questions, their records printed as they come."""
    sizes = SIZES
    small = {}
    if how == "try":
        DEVICE.update(name="cpu", torch="cpu")
        del KINDS[2:]
        sizes = [(20, 2, 3, 4)]
        small = {"T": 10, "B": 2, "D": 3, "H": 4}
    elif not torch.cuda.is_available():
        raise SystemExit(
            "PyTorch sees no GPU here: this benchmark needs one (`try` runs on the CPU)"
        )
    found = {"machine": describe(), "versions": {"torch": torch.__version__}}
    if how != "try":
        found["machine"]["gpu"] = torch.cuda.get_device_name()
    parts = {
        "equality": equality(),
        "engines": engine_records(**small),
        "resume": resume(),
        "predict": predict(),
        "speed": speed(sizes),
    }
    for name, records in parts.items():
        start = time.perf_counter()
        found[name] = []
        for record in records:
            found[name].append(record)
            print(name, record, flush=True)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    if how != "try":
        print(f"written: {store.write(PATH, found)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
