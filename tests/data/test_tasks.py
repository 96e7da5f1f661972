"""Made tasks are what their definitions say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rnnlib.data import synthetic


def test_adding():
    x, y = synthetic.adding(4000, 11, rng=1)
    assert x.shape == (4000, 11, 2) and y.shape == (4000, 1) and x.dtype == y.dtype == np.float32
    assert_array_equal(x[:, :5, 1].sum(axis=1), 1)  # one mark in each half
    assert_array_equal(x[:, 5:, 1].sum(axis=1), 1)
    assert_allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=1), y[:, 0], rtol=1e-6)
    assert_allclose(np.mean((y - 1) ** 2), 1 / 6, rtol=0.05)
    assert_array_equal(synthetic.adding(4000, 11, rng=1)[0], x)
    with pytest.raises(ValueError, match="T must be at least 2, got 1"):
        synthetic.adding(5, 1)


@pytest.mark.parametrize("delay", [1, 3])
def test_delayed_xor(delay):
    x, y = synthetic.delayed_xor(2000, 9, delay, rng=2)
    bits = x[:, :, 0].astype(int)
    assert_array_equal(y[:, delay:], bits[:, delay:] ^ bits[:, :-delay])
    assert_array_equal(y[:, :delay], bits[:, :delay])
    for bit in (0, 1):  # the present bit says nothing about the answer
        assert_allclose(y[:, delay:][bits[:, delay:] == bit].mean(), 0.5, atol=0.03)
    with pytest.raises(ValueError, match="got delay 9, T 9"):
        synthetic.delayed_xor(5, 9, 9)


def test_flip_flop():
    x, y = synthetic.flip_flop(3000, 20, rate=0.2, rng=3)
    assert x.shape == (3000, 20, 1) and x.dtype == np.float32 and y.dtype == np.int64
    assert (x[:, 0] != 0).all() and set(np.unique(x)) == {-1, 0, 1}
    on = np.zeros(3000, bool)
    for t in range(20):
        on = np.where(x[:, t, 0] == 0, on, x[:, t, 0] > 0)
        assert_array_equal(y[:, t], on)
    assert_allclose((x[:, 1:] != 0).mean(), 0.2, atol=0.01)
    silent = (x[:, -4:] == 0).all(axis=(1, 2))  # what a window of four cannot know
    assert_allclose(silent.mean(), 0.8**4, atol=0.03)
    assert_allclose(y[silent, -1].mean(), 0.5, atol=0.05)
    with pytest.raises(ValueError, match="at most 1: got 1.5"):
        synthetic.flip_flop(5, 9, rate=1.5)


def test_parity():
    x, y = synthetic.parity(3000, 12, rng=4)
    assert x.shape == (3000, 12, 1) and x.dtype == np.float32 and y.dtype == np.int64
    odd = np.zeros(3000, bool)
    for t in range(12):
        odd ^= x[:, t, 0] == 1
        assert_array_equal(y[:, t], odd)
    for bit in (0, 1):  # all bits but the first say nothing about the answer
        assert_allclose(y[x[:, -1, 0] == bit, -1].mean(), 0.5, atol=0.05)
    with pytest.raises(ValueError, match="T must be at least 1, got 0"):
        synthetic.parity(5, 0)


def test_delayed_copy():
    x, y = synthetic.delayed_copy(2000, delay=5, length=3, symbols=4, rng=5)
    assert x.shape == y.shape == (2000, 11) and x.dtype == y.dtype == np.int64
    assert_array_equal(y[:, -3:], x[:, :3])
    assert not y[:, :-3].any() and not x[:, 3:8].any() and (x[:, 8:] == 5).all()
    shares = np.stack([(x[:, :3] == symbol).mean(axis=0) for symbol in (1, 2, 3, 4)])
    assert_allclose(shares, 0.25, atol=0.04)
    assert abs(np.corrcoef(x[:, :3].T)[0, 1]) < 0.08  # one symbol says nothing about the next
    with pytest.raises(ValueError, match="at least 2, got 1"):
        synthetic.delayed_copy(5, 3, symbols=1)


@pytest.mark.parametrize("kinds", [1, 3])
def test_brackets(kinds):
    x, y = synthetic.brackets(1500, 25, kinds, max_depth=4, rng=6)
    assert x.shape == y.shape == (1500, 25) and x.max() == 2 * kinds - 1
    depths = []
    for word, answers in zip(x, y, strict=True):  # read with a stack of our own
        stack = []
        for symbol, answer in zip(word, answers, strict=True):
            if symbol < kinds:
                stack.append(symbol)
            else:
                assert stack.pop() == symbol - kinds  # closes what was opened last
            assert answer == (stack[-1] + 1 if stack else 0)
            depths.append(len(stack))
    assert max(depths) == 4 and min(depths) == 0
    # the answer is one of the kinds, all alike, whatever was closed
    after_closing = (x >= kinds) & (y > 0)
    for symbol in range(kinds, 2 * kinds):
        found = y[after_closing & (x == symbol)]
        assert_allclose(
            np.bincount(found, minlength=kinds + 1)[1:] / len(found), 1 / kinds, atol=0.04
        )
    with pytest.raises(ValueError, match="kinds must be at least 1, got 0"):
        synthetic.brackets(5, 9, kinds=0)


@pytest.mark.parametrize(("clauses", "fill"), [(2, 0), (2, 1), (3, 2), (5, 4)])
def test_verdicts_of_a_pair_have_the_same_words_and_neighbours(clauses, fill):
    """So no model of counted words and pairs can tell the two apart, and their labels are
    opposite.
    """
    texts, labels, kinds = synthetic.verdicts(150, clauses, fill, rng=7)
    assert len(texts) == len(labels) == len(kinds) == 300 and labels.dtype == np.int64
    assert_array_equal(labels[::2], 1 - labels[1::2])
    assert_array_equal(kinds[::2], kinds[1::2])
    for one, other in zip(texts[::2], texts[1::2], strict=True):
        one, other = one.split(), other.split()
        assert one != other
        assert sorted(one) == sorted(other)
        pairs = [sorted(zip(words, words[1:], strict=False)) for words in (one, other)]
        assert pairs[0] == pairs[1]
        assert one.count("is") == clauses
    assert set(kinds) == {"but", "although", "order", "negation"}
    assert synthetic.verdicts(150, clauses, fill, rng=7)[0] == texts


def test_verdicts_mean_what_they_say():
    """Read by rules of our own: which clause decides, and what it says."""
    texts, labels, kinds = synthetic.verdicts(300, 3, 2, rng=8)
    for text, label, kind in zip(texts, labels, kinds, strict=True):
        *clauses, _ = text.split(" ,")
        clauses = [clause.split() for clause in clauses]
        starts = [clause[0] for clause in clauses]
        if "but" in starts:
            assert starts.count("but") == 2 and kind in ("but", "negation")
            told = clauses[-1]
        elif "although" in starts:
            (told,) = [clause for clause in clauses if clause[0] == "the"]
            assert kind in ("although", "negation")
        else:
            (told,) = [clause for clause in clauses if clause[0] == "in"]
            assert kind in ("order", "negation") and set(starts) <= {"in", "at", "later"}
        assert ((told[-1] in synthetic.GOOD) != ("not" in told)) == label
        assert ("not" in text.split()) == (kind == "negation")
    share = {kind: labels[(kinds == kind)].mean() for kind in set(kinds)}
    assert share == dict.fromkeys(share, 0.5)
    longer = [
        np.mean([len(text.split()) for text in synthetic.verdicts(50, *how, rng=1)[0]])
        for how in ((2, 1), (4, 4))
    ]
    assert longer[1] > 2 * longer[0]
    for how, message in (
        ((0,), "num_pairs must be at least 1"),
        ((3, 1), "got clauses=1"),
        ((3, 2, 9), "0 to 4, got 9"),
    ):
        with pytest.raises(ValueError, match=message):
            synthetic.verdicts(*how)
