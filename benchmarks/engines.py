"""Which engine is the fastest, by framework, cell, lengths, B, T, D, H, in training and inference.

    python -m benchmarks.engines          both frameworks, about half an hour
    python -m benchmarks.engines tiny     the same on a few small settings, to try it
    python -m benchmarks.engines pt       one framework, as JSON to stdout

A turn in training is one step of a Classifier: forward, cross-entropy, backward, plain SGD; in
inference its answer alone. `native` is the framework's own layer, `fused` our function with a
gradient derived by hand, `loop` the readable one. How turns are timed: timing.py; ratios are over
`native`, where there is one, over `fused` else. Writes rnnlib/experiments/timing/engines.json,
everything that was measured, and rnnlib/engine_table.json, what models read (skipped by `tiny`).
"""

import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from benchmarks import timing  # noqa: E402

THREADS = timing.apply_environment()

import numpy as np  # noqa: E402

from rnnlib.core import cells  # noqa: E402
from rnnlib.experiments import store  # noqa: E402
from rnnlib.experiments import timing as stored_times  # noqa: E402
from rnnlib.experiments.machine import describe  # noqa: E402

ENGINES = ("native", "fused", "loop")
COLUMNS = ["framework", "cell", "lengths", "batch", "training", "steps", "hidden", *ENGINES]
TABLE = HERE.parent / "rnnlib" / "engine_table.json"
CLASSES = 10
SIZES = [(16, 64), (32, 128)]  # D, H
BATCHES = (1, 16, 32)
STEPS = (50, 200, 1000)
ROUNDS = 21  # the loop is far behind, and needs fewer
LONG_ROUNDS = 11
LOOP_ROUNDS = 5
TINY = {"sizes": [(3, 8)], "batches": (1, 4), "steps": (6, 20), "cells": ["lstm", "sru"]}


def build(rnn, engine, cell, D, H):
    """A classifier whose recurrent layer runs by that engine."""
    if engine == "native":
        return rnn.Classifier(D, H, CLASSES, cell=cell, native=True)
    model = rnn.Classifier(D, H, CLASSES, cell=cell, native=False)
    if engine == "fused":
        model.rnn = rnn.FusedRNN(model.rnn.cell)
    return model


def turns_pt(model):
    """{training: function (x, y, lengths)} in PyTorch."""
    import torch

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)

    def train(x, y, lengths):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x, lengths), y).backward()
        optimizer.step()

    def answer(x, y, lengths):
        with torch.no_grad():
            model(x, lengths)

    return {True: train, False: answer}


def turns_tf(model):
    """{training: function (x, y, lengths)} in TensorFlow, one graph for all sizes."""
    import tensorflow as tf

    variables = model.trainable_variables

    @tf.function(reduce_retracing=True)
    def train(x, y, lengths):
        with tf.GradientTape() as tape:
            logits = model(x, lengths)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_mean(losses)
        slopes = tape.gradient(loss, [v.value for v in variables])
        for variable, slope in zip(variables, slopes, strict=True):
            variable.assign_sub(1e-6 * slope)
        return logits

    answer = tf.function(lambda x, y, lengths: model(x, lengths), reduce_retracing=True)
    return {
        True: lambda *given: train(*given).numpy(),
        False: lambda *given: answer(*given).numpy(),
    }


TURNS = {"pt": turns_pt, "tf": turns_tf}


def engines_of(framework, cell):
    """The engines that a cell of the table has there."""
    library = {"pt": "torch", "tf": "keras"}[framework]
    there = {"native": cells.lacks(library, cell) is None, "fused": cells.fused(cell), "loop": True}
    return [name for name, has in there.items() if has]


def data(rnn, B, T, D, with_lengths):
    """x (B, T, D), y (B,), lengths between T / 2 and T, or None."""
    rng = np.random.default_rng(0)
    x = rnn.tensor(rng.normal(size=(B, T, D)).astype("float32"))
    if with_lengths:
        lengths = rnn.tensor(rng.integers(T - T // 2, T + 1, B))
    else:
        lengths = None
    return x, rnn.tensor(rng.integers(0, CLASSES, B)), lengths


def settings(tiny, threads):
    """(cell, D, H, B, T, lengths): all of them; with two threads where there is work for two."""
    if tiny:
        sizes = TINY["sizes"]
        batches = TINY["batches"]
        steps = TINY["steps"]
        kinds = TINY["cells"]
    else:
        sizes = SIZES
        batches = BATCHES
        steps = STEPS
        kinds = list(cells.TABLE)
    if threads > 1:
        batches = batches[-1:]
        steps = steps[1:2]
    for kind in kinds:
        own = bool(cells.row(kind).layouts)  # without a rival one size will do
        for D, H in sizes if own else sizes[:1]:
            for B in batches:
                for T in steps if own else steps[1:2]:
                    for with_lengths in (False, True):
                        yield kind, D, H, B, T, with_lengths


def measure(framework, tiny):
    """All settings of one framework -> records."""
    rnn = import_module(f"rnnlib.{framework}")
    records = []
    built = {}
    for kind, D, H, B, T, with_lengths in settings(tiny, THREADS):
        engines = engines_of(framework, kind)
        if (kind, D, H) not in built:
            built = {
                (kind, D, H): {e: TURNS[framework](build(rnn, e, kind, D, H)) for e in engines}
            }
        given = data(rnn, B, T, D, with_lengths)
        for training in (True, False):
            turns = {
                engine: partial(made[training], *given)
                for engine, made in built[kind, D, H].items()
            }
            if T >= 1000:
                rounds = LONG_ROUNDS
            else:
                rounds = ROUNDS
            found = timing.take_turns(
                turns, engines[0], rounds, {"loop": LOOP_ROUNDS}, THREADS, least=0.002
            )
            record = {"framework": framework, "cell": kind, "lengths": with_lengths, "B": B, "T": T}
            record |= {"D": D, "H": H, "training": training, "threads": THREADS, "engines": found}
            records.append(record)
            shown = "  ".join(f"{name} {values['ms']} ms" for name, values in found.items())
            if training:
                what = "training"
            else:
                what = "inference"
            timing.say(f"{framework} {kind} {(B, T, D, H)} lengths {with_lengths} {what}: {shown}")
    return records


def table(records):
    """The records with one thread as rows of rnnlib/engine_table.json."""
    rows = []
    for r in records:
        if r["threads"] == 1:
            times = [r["engines"].get(engine, {}).get("ms") for engine in ENGINES]
            place = [r["framework"], r["cell"], r["lengths"], r["B"], r["training"], r["T"], r["H"]]
            rows.append(place + times)
    return rows


def main(which="all"):
    """Measure one framework here, or each in processes of its own, with one thread and with two."""
    if which.removesuffix("-tiny") in timing.PACKAGES:
        framework = which.removesuffix("-tiny")
        records = measure(framework, which.endswith("-tiny"))
        versions = import_module(f"rnnlib.{framework}").checkpoint.VERSIONS
        print(json.dumps({"versions": versions, "records": records}))
        return
    found = {"machine": describe(), "versions": {"numpy": np.__version__}, "records": []}
    for framework in timing.installed():
        for threads in (1, 2):
            if which == "tiny":
                name = f"{framework}-tiny"
            else:
                name = framework
            part = timing.child("benchmarks.engines", name, threads=threads)
            found["versions"].update(part["versions"])
            found["records"] += part["records"]
    if which == "tiny":
        timing.say(
            f"{len(found['records'])} records, {len(table(found['records']))} rows: not written"
        )
        return
    timing.say(f"written: {store.write(stored_times.path('engines'), found)}")
    stored = {"format": 1, "columns": COLUMNS, "machine": found["machine"]}
    stored |= {"versions": found["versions"], "rows": table(found["records"])}
    timing.say(f"written: {store.write(TABLE, stored)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
