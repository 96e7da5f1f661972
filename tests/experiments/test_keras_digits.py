"""The study of ten classes: its split is what the chapters say, no choice sees a test score, a
held-out voice stays out.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import INSTALLED
from rnnlib.core import rounding
from rnnlib.experiments.keras_digits import STUDY as study
from rnnlib.experiments.keras_digits.study import pieces

keras_here = pytest.mark.skipif("tf" not in INSTALLED, reason="TensorFlow not installed")


def test_split_is_stratified_and_covers_everything_once():
    x, y, rows = study.digits()
    assert x.shape == (1797, 8, 8) and (x.min(), x.max()) == (0, 1)
    assert [len(rows[part]) for part in ("train", "valid", "test")] == [1149, 288, 360]
    assert_array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(1797))
    for part in rows.values():
        assert_allclose(np.bincount(y[part]) / len(part), np.bincount(y) / len(y), atol=0.005)


def test_rate_is_chosen_on_the_tuning_seeds_and_by_the_validation_loss():
    losses = dict(zip(study.rates, ([0.3, 0.1], [0.1, 0.2], [0.2, 0.3]), strict=True))
    made = [
        dict(cell="GRU", rate=rate, seed=seed, valid_loss=loss)
        for rate, found in losses.items()
        for seed, loss in zip(study.tuning_seeds, found, strict=True)
    ]
    made += [
        dict(cell="GRU", rate=study.rates[2], seed=s, valid_loss=0.0) for s in study.reported_seeds
    ]
    made += [
        dict(cell="LSTM", rate=study.rates[0], seed=s, valid_loss=0.0) for s in study.tuning_seeds
    ]
    assert study.chosen_rate({"runs": made}, "GRU") == study.rates[1]
    assert [run["seed"] for run in study.reported({"runs": made}, "GRU")] == list(
        study.reported_seeds
    )


def test_results_are_whole():
    results = study.load()
    runs = [(run["cell"], run["rate"], run["seed"]) for run in results["runs"]]
    wanted = [
        (cell, rate, seed)
        for cell in study.cells
        for rate in study.rates
        for seed in study.tuning_seeds
    ]
    wanted += [
        (c, study.chosen_rate(results, c), s) for c in study.cells for s in study.reported_seeds
    ]
    assert sorted(runs) == sorted(wanted)
    assert all(
        ("test_accuracy" in run) == (run["seed"] in study.reported_seeds) for run in results["runs"]
    )
    for found in results["baselines"]:  # the first of the best settings, by the validation part
        assert found["options"] == study.grids[found["name"]][int(np.argmax(found["grid"]))]
    assert {found["name"] for found in results["baselines"]} == set(study.grids)
    assert len(results["spoken"]) == 6 * 3


def recordings(rng=0):
    """Three speakers, two digits, two takes (the second is not used), of different lengths."""
    rng, made = (
        np.random.default_rng(rng),
        {"signals": [], "digits": [], "speakers": [], "takes": []},
    )
    for speaker in "abc":
        for digit in (0, 1):
            for take in (0, study.spoken_options.takes):
                made["signals"].append(rng.normal(size=int(rng.integers(2000, 16000))))
                made["digits"].append(digit)
                made["speakers"].append(speaker)
                made["takes"].append(take)
    return {name: a if name == "signals" else np.array(a) for name, a in made.items()} | {
        "rate": 8000
    }


def test_a_held_out_voice_changes_nothing_in_the_others():
    made = recordings()
    x, lengths, y, rows = study.spoken(made, "b")
    assert x.shape == (6, lengths.max(), 20) and lengths.max() <= study.spoken_options.longest
    assert_array_equal(y, [0, 1] * 3)
    assert {part: list(found) for part, found in rows.items()} == {
        "test": [2, 3],
        "valid": [4, 5],
        "train": [0, 1],
    }
    for row, length in zip(x, lengths, strict=True):
        assert not row[length:].any() and (row[:length] != 0).all()
    made["signals"][4] = 100 * made["signals"][4][:3000]  # another test recording
    assert_array_equal(study.spoken(made, "b")[0][[0, 1, 4, 5], :5], x[[0, 1, 4, 5], :5])
    louder = recordings()
    # a louder voice is the same voice
    louder["signals"] = [3 * signal for signal in louder["signals"]]
    assert_allclose(study.spoken(louder, "b")[0], x, atol=1e-5)


def test_pieces_are_means():
    x = np.arange(12.0).reshape(1, 6, 2)
    assert_allclose(pieces(x, [6], count=3), [[1, 2, 5, 6, 9, 10]])
    assert_allclose(pieces(x, [4], count=2), [[1, 2, 5, 6]])  # padding plays no part
    assert pieces(x, [2], count=4).shape == (1, 8)  # fewer steps than pieces


@keras_here
def test_padding_does_not_reach_a_masked_listener():
    import rnnlib.tf  # noqa: F401, I001
    import keras

    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, study.spoken_options.longest, 20)).astype("float32")
    lengths, other = np.array([25, 7, 1], "int32"), x.copy()
    other[1, 7:], other[2, 1:] = 5, -5
    for masked in (True, False):
        model = study.listener(keras, masked, seed=1)
        answers, others = model([x, lengths]), model([other, lengths])
        gap = np.abs(answers - others).max(axis=1)
        assert gap[0] == 0 and (rounding.same(answers, others) if masked else gap[1:].min() > 1e-3)


@keras_here
def test_equal_seeds_give_equal_networks():
    import rnnlib.tf  # noqa: F401, I001
    import keras

    first, again, other = (
        study.classifier(keras, "GRU", 1e-3, seed).get_weights() for seed in (4, 4, 5)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
