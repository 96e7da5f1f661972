"""The study of the GRU: its variants are what their names say and of one size, its choice of a rate
is blind to the reported seeds.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from backends import FRAMEWORKS, framework
from rnnlib.experiments.gru import STUDY as study


def cell(rnn, task, variant):
    model = study.build(rnn, task, variant, seed=3)
    return {
        k.removeprefix("rnn.cell."): v
        for k, v in rnn.params(model).items()
        if k.startswith("rnn.cell")
    }


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_variants(name):
    rnn = framework(name)
    plain = cell(rnn, "copy", "GRU")
    H = len(plain["W_h"])
    assert not plain["b"].any()
    for variant, bias in (("GRU, z bias 1", 1), ("GRU, z bias 3", 3)):
        p = cell(rnn, "copy", variant)
        assert_array_equal(p["b"], np.repeat([0, bias, 0], H).astype("float32"))
        assert_array_equal(p["W_h"], plain["W_h"])
    p = cell(rnn, "copy", "GRU, no reset gate, z bias 3")
    assert_array_equal(p["b"], np.repeat([study.open_bias, 3, 0], H).astype("float32"))
    assert not p["W_x"][:, :H].any() and not p["W_h"][:, :H].any()
    assert_array_equal(p["W_x"][:, H:], plain["W_x"][:, H:])
    assert "b_n" not in cell(rnn, "copy", "GRU, reset before")
    n = len(cell(rnn, "copy", "LSTM, forget bias 3")["W_h"])
    assert_array_equal(
        cell(rnn, "copy", "LSTM, forget bias 3")["b"], np.repeat([0, 3, 0, 0], n).astype("float32")
    )


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_equal_weights(name):
    rnn = framework(name)
    for task, variants in study.variants.items():
        sizes = [
            sum(v.size for v in rnn.params(study.build(rnn, task, one, 0)).values())
            for one in variants
        ]
        assert max(sizes) <= 1.04 * min(sizes), (task, sizes)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_reset_gate_that_is_open_stays_open(name):
    rnn = framework(name)
    before = cell(rnn, "copy", "GRU, no reset gate")
    model, _, _ = study.train(rnn, "copy", "GRU, no reset gate", 1e-2, seed=3, updates=3)
    after = {k.removeprefix("rnn.cell."): v for k, v in rnn.params(model).items()}
    H = len(before["W_h"])
    for key in ("W_x", "W_h", "b"):
        assert_array_equal(after[key][..., :H], before[key][..., :H])
        assert (after[key][..., H:] != before[key][..., H:]).any()


def test_examples_are_fresh_and_a_shorter_run_is_the_beginning_of_a_longer():
    (long, held_out), (short, _) = study.copy_data(1), study.copy_data(1, updates=2)
    assert (
        long.x.shape[0] == study.updates * study.batch
        and held_out[0].shape[0] == study.held_out_examples
    )
    assert_array_equal(short.x, long.x[: 2 * study.batch])
    assert (study.copy_data(2)[0].x != long.x).any()


def test_forecasts_are_of_the_test_years():
    training, valid, record, scaler, values = study.spots()
    first = training.x[0, :, 0]
    assert values.index[0] == 1700 and len(first) == study.years
    assert_array_equal(training.y[0, :-1], training.x[0, 1:])  # the next year is the target
    known = scaler.inverse_transform(training.y[:, -1, 0])
    assert np.allclose(known, values.loc[1740:1920], atol=1e-3)  # nothing later is trained on
    assert np.allclose(scaler.inverse_transform(valid.y[0, :, 0]), values.loc[1922:1955], atol=1e-3)
    assert record.shape == (1, len(values) - 1, 1)


def test_rate_is_chosen_on_the_tuning_seeds():
    best, other, bad = study.rates
    made = [
        dict(task="copy", variant="a", rate=rate, seed=seed, loss=loss)
        for rate, losses in ((best, [0.2, float("nan")]), (other, [0.1, 0.4]), (bad, [0.3, 0.3]))
        for seed, loss in zip(study.tuning_seeds, losses, strict=True)
    ]
    for rate in (best, other):
        made.append(
            dict(task="copy", variant="a", rate=rate, seed=study.reported_seeds[0], loss=0.0)
        )
    results = {"runs": made}
    assert study.chosen_rate(results, "copy", "a") == other
    assert study.reported(results, "copy", "a") == [made[-1]]
