"""What an update of `rnn.fit` costs beside a plain loop of the framework: `python -m
benchmarks.fit`.

    python -m benchmarks.fit [--side pt|tf] [--pairs 21] [--updates 600] [--out FILE]

Each pair is one run of 600 updates by `fit` and one by a loop as the framework's own introduction
has
it, over the same model, optimizer (Adam) and data, with one thread; the two take turns at going
first.  Whole runs are compared: `fit` with all its checks, in TensorFlow both with their tracing.
Shown are the medians, and of the ratios of the pairs the median with an interval of 95 % (order
statistics).  Goals: 1.10 at (B 32, T 50, H 64), 1.25 at (B 8, T 10, H 16).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from tools import environment

environment.apply()  # one thread, before a framework starts

import numpy as np  # noqa: E402

from rnnlib.data import Batches  # noqa: E402
from rnnlib.experiments import machine, store, timing  # noqa: E402

SETTINGS = {  # name -> B, T, D, H, the ratio that is allowed
    "B 32, T 50, D 16, H 64": (32, 50, 16, 64, 1.10),
    "B 8, T 10, D 4, H 16": (8, 10, 4, 16, 1.25),
}
CLASSES = 3
RATE = 1e-3


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """An interval of the median by order statistics: ranks k and n + 1 - k with at least this
    level."""
    n = len(values)
    ordered = np.sort(values)
    below = 0.0
    k = 0
    while below + math.comb(n, k) * 0.5**n <= (1 - level) / 2:
        below += math.comb(n, k) * 0.5**n
        k += 1
    k = max(k, 1)
    return float(ordered[k - 1]), float(ordered[n - k])


def by_fit(
    rnn: ModuleType, x: np.ndarray, y: np.ndarray, size: int, hidden: int
) -> Callable[[], None]:
    """A run of `fit` over the data, once."""
    model = rnn.Classifier(x.shape[2], hidden, CLASSES, cell="lstm", native=True)
    data = Batches((x, y), size, rng=0)
    adam = ("adam", {"lr": RATE})
    return lambda: rnn.fit(
        model, data, loss="cross_entropy", optimizer=adam, epochs=1, progress=False
    )


def by_loop_pt(
    rnn: ModuleType, x: np.ndarray, y: np.ndarray, size: int, hidden: int
) -> Callable[[], None]:
    """A plain loop of PyTorch over the data, once."""
    import torch

    model = rnn.Classifier(x.shape[2], hidden, CLASSES, cell="lstm", native=True)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=RATE)

    def run() -> None:
        inputs = torch.tensor(x)
        targets = torch.tensor(y)
        losses = []
        model.train()
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs), size):
            rows = order[start : start + size]
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs[rows]), targets[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    return run


def by_loop_tf(
    rnn: ModuleType, x: np.ndarray, y: np.ndarray, size: int, hidden: int
) -> Callable[[], None]:
    """A plain loop of TensorFlow around one traced step, once."""
    import keras
    import tensorflow as tf

    model = rnn.Classifier(x.shape[2], hidden, CLASSES, cell="lstm", native=True)
    optimizer = keras.optimizers.Adam(RATE)
    kinds = [tf.TensorSpec((None, None, x.shape[2])), tf.TensorSpec((None,), tf.int64)]

    @tf.function(input_signature=kinds)
    def step(inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(inputs, training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(each)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)
        return loss

    def run() -> None:
        optimizer.build(model.trainable_variables)
        losses = []
        order = np.random.default_rng(0).permutation(len(x))
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            losses.append(float(step(x[rows], y[rows])))

    return run


def seconds(run: Callable[[], None]) -> float:
    """How much processor time one run takes: what else the machine does hardly counts."""
    started = time.process_time()
    run()
    return time.process_time() - started


def measure(side: str, setting: str, pairs: int, updates: int) -> dict:
    """Pairs of runs, in turn -> milliseconds an update of each, and their ratio."""
    rnn = import_module(f"rnnlib.{side}")
    B, T, D, H, allowed = SETTINGS[setting]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(B * updates, T, D)).astype("float32")
    y = rng.integers(0, CLASSES, B * updates)
    kinds = {"fit": by_fit, "loop": {"pt": by_loop_pt, "tf": by_loop_tf}[side]}
    taken = {"fit": [], "loop": []}
    for pair in range(-1, pairs):  # the first pair warms up
        for kind in sorted(kinds, reverse=pair % 2 == 0):
            taken[kind].append(seconds(kinds[kind](rnn, x, y, B, H)))
    fit, loop = (1000 * np.array(taken[kind][1:]) / updates for kind in ("fit", "loop"))
    low, high = interval(fit / loop)
    return {
        "side": side,
        "setting": setting,
        "fit_ms": round(float(np.median(fit)), 4),
        "loop_ms": round(float(np.median(loop)), 4),
        "ratio": round(float(np.median(fit / loop)), 3),
        "interval": [round(low, 3), round(high, 3)],
        "allowed": allowed,
        "pairs": pairs,
        "updates": updates,
    }


def main() -> None:
    """All settings, or one framework's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", choices=("pt", "tf"))
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--updates", type=int, default=600)
    parser.add_argument("--out")
    options = parser.parse_args()
    rows = []
    for side in ("pt", "tf") if options.side is None else (options.side,):
        for setting in SETTINGS:
            row = measure(side, setting, options.pairs, options.updates)
            rows.append(row)
            low, high = row["interval"]
            print(
                f"{side}  {setting}: fit {row['fit_ms']:.3f} ms, loop {row['loop_ms']:.3f} ms an "
                "update, "
                f"ratio {row['ratio']:.3f} ({low:.3f} to {high:.3f}), allowed {row['allowed']}",
                flush=True,
            )
    out = options.out or timing.path("fit")
    print(f"written: {store.write(out, {'machine': machine.describe(), 'rows': rows})}")


if __name__ == "__main__":
    main()
