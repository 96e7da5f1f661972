"""The studies of the LSTM: tasks that ask what they say, starts that are what their names say, a
choice blind to the test text.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from backends import FRAMEWORKS, INSTALLED, framework
from rnnlib.core import rounding
from rnnlib.experiments.lstm import STUDY as lstm
from rnnlib.experiments.lstm import first_bit, intervals

H = lstm.first_bit.hidden_size


def test_first_bit_is_said_once():
    x, y = first_bit(400, 7, rng=1)
    assert x.shape == (400, 7, 2) and y.shape == (400,)
    assert_array_equal(x[:, 0, 1], 2 * y - 1)
    assert not x[:, 1:, 1].any()
    assert abs(np.corrcoef(x[:, :, 0].sum(axis=1), y)[0, 1]) < 0.2  # the noise does not tell
    with pytest.raises(ValueError, match="T"):
        first_bit(4, 0)


def test_intervals_are_n_or_one_more():
    x, y, lengths = intervals(300, 6, rng=1)
    spikes = [np.flatnonzero(row) for row in x[:, :, 0]]
    assert all(len(at) == 2 for at in spikes)
    assert_array_equal([b - a for a, b in spikes], 6 + y)
    assert_array_equal([b + 1 for _, b in spikes], lengths)
    assert lengths.max() == x.shape[1] and set(y) == {0, 1}
    first = np.array([a for a, _ in spikes])
    assert abs(first[y == 0].mean() - first[y == 1].mean()) < 1  # the start does not tell
    with pytest.raises(ValueError, match="at least 2"):
        intervals(4, 1)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_starts(name):
    rnn = framework(name)
    cells = {start: cell(rnn, start, T=50) for start in lstm.first_bit.starts}
    for start in ("forget bias 0", "forget bias 1", "forget bias 3"):
        assert_array_equal(cells[start]["b"], np.repeat([0, float(start[-1]), 0, 0], H))
    b = cells["chrono"]["b"]
    assert_array_equal(b[:H], -b[H : 2 * H])
    memory = 1 + np.exp(b[H : 2 * H])  # 1 / (1 - f)
    assert 2 <= memory.min() < 15 and 35 < memory.max() <= 50 and not b[2 * H :].any()
    uniform = cells["LSTM, uniform"]
    assert (
        0.9 * H**-0.5
        < np.abs(uniform["W_h"]).max()
        <= H**-0.5
        < np.abs(uniform["b"]).max()
        <= 2 * H**-0.5
    )
    W = cells["Elman, orthogonal"]["W_h"]
    assert_allclose(W @ W.T, np.eye(H), atol=rounding.bound(np.eye(H), dtype=W.dtype))


def cell(rnn, start, T):
    p = rnn.params(lstm.build(rnn, start, T, seed=3))
    return {k.removeprefix("rnn.cell."): v for k, v in p.items()}


def test_text_models_are_of_one_size():
    rnn, sizes = framework(INSTALLED[0]), []
    for kind, hidden in lstm.text.cells.values():
        model = rnn.Tagger(lstm.text.embedding_size, hidden, 120, cell=kind, vocab_size=120)
        sizes.append(sum(v.size for v in rnn.params(model).values()))
    assert max(sizes) < 1.01 * min(sizes)


def test_rate_is_chosen_on_validation_text_and_tuning_seeds():
    best, worse, *others = lstm.text.rates
    # validation, test
    bits = {best: (3.0, 9.0), worse: (4.0, 1.0)} | dict.fromkeys(others, (5.0, 1.0))
    runs = [
        dict(
            study="text",
            cell="LSTM",
            rate=rate,
            seed=lstm.text.tuning_seeds[0],
            bits=dict(valid=v, test=t),
        )
        for rate, (v, t) in bits.items()
    ]
    runs += [
        dict(study="text", cell="LSTM", rate=worse, seed=seed, bits=dict(valid=0.0, test=0.0))
        for seed in lstm.text.reported_seeds["text"]
    ]
    assert lstm.chosen_rate({"runs": runs}, "LSTM") == best
