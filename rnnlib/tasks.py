"""Made tasks that isolate one ability of a sequence model.  Seeded NumPy: both frameworks see the same data."""

import numpy as np

from rnnlib import checks


def adding(num_examples, T, rng=0):
    """The adding problem: x (N, T, 2), y (N, 1) float32.

    Channel 0 holds uniform numbers in [0, 1), channel 1 marks two steps with 1, one in each half; the target is the sum of
    the two marked numbers.  Always answering 1 has a mean squared error of 1/6.
    Source: Hochreiter & Schmidhuber 1997, sec. 5.4; with one mark in each half as in Arjovsky et al. 2016.
    """
    checks.positive(num_examples, "num_examples")
    if checks.positive(T, "T") < 2:
        raise ValueError(f"the adding problem marks two steps: T must be at least 2, got {T}")
    rng = np.random.default_rng(rng)
    x = np.zeros((num_examples, T, 2), "float32")
    x[:, :, 0] = rng.uniform(size=(num_examples, T))
    first, second = rng.integers(0, T // 2, num_examples), rng.integers(T // 2, T, num_examples)
    rows = np.arange(num_examples)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return x, (x[rows, first, 0] + x[rows, second, 0])[:, None]


def delayed_xor(num_examples, T, delay=2, rng=0):
    """Bits in, at each step the exclusive or of this bit and the one `delay` steps before: x (N, T, 1), y (N, T) int64.

    The present bit alone says nothing about the answer: without memory no model beats one half.  The first `delay`
    answers take the missing bits as 0.
    """
    checks.positive(num_examples, "num_examples")
    if not 0 < checks.positive(delay, "delay") < checks.positive(T, "T"):
        raise ValueError(f"delay must be shorter than the sequence: got delay {delay}, T {T}")
    bits = np.random.default_rng(rng).integers(0, 2, size=(num_examples, T))
    earlier = np.zeros_like(bits)
    earlier[:, delay:] = bits[:, :-delay]
    return bits[:, :, None].astype("float32"), bits ^ earlier


def flip_flop(num_examples, T, rate=0.1, rng=0):
    """A lamp with two buttons: x (N, T, 1) is +1 (on), -1 (off) or 0 (no button), y (N, T) int64 is 1 while the lamp is on.

    At the first step a button is pressed, at each later one with probability `rate`; both are as likely.
    The best answer from the last k inputs, none of them the first, is right with probability 1 - (1 - rate) ** k / 2: where they
    hold no press it is a guess.  Source: the one-bit case of the flip-flop task of Sussillo & Barak 2013.
    """
    checks.positive(num_examples, "num_examples")
    checks.positive(T, "T")
    if not 0 < rate <= 1:
        raise ValueError(
            f"rate is the probability of a press at each step, above 0 and at most 1: got {rate}"
        )
    rng = np.random.default_rng(rng)
    pressed = rng.uniform(size=(num_examples, T)) < rate
    pressed[:, 0] = True
    x = np.where(pressed, rng.choice([-1, 1], size=(num_examples, T)), 0)
    last = np.maximum.accumulate(np.where(pressed, np.arange(T), 0), axis=1)  # (N, T) step of the last press
    return x[:, :, None].astype("float32"), (np.take_along_axis(x, last, axis=1) > 0).astype("int64")
