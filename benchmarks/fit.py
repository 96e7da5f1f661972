"""What `rnn.fit` costs an update on top of a loop written straight in the framework.

    python -m benchmarks.fit         both frameworks, three minutes; writes results/fit.json
    python -m benchmarks.fit tiny    few rounds, to try it
    python -m benchmarks.fit pt      one framework, as JSON to stdout

One turn is an epoch over the same batches, with the same model, loss and plain SGD; `clip` is fit
with a norm to clip at.  How turns are timed: timing.py; ratios are over `straight`.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from benchmarks import timing  # noqa: E402

timing.apply_environment()

import numpy as np  # noqa: E402

from benchmarks.machine import describe, write_json  # noqa: E402
from rnnlib.batch import Batches  # noqa: E402

CLASSES, UPDATES = 10, 40
SIZES = [("lstm", 32, 50, 16, 64), ("lstm", 8, 10, 4, 16), ("gru", 16, 200, 16, 64)]  # B, T, D, H
ROUNDS = 21


def straight_pt(rnn, model, x, y, B):
    """An epoch written straight in PyTorch."""
    import torch

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    x, y = rnn.tensor(x), rnn.tensor(y)

    def epoch():
        model.train()
        for rows in torch.randperm(len(x)).split(B):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()

    return epoch


def straight_tf(rnn, model, x, y, B):
    """An epoch written straight in TensorFlow, its step a graph."""
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.SGD(1e-6)
    x, y = rnn.tensor(x), rnn.tensor(y)
    variables = model.trainable_variables
    optimizer.build(variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
            loss = tf.reduce_mean(losses)
        slopes = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(slopes, variables)

    def epoch():
        for rows in np.random.permutation(len(x)).reshape(-1, B):
            step(tf.gather(x, rows), tf.gather(y, rows))

    return epoch


STRAIGHT = {"pt": straight_pt, "tf": straight_tf}


def measure(framework, rounds):
    """All sizes of one framework -> records."""
    rnn = import_module(f"rnnlib.{framework}")
    records = []
    for cell, B, T, D, H in SIZES:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(UPDATES * B, T, D)).astype("float32")
        y = rng.integers(0, CLASSES, len(x))
        how = {"loss": "cross_entropy", "optimizer": ("sgd", {"lr": 1e-6}), "progress": False}

        def fitted(cell=cell, D=D, H=H, x=x, y=y, B=B, how=how, **more):
            model = rnn.Classifier(D, H, CLASSES, cell=cell)
            batches = Batches((x, y), B, rng=0)
            return lambda: rnn.fit(model, batches, epochs=1, **how, **more)

        model = rnn.Classifier(D, H, CLASSES, cell=cell)
        turns = {
            "straight": STRAIGHT[framework](rnn, model, x, y, B),
            "fit": fitted(),
            "clip": fitted(clip_norm=1.0),
        }
        found = timing.take_turns(turns, "straight", rounds)
        records.append(
            {"framework": framework, "cell": cell, "B": B, "T": T, "D": D, "H": H}
            | {"updates": UPDATES, "makes": found}
        )
        timing.say(framework, (cell, B, T, D, H), found)
    return records


def main(which="all"):
    """Measure one framework here, or each in a process of its own."""
    if which.removesuffix("-tiny") in timing.PACKAGES:
        framework = which.removesuffix("-tiny")
        records = measure(framework, 3 if which.endswith("-tiny") else ROUNDS)
        versions = import_module(f"rnnlib.{framework}").checkpoint.VERSIONS
        print(json.dumps({"versions": versions, "records": records}))
        return
    found = {"machine": describe(), "versions": {"numpy": np.__version__}, "records": []}
    for framework in timing.installed():
        part = timing.child("benchmarks.fit", f"{framework}-tiny" if which == "tiny" else framework)
        found["versions"].update(part["versions"])
        found["records"] += part["records"]
    if which != "tiny":
        timing.say(f"written: {write_json(HERE / 'results' / 'fit.json', found)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
