"""How much our models cost on top of the framework's own layer, forward + backward, in ms.

    python -m benchmarks.native both frameworks, six minutes; writes
    rnnlib/experiments/timing/native.json python -m benchmarks.native tiny a small size and few
    rounds, to try it python -m benchmarks.native pt one framework, as JSON to stdout

Makes of one classifier: `model` (ours, native=True), `default` (ours, native left out), `loop`
(ours, native=False; Elman only), `bare` (the framework's recurrent and linear layer, written
straight).  How turns are timed: timing.py; a ratio is over `bare`, with a 95 % interval of its
median.  One thread.
"""

import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from benchmarks import timing  # noqa: E402

timing.apply_environment()  # one thread, before a framework starts

import numpy as np  # noqa: E402

from rnnlib.experiments import store  # noqa: E402
from rnnlib.experiments import timing as stored_times  # noqa: E402
from rnnlib.experiments.machine import describe  # noqa: E402

SIZES = [
    (B, T, D, H) for D, H in ((16, 64), (32, 128)) for B, T in ((16, 50), (16, 200), (32, 200))
]
SIZES += [(16, 1000, 16, 64), (1, 200, 16, 64)]  # B, T, D, H
CASES = [(cell, *size) for cell in ("elman", "lstm", "gru") for size in SIZES]
TINY = [(cell, 2, 6, 3, 8) for cell in ("elman", "lstm")]
CLASSES = 10
ROUNDS = 25
LONG_ROUNDS = 11
LOOP_ROUNDS = 5


def makes_pt(cell, D, H):
    """{make: function (x, y) that runs forward and backward} in PyTorch."""
    import torch
    import torch.nn.functional as F

    import rnnlib.pt as rnn

    class Bare(torch.nn.Module):
        def __init__(self):
            super().__init__()
            layers = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
            self.rnn = layers[cell](D, H, batch_first=True)
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

    models = {
        "bare": Bare(),
        "model": rnn.Classifier(D, H, CLASSES, cell=cell, native=True),
        "default": rnn.Classifier(D, H, CLASSES, cell=cell),
    }
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
            layers = {"elman": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
            self.rnn = getattr(keras.layers, layers[cell])(H)
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

    models = {
        "bare": Bare(),
        "model": rnn.Classifier(D, H, CLASSES, cell=cell, native=True),
        "default": rnn.Classifier(D, H, CLASSES, cell=cell),
    }
    if cell == "elman":
        models["loop"] = rnn.Classifier(D, H, CLASSES, cell=cell, native=False)
    return {name: turn(model) for name, model in models.items()}, rnn.tensor


def measure(framework, cell, B, T, D, H):
    """One size -> its record."""
    turns, tensor = {"pt": makes_pt, "tf": makes_tf}[framework](cell, D, H)
    rng = np.random.default_rng(0)
    x = tensor(rng.normal(size=(B, T, D)).astype("float32"))
    y = tensor(rng.integers(0, CLASSES, B))
    if T >= 1000:
        rounds = LONG_ROUNDS
    else:
        rounds = ROUNDS
    turns = {name: partial(turn, x, y) for name, turn in turns.items()}
    found = timing.take_turns(turns, "bare", rounds, {"loop": LOOP_ROUNDS}, least=0.01)
    record = {
        "framework": framework,
        "cell": cell,
        "B": B,
        "T": T,
        "D": D,
        "H": H,
        "rounds": rounds,
    }
    record["ms"] = {name: values["ms"] for name, values in found.items()}
    for key in ("ratio", "interval"):
        record[key] = {name: values[key] for name, values in found.items() if key in values}
    return record


def main(which="all"):
    """Time one framework here, or each in a process of its own."""
    if which.removesuffix("-tiny") in timing.PACKAGES:
        framework = which.removesuffix("-tiny")
        records = []
        for case in TINY if which.endswith("-tiny") else CASES:
            records.append(measure(framework, *case))
            timing.say(f"{framework} {case}: {records[-1]['ms']} ms  ratio {records[-1]['ratio']}")
        versions = import_module(f"rnnlib.{framework}").checkpoint.VERSIONS
        print(json.dumps({"versions": versions, "records": records}))
        return
    found = {"machine": describe(), "versions": {"numpy": np.__version__}, "records": []}
    for framework in timing.installed():
        if which == "tiny":
            name = f"{framework}-tiny"
        else:
            name = framework
        part = timing.child("benchmarks.native", name)
        found["versions"].update(part["versions"])
        found["records"] += part["records"]
    if which != "tiny":
        timing.say(f"written: {store.write(stored_times.path('native'), found)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
