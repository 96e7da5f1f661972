"""The cell in keras.ops gives the twins' losses on either backend of Keras, each run in a process
of its own.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from backends import both, framework
from rnnlib.data.batches import Batches
from tools.environment import ROOT

UPDATES, B, T, D, H, C = 12, 8, 5, 3, 6, 4

pytestmark = both


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(UPDATES, B, T, D)), rng.integers(0, C, (UPDATES, B))


@pytest.fixture(scope="module")
def model():
    model = framework("pt").Classifier(D, H, C, cell="gru", rng=1, dtype="float64")
    p = framework("pt").params(model)
    p["rnn.cell.b"], p["rnn.cell.b_n"] = (
        np.linspace(-1, 1, 3 * H),
        np.linspace(1, -1, H),
    )  # not 0: all is seen
    framework("pt").load(model, p)
    return model


@pytest.fixture(scope="module")
def found(data, model, tmp_path_factory):
    """{backend: what the script writes}."""
    folder, runs = tmp_path_factory.mktemp("ops"), {}
    np.savez(folder / "run.npz", x=data[0], y=data[1], **framework("pt").params(model))
    for backend in ("torch", "tensorflow"):
        command = [
            sys.executable,
            "-m",
            "rnnlib.experiments.parity.keras_ops_gru",
            folder / "run.npz",
            folder / f"{backend}.npz",
        ]
        environment = os.environ | {"KERAS_BACKEND": backend}
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr[-2000:]
        runs[backend] = dict(np.load(folder / f"{backend}.npz"))
    return runs


def test_each_ran_on_its_backend(found):
    assert [str(run["backend"]) for run in found.values()] == ["torch", "tensorflow"]


def test_in_a_process_that_has_keras_already_it_finds_the_same_and_leaves_floatx(
    found, data, model
):
    import keras

    from rnnlib.experiments.parity import keras_ops_gru as gru

    keras.layers.Dense(1)  # from now on floatx alone does not set the dtype of layers
    here = gru.report({"x": data[0], "y": data[1], **framework("pt").params(model)})
    assert here["backend"] == keras.backend.backend() == "tensorflow"
    for name in ("sgd", "adam", "beta"):
        assert_allclose(here[name], found["tensorflow"][name], rtol=1e-13)
    assert keras.config.floatx() == keras.config.dtype_policy().name == "float32"


def test_sgd_gives_the_losses_of_the_twins(found, data, model):
    (x, y), sgd = data, ("sgd", {"lr": 0.125})
    batches = Batches((x.reshape(-1, T, D), y.reshape(-1)), B)
    ours = framework("pt").fit(model, batches, loss="cross_entropy", optimizer=sgd, epochs=1)
    for run in found.values():
        assert_allclose(run["sgd"], ours.steps, rtol=1e-12)


def test_adam_is_that_of_keras_but_for_the_rounding_of_its_betas(found):
    gap = np.abs(found["torch"]["adam"] / found["tensorflow"]["adam"] - 1).max()
    assert 1e-10 < gap < 1e-6
    assert found["torch"]["beta"] == 0.9
    assert found["tensorflow"]["beta"] == float(np.float32(0.9))


def test_why_the_cell_multiplies_by_at(found):
    """ops.matmul of two float64 arrays: when neither rounds, the comment in the cell and the words
    in the chapter can go.
    """
    assert 1e-9 < found["torch"]["matmul"] < 1e-5
    assert found["tensorflow"]["matmul"] < 1e-14
