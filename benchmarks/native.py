"""How much our models cost on top of the framework's own layer, and what our readable loop costs: forward + backward, in ms.

    python -m benchmarks.native     both frameworks, 1-2 minutes; writes rnnlib/experiments/timing/native.json
    python -m benchmarks.native pt  one framework, as JSON to stdout

Three makes of one classifier take turns in one process, so that a change of the machine's pace hits all alike:
`model` (ours, native=True), `loop` (ours, native=False; Elman only), `bare` (the framework's recurrent and linear layer, written
straight).  One thread.  A figure is the median over rounds; a ratio is the median of the ratios within a round, over `bare`.
Processor time of the process, not time by the clock: what else the machine does hardly counts.
"""

import json
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from tools import environment  # noqa: E402

environment.apply()  # one thread, before a framework starts

import numpy as np  # noqa: E402

from rnnlib.experiments import store, timing  # noqa: E402
from rnnlib.experiments.machine import describe  # noqa: E402

SIZES = [  # cell, B, T, D, H
    ("elman", 32, 20, 8, 32),
    ("elman", 32, 100, 16, 64),
    ("elman", 64, 200, 32, 128),
    ("lstm", 32, 20, 8, 32),
    ("lstm", 32, 100, 16, 64),
    ("lstm", 64, 200, 32, 128),
]
CLASSES = 10
ROUNDS, SECONDS = 25, 6.0  # at most so many rounds, and so many seconds, for each size


def makes_pt(cell, D, H):
    """{make: function (x, y) that runs forward and backward} in PyTorch."""
    import torch
    import torch.nn.functional as F

    import rnnlib.pt as rnn

    class Bare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM}[cell](D, H, batch_first=True)
            self.head = torch.nn.Linear(H, CLASSES)

        def forward(self, x):
            _, state = self.rnn(x)
            return self.head((state[0] if cell == "lstm" else state)[0])

    def turn(model):
        def run(x, y):
            for p in model.parameters():
                p.grad = None
            F.cross_entropy(model(x), y).backward()

        return run

    models = {"bare": Bare(), "model": rnn.Classifier(D, H, CLASSES, cell=cell)}
    if cell == "elman":
        models["loop"] = rnn.Classifier(D, H, CLASSES, cell=cell, native=False)
    return {name: turn(model) for name, model in models.items()}, rnn.tensor


def makes_tf(cell, D, H):
    """{make: function (x, y) that runs forward and backward} in TensorFlow."""
    import rnnlib.tf as rnn  # first: it keeps TensorFlow's start quiet

    import keras  # isort: skip
    import tensorflow as tf  # isort: skip

    class Bare(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn = {"elman": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM}[cell](H)
            self.head = keras.layers.Dense(CLASSES)

        def call(self, x):
            return self.head(self.rnn(x))

    def turn(model):
        model(tf.zeros((1, 2, D)))  # Keras makes its weights at the first call

        @tf.function(reduce_retracing=True)
        def run(x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x)))
            return tape.gradient(loss, model.trainable_variables)

        return lambda x, y: run(x, y)[0].numpy()

    models = {"bare": Bare(), "model": rnn.Classifier(D, H, CLASSES, cell=cell)}
    if cell == "elman":
        models["loop"] = rnn.Classifier(D, H, CLASSES, cell=cell, native=False)
    return {name: turn(model) for name, model in models.items()}, rnn.tensor


def measure(framework, cell, B, T, D, H):
    """One size -> its record."""
    turns, tensor = {"pt": makes_pt, "tf": makes_tf}[framework](cell, D, H)
    rng = np.random.default_rng(0)
    x, y = tensor(rng.normal(size=(B, T, D)).astype("float32")), tensor(rng.integers(0, CLASSES, B))
    for turn in turns.values():
        turn(x, y)  # traces, warms up
    start = time.process_time()
    turns["bare"](x, y)
    repeats = max(1, round(0.01 / (time.process_time() - start)))  # a turn of at least 10 ms
    rounds, end = [], time.perf_counter() + SECONDS
    while len(rounds) < ROUNDS and (len(rounds) < 5 or time.perf_counter() < end):
        names = list(turns)
        shift = len(rounds) % len(names)
        times = {}
        for name in names[shift:] + names[:shift]:  # each make is first, second and last in turn
            start = time.process_time()
            for _ in range(repeats):
                turns[name](x, y)
            times[name] = 1e3 * (time.process_time() - start) / repeats
        rounds.append(times)
    ms = {name: round(median(times[name] for times in rounds), 3) for name in turns}
    ratio = {name: round(median(t[name] / t["bare"] for t in rounds), 3) for name in turns if name != "bare"}
    return {
        "framework": framework,
        "cell": cell,
        "B": B,
        "T": T,
        "D": D,
        "H": H,
        "rounds": len(rounds),
        "ms": ms,
        "ratio": ratio,
    }


def main(framework=None):
    """Time one framework here, or each in a process of its own."""
    if framework is not None:
        records = []
        for i, size in enumerate(SIZES):
            records.append(measure(framework, *size))
            shown = "  ".join(f"{name} {value} ms" for name, value in records[-1]["ms"].items())
            print(
                f"{framework} {i + 1}/{len(SIZES)}: {size}: {shown}  ratio {records[-1]['ratio']}",
                file=sys.stderr,
                flush=True,
            )
        rnn = import_module(f"rnnlib.{framework}")
        print(json.dumps({"versions": rnn.checkpoint.VERSIONS, "records": records}))
        return
    found = {"machine": describe(), "versions": {"numpy": np.__version__}, "records": []}
    for name, package in (("pt", "torch"), ("tf", "tensorflow")):
        if find_spec(package):
            done = subprocess.run(
                [sys.executable, __file__, name], stdout=subprocess.PIPE, check=True, text=True
            )
            part = json.loads(done.stdout)
            found["versions"].update(part["versions"])
            found["records"] += part["records"]
    print(f"written: {store.write(timing.path('native'), found)}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
