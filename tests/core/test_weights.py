"""Drawing, moving and filing weights."""

import json
import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import both, framework, random_params
from rnnlib.core import cells, initializers, layouts, rounding, seeds, weight_files

D, H = 3, 4
NATIVE = [row.kind for row in cells.ROWS if "torch" in row.layouts]


def draw(kind):
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(size=value.shape)
        for name, value in initializers.draw_weights(kind, D, H, 0).items()
    }


def test_seeds_are_a_pure_function():
    one, other = seeds.child_seeds(5, 3), seeds.child_seeds(np.random.SeedSequence(5), 2)
    assert [s.generate_state(1)[0] for s in one[:2]] == [s.generate_state(1)[0] for s in other]
    assert (
        len(
            {
                int(s.generate_state(1)[0])
                for s in one + seeds.child_seeds(one[0], 3) + seeds.child_seeds(6, 3)
            }
        )
        == 9
    )
    for bad in (np.random.default_rng(0), True, 1.0, None):
        with pytest.raises(TypeError, match="rng is a whole number"):
            seeds.child_seeds(bad, 1)
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        seeds.child_seeds(-1, 1)


def test_orthogonal_and_glorot():
    q = initializers.orthogonal(3, 20)
    assert_allclose(q @ q.T, np.eye(20), atol=1e-12)
    w = initializers.glorot(3, 200, 100)
    bound = np.sqrt(6 / 300)
    assert np.abs(w).max() <= bound
    assert_allclose(w.std(), bound / np.sqrt(3), rtol=0.02)


@pytest.mark.parametrize("kind", NATIVE)
def test_moving_to_a_layout_and_back_is_equal_to_the_bit(kind):
    p = draw(kind)
    for back in (
        layouts.from_torch(kind, layouts.to_torch(kind, p)),
        layouts.from_keras(kind, layouts.to_keras(kind, p)),
    ):
        for name in p:
            assert_array_equal(back[name], p[name])


@pytest.mark.parametrize("kind", NATIVE)
def test_two_biases_become_one(kind):
    """All of the second bias is folded into the first, but for a GRU's candidate, whose two biases
    are two things."""
    arrays = layouts.to_torch(kind, draw(kind))
    second = arrays["bias_hh_l0"] = np.random.default_rng(1).normal(size=arrays["bias_hh_l0"].shape)
    folded = layouts.to_torch(kind, layouts.from_torch(kind, arrays))
    kept = 2 * H if kind == "gru" else len(second)
    assert_allclose(folded["bias_ih_l0"][:kept], (arrays["bias_ih_l0"] + second)[:kept])
    assert_array_equal(folded["bias_ih_l0"][kept:], arrays["bias_ih_l0"][kept:])
    assert_array_equal(folded["bias_hh_l0"], np.concatenate([np.zeros(kept), second[kept:]]))


def test_the_second_row_of_a_keras_bias_is_folded_likewise():
    kernel, recurrent, b = layouts.to_keras("gru", draw("gru"))
    b = np.random.default_rng(1).normal(size=b.shape)
    *_, folded = layouts.to_keras("gru", layouts.from_keras("gru", [kernel, recurrent, b]))
    assert_allclose(folded[0, : 2 * H], b.sum(axis=0)[: 2 * H])
    assert_array_equal(folded[0, 2 * H :], b[0, 2 * H :])
    assert_array_equal(folded[1], np.concatenate([np.zeros(2 * H), b[1, 2 * H :]]))


def test_a_cell_that_torch_has_not_is_named():
    p = initializers.draw_weights("gru", D, H, 0, reset_after=False)
    with pytest.raises(ValueError, match="PyTorch's GRU applies the reset gate after"):
        layouts.to_torch("gru", p)
    assert layouts.to_keras("gru", p)[2].shape == (3 * H,)
    p = initializers.draw_weights("lstm", D, H, 0, peepholes=True)
    for convert, library in ((layouts.to_torch, "PyTorch"), (layouts.to_keras, "Keras")):
        with pytest.raises(ValueError, match=f"{library}'s? LSTM has no peepholes"):
            convert("lstm", p)
    with pytest.raises(ValueError, match="PyTorch has no layer for 'sru'"):
        layouts.to_torch("sru", initializers.draw_weights("sru", D, H, 0))
    with pytest.raises(ValueError, match="W_h is missing; W is not wanted"):
        layouts.to_torch("lstm", {"W_x": p["W_x"], "b": p["b"], "W": p["W_h"]})


def test_reorder():
    assert_array_equal(
        layouts.reorder_gates(np.array([[0, 1, 2, 3, 4, 5]]), "abc", "cab"), [[4, 5, 0, 1, 2, 3]]
    )


@both
def test_a_file_written_from_one_framework_is_read_by_the_other(tmp_path):
    pt, tf = framework("pt"), framework("tf")
    model = pt.Classifier(D, H, 2, cell="lstm", rng=1)
    pt.load(model, random_params(pt, model))
    weight_files.write_weights(
        tmp_path / "w.safetensors", pt.params(model), {"task": "test", "number": 3}
    )
    arrays, about = weight_files.read_weights(tmp_path / "w.safetensors")
    twin = tf.Classifier(D, H, 2, cell="lstm", rng=2)
    tf.load(twin, arrays)
    x = np.random.default_rng(0).normal(size=(2, 5, D)).astype("float32")
    assert rounding.same(model(pt.tensor(x)), twin(tf.tensor(x)))
    assert about == {"task": "test", "number": 3}


def test_files_are_whole_or_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    weight_files.write_weights(path, draw("lstm"), {})
    good = path.read_bytes()
    for size in (0, 5, 100, len(good) - 1):
        path.write_bytes(good[:size])
        with pytest.raises(
            ValueError, match=rf"w.safetensors \({size} bytes\) is not a whole safetensors file"
        ):
            weight_files.read_weights(path)
    path.write_text(json.dumps({"not": "weights"}))
    with pytest.raises(ValueError, match="is not a whole safetensors file"):
        weight_files.read_weights(path)
    with pytest.raises(FileNotFoundError, match="no weights file at"):
        weight_files.read_weights(tmp_path / "absent.safetensors")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    weight_files.write_weights(path, draw("elman"), {"run": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="could not write .*No space left"):
        weight_files.write_weights(path, draw("elman"), {"run": 2})
    assert os.listdir(tmp_path) == ["w.safetensors"]
    assert weight_files.read_weights(path)[1] == {"run": 1}
    with pytest.raises(OSError, match="could not write"):
        weight_files.write_weights(tmp_path / "no" / "folder.safetensors", draw("elman"), {})
