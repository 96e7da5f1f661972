"""What a gradient derived by hand costs, in time and memory, against native layer and loop.

    python -m benchmarks.recurrences both frameworks, six minutes; writes
    rnnlib/experiments/timing/recurrences.json python -m benchmarks.recurrences pt one framework, as
    JSON to stdout

A turn is forward + backward of one layer over x (B, T, D) in float32, the loss sum(y * w) with a
fixed w, gradients of all parameters. Makes take turns in one process, so that a change of the
machine's pace hits all alike: `bare` (nn.LSTM, nn.GRU, nn.RNN, batch first; keras.layers.LSTM, GRU,
SimpleRNN inside tf.function), `derived` (rnn.FusedRNN), `loop` (rnn.RNN, in fewer rounds).
The cells that no framework has (minGRU, minLSTM, SRU) are compared with the bare LSTM.  One thread.
A figure is the median over rounds, a ratio the median of the ratios within a round, over `bare`.
Processor time of the process, not time by the clock: what else the machine does hardly counts.
`trace_s` (TensorFlow): processor time until the graph of a turn is made, its second tracing.

`peak_mb`: by how much the resident memory of a fresh process rises at its highest during one turn,
over what it holds before it, after a turn of two steps (Linux).
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

from rnnlib.experiments import store  # noqa: E402
from rnnlib.experiments import timing as stored_times  # noqa: E402
from rnnlib.experiments.machine import describe  # noqa: E402

LONG = (16, 1000, 32, 64)  # B, T, D, H
WIDE = (32, 200, 32, 256)
CASES = [(cell, *size) for cell in ("gru", "lstm", "elman") for size in (LONG, WIDE)]
CASES += [("sru", 16, 1000, 64, 64)]
CASES += [
    ("mingru", *size)
    for size in ((16, 1024, 64, 64), (16, 1024, 32, 64), (4, 4096, 64, 64), (16, 4096, 64, 64))
]
CASES += [("minlstm", 16, 1024, 64, 64)]
MEMORY = [
    (cell, make)
    for cell in ("gru", "lstm", "elman", "sru", "mingru")
    for make in ("bare", "derived", "loop")
]
ROUNDS = 25  # at most so many rounds, and so many seconds, for each case
SECONDS = 10.0
LOOP_ROUNDS = 3


def make_pt(make, cell, D, H):
    """A function (x, w) that runs forward and backward in PyTorch, and no tracing."""
    import torch

    import rnnlib.pt as rnn

    if make == "bare":
        kind = {"elman": torch.nn.RNN, "gru": torch.nn.GRU}.get(cell, torch.nn.LSTM)
        layer = kind(D, H, batch_first=True)
    else:
        layer = {"derived": rnn.FusedRNN, "loop": rnn.RNN}[make](rnn.make_cell(cell, D, H))

    def turn(x, w):
        for p in layer.parameters():
            p.grad = None
        (layer(x)[0] * w).sum().backward()

    return turn, None


def make_tf(make, cell, D, H):
    """A function (x, w) that runs forward and backward in TensorFlow, and one that traces it."""
    import rnnlib.tf as rnn  # first: it keeps TensorFlow's start quiet

    import keras  # isort: skip
    import tensorflow as tf  # isort: skip

    if make == "bare":
        kind = {"elman": keras.layers.SimpleRNN, "gru": keras.layers.GRU}.get(
            cell, keras.layers.LSTM
        )
        layer = kind(H, return_sequences=True, return_state=True)
        layer.build((None, None, D))
    else:
        layer = {"derived": rnn.FusedRNN, "loop": rnn.RNN}[make](rnn.make_cell(cell, D, H))

    def graph():
        @tf.function(reduce_retracing=True)
        def turn(x, w):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(x)[0] * w)
            return tape.gradient(loss, [v.value for v in layer.trainable_variables])

        return turn

    run = graph()
    return lambda x, w: run(x, w)[0].numpy(), lambda x, w: graph().get_concrete_function(x, w)


MAKE = {"pt": make_pt, "tf": make_tf}


def data(framework, B, T, D, H):
    """x (B, T, D) and w (B, T, H)."""
    rng = np.random.default_rng(0)
    tensor = import_module(f"rnnlib.{framework}").tensor
    return tensor(rng.normal(size=(B, T, D)).astype("float32")), tensor(
        rng.normal(size=(B, T, H)).astype("float32")
    )


def seconds(call, *args):
    """Processor time of one call."""
    start = time.process_time()
    call(*args)
    return time.process_time() - start


def measure(framework, cell, B, T, D, H):
    """One case -> its record."""
    turns = {}
    traces = {}
    for make in ("bare", "derived", "loop"):
        turns[make], traces[make] = MAKE[framework](make, cell, D, H)
    given = data(framework, B, T, D, H)
    for turn in turns.values():
        turn(*given)  # traces, warms up
    trace_s = {
        name: round(seconds(trace, *given), 3)
        for name, trace in traces.items()
        if trace is not None
    }
    rounds = []
    end = time.perf_counter() + SECONDS
    while len(rounds) < ROUNDS and (len(rounds) < 5 or time.perf_counter() < end):
        names = [name for name in turns if name != "loop" or len(rounds) < LOOP_ROUNDS]
        shift = len(rounds) % len(names)
        order = names[shift:] + names[:shift]  # each make is first, second and last in turn
        rounds.append({name: 1e3 * seconds(turns[name], *given) for name in order})
    ms = {name: round(median(r[name] for r in rounds if name in r), 2) for name in turns}
    ratio = {
        name: round(median(r[name] / r["bare"] for r in rounds if name in r), 3)
        for name in turns
        if name != "bare"
    }
    record = {
        "framework": framework,
        "cell": cell,
        "B": B,
        "T": T,
        "D": D,
        "H": H,
        "rounds": len(rounds),
    }
    return {**record, "ms": ms, "ratio": ratio} | ({"trace_s": trace_s} if trace_s else {})


def peak(framework, cell, make):
    """Rise of the resident memory during one turn at its highest, in MB; None where the system does
    not tell."""

    def resident(line):
        status = Path("/proc/self/status").read_text()
        return int(status.split(f"{line}:")[1].split()[0]) / 1e3  # of kB

    B, T, D, H = LONG
    turn, _ = MAKE[framework](make, cell, D, H)
    turn(*data(framework, B, 2, D, H))
    given = data(framework, B, T, D, H)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
        before = resident("VmRSS")
        turn(*given)
        return round(resident("VmHWM") - before, 1)
    except OSError:
        return None


def child(*arguments):
    """What this script, started anew, prints as JSON."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True, text=True
    )
    return json.loads(done.stdout)


def say(*words):
    """A line of progress."""
    print(*words, file=sys.stderr, flush=True)


def one(framework):
    """Time and memory of one framework."""
    records = []
    memory = []
    for i, case in enumerate(CASES):
        records.append(measure(framework, *case))
        say(
            f"{framework} {i + 1}/{len(CASES)}: {case}: {records[-1]['ms']} ms  ratio "
            f"{records[-1]['ratio']}"
        )
    for i, (cell, make) in enumerate(MEMORY):
        mb = child(framework, cell, make)
        B, T, D, H = LONG
        memory.append(
            {
                "framework": framework,
                "cell": cell,
                "make": make,
                "B": B,
                "T": T,
                "D": D,
                "H": H,
                "peak_mb": mb,
            }
        )
        say(f"{framework} memory {i + 1}/{len(MEMORY)}: {cell} {make} {mb} MB")
    versions = import_module(f"rnnlib.{framework}").checkpoint.VERSIONS
    return {"versions": versions, "records": records, "memory": memory}


def main(framework=None, cell=None, make=None):
    """Measure one framework here, or each in a process of its own."""
    if cell is not None:
        print(json.dumps(peak(framework, cell, make)))
        return
    if framework is not None:
        print(json.dumps(one(framework)))
        return
    found = {
        "machine": describe(),
        "versions": {"numpy": np.__version__},
        "records": [],
        "memory": [],
    }
    for name, package in (("pt", "torch"), ("tf", "tensorflow")):
        if find_spec(package):
            part = child(name)
            found["versions"].update(part["versions"])
            found["records"] += part["records"]
            found["memory"] += part["memory"]
    say(f"written: {store.write(stored_times.path('recurrences'), found)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
