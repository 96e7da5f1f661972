"""The study of the adding problem: its starts are what their names say, its choice of a rate is
blind to the reported seeds.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, framework
from rnnlib.core import rounding
from rnnlib.experiments.adding import STUDY as adding

H = adding.starts["LSTM, uniform"].hidden_size


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_starts(name):
    cells = {start: cell(framework(name), start) for start in adding.starts}
    for start in ("Elman, orthogonal", "Elman, orthogonal, 64 units"):
        W = cells[start]["W_h"]
        assert_allclose(W @ W.T, np.eye(len(W)), atol=rounding.bound(np.eye(len(W)), dtype=W.dtype))
    assert_array_equal(cells["ReLU, identity"]["W_h"], np.eye(H))
    assert_array_equal(cells["LSTM, forget bias 1"]["b"][H : 2 * H], 1)
    for start in ("Elman, uniform", "LSTM, uniform"):
        bound = H**-0.5
        assert 0.9 * bound < np.abs(cells[start]["W_h"]).max() <= bound
        assert bound < np.abs(cells[start]["b"]).max() <= 2 * bound  # the sum of two


def cell(rnn, start):
    return {
        k.removeprefix("rnn.cell."): v
        for k, v in rnn.params(adding.build(rnn, start, seed=3)).items()
    }


def test_examples_are_fresh_and_a_shorter_run_is_the_beginning_of_a_longer():
    (long, held_out), (short, _) = adding.data(6, seed=1), adding.data(6, seed=1, updates=2)
    x = np.concatenate([long.x, held_out.x])[:, :, 0]
    assert (
        len(np.unique(x, axis=0))
        == len(x)
        == adding.updates * adding.batch + adding.held_out_examples
    )
    assert_array_equal(short.x, long.x[: 2 * adding.batch])


def test_rate_is_chosen_on_the_tuning_seeds():
    best, worse, gone = adding.rates
    error = {best: [0.2, 0.2], worse: [0.1, 0.4], gone: [0.0, float("nan")]}  # one run diverged
    made = [
        dict(start="a", T=5, rate=rate, seed=seed, error=e)
        for rate in error
        for seed, e in zip(adding.tuning_seeds, error[rate], strict=True)
    ]
    made += [
        dict(start="a", T=5, rate=worse, seed=seed, error=0.0) for seed in adding.reported_seeds
    ]
    made += [dict(start="a", T=6, rate=worse, seed=seed, error=0.0) for seed in adding.tuning_seeds]
    assert adding.chosen_rate({"runs": made}, "a", 5) == best
    assert [run["seed"] for run in adding.reported({"runs": made}, "a", 5)] == list(
        adding.reported_seeds
    )


def test_curve_is_the_mean_of_every_ten():
    assert_array_equal(adding.curve(np.arange(25.0)), [4.5, 14.5])
