"""One NumPy-in, NumPy-out door for each framework, so that a test imports neither torch nor
tensorflow itself.

A framework that is not installed is left out: `FRAMEWORKS` holds those that are here.
"""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from rnnlib.core import trees

INSTALLED = [
    name for name, package in (("pt", "torch"), ("tf", "tensorflow")) if find_spec(package)
]
FRAMEWORKS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name not in INSTALLED, reason=f"rnnlib.{name}: framework not installed"
        ),
    )
    for name in ("pt", "tf")
]
both = pytest.mark.skipif(len(INSTALLED) < 2, reason="needs PyTorch and TensorFlow")


def framework(name):
    """rnnlib.pt or rnnlib.tf."""
    return import_module(f"rnnlib.{name}")


def run(name, layer, x, dy, state=None, dstate=None, lengths=None):
    """Forward and backward pass of a layer over time, arrays in and out -> y, state, dx, dstate,
    parameter gradients.

    The loss is sum(y * dy) + sum(final state * dstate); `state` and `dstate` are arrays or tuples
    of arrays.
    """
    return {"pt": run_pt, "tf": run_tf}[name](framework(name), layer, x, dy, state, dstate, lengths)


def run_pt(rnn, layer, x, dy, state, dstate, lengths):
    import torch

    xt = rnn.tensor(x).requires_grad_()
    given = [rnn.tensor(s).requires_grad_() for s in parts(state)]
    lengths = None if lengths is None else rnn.tensor(lengths)
    kept = {}

    def loss():
        kept["y"], kept["state"] = layer(xt, whole(given, state), lengths)
        total = (kept["y"] * rnn.tensor(dy)).sum()
        for s, ds in zip(parts(kept["state"]), parts(dstate), strict=dstate is not None):
            total = total + (s * rnn.tensor(ds)).sum()
        return total

    _, grads = rnn.value_and_grads(layer, loss)
    dgiven = [rnn.array(torch.zeros_like(s) if s.grad is None else s.grad) for s in given]
    return (
        rnn.array(kept["y"]),
        arrays(rnn, kept["state"]),
        rnn.array(xt.grad),
        whole(dgiven, state),
        grads,
    )


def run_tf(rnn, layer, x, dy, state, dstate, lengths):
    import tensorflow as tf

    xt = rnn.tensor(x)
    given = [rnn.tensor(s) for s in parts(state)]
    lengths = None if lengths is None else rnn.tensor(lengths)
    kept = {}

    def loss():
        kept["y"], kept["state"] = layer(xt, whole(given, state), lengths)
        total = tf.reduce_sum(kept["y"] * rnn.tensor(dy))
        for s, ds in zip(parts(kept["state"]), parts(dstate), strict=dstate is not None):
            total = total + tf.reduce_sum(s * rnn.tensor(ds))
        return total

    with tf.GradientTape() as tape:
        tape.watch([xt, *given])
        value = loss()
    dx, *dgiven = tape.gradient(value, [xt, *given], unconnected_gradients="zero")
    _, grads = rnn.value_and_grads(layer, loss)
    return (
        rnn.array(kept["y"]),
        arrays(rnn, kept["state"]),
        rnn.array(dx),
        whole([rnn.array(d) for d in dgiven], state),
        grads,
    )


def reference(kind, **options):
    """The NumPy reference of a cell of the table, with `zeros`, `step` and `step_back`."""
    module = import_module(f"rnnlib.ref.cells.{kind}")
    return module.as_cell(**options) if hasattr(module, "as_cell") else module


def parts(state):
    """The leaves of a state, from left to right; none of None."""
    return [] if state is None else trees.leaves(state)


def whole(found, like):
    """A list of leaves as a state of the same form as `like`."""
    rest = iter(found)
    return None if like is None else trees.map_leaves(lambda _: next(rest), like)


def arrays(rnn, state):
    """A state of tensors as a state of arrays; a convolution has none."""
    return trees.map_leaves(lambda leaf: None if leaf is None else rnn.array(leaf), state)


def random_params(rnn, module, seed=1):
    """Random weights of the module's own shapes: with constant weights swapped gates would pass."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(scale=0.7, size=value.shape).astype(value.dtype)
        for name, value in rnn.params(module).items()
    }
