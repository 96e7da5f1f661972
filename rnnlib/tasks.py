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


def parity(num_examples, T, rng=0):
    """Bits in, at each step whether the number of ones so far is odd: x (N, T, 1), y (N, T) int64.

    One bit of memory, but one that every 1 must turn over: without the first bit no model beats one half.
    """
    checks.positive(num_examples, "num_examples")
    bits = np.random.default_rng(rng).integers(0, 2, size=(num_examples, checks.positive(T, "T")))
    return bits[:, :, None].astype("float32"), np.cumsum(bits, axis=1) % 2


def delayed_copy(num_examples, delay, length=4, symbols=4, rng=0):
    """Symbols to remember and to repeat after a pause: x, y (N, T) int64 with T = 2 length + delay.

    x holds `length` symbols 1 to `symbols`, then `delay` blanks 0, then `length` times the sign `symbols` + 1, "now"; y is 0 until
    then and repeats the symbols in their order.  At those steps no model without memory beats 1 / symbols.
    Source: Hochreiter & Schmidhuber 1997; here as in Arjovsky et al. 2016, with the sign "now" at each step to answer.
    """
    checks.positive(num_examples, "num_examples")
    checks.positive(delay, "delay")
    checks.positive(length, "length")
    if checks.positive(symbols, "symbols") < 2:
        raise ValueError(f"one symbol says nothing: symbols must be at least 2, got {symbols}")
    said = np.random.default_rng(rng).integers(1, symbols + 1, size=(num_examples, length))
    x = np.zeros((num_examples, 2 * length + delay), "int64")
    y = np.zeros_like(x)
    x[:, :length], x[:, -length:], y[:, -length:] = said, symbols + 1, said
    return x, y


def brackets(num_examples, T, kinds=2, max_depth=6, rng=0):
    """Nested brackets, and at each step which kind has to close next: x, y (N, T) int64.

    x: 0 to kinds - 1 open a bracket, kinds to 2 kinds - 1 close it (Dyck words, cut off after T steps); y: the kind of the innermost open
    bracket, counted from 1, or 0 where all are closed.  After an opening bracket the answer is that bracket; after a closing one it
    stands further back, and no count of symbols tells it.  Where both are allowed, opening is as likely as closing, and all kinds
    are equally likely.  The depth stays at most `max_depth`: a bounded stack (Hewitt et al. 2020).
    """
    checks.positive(num_examples, "num_examples")
    checks.positive(T, "T")
    checks.positive(kinds, "kinds")
    checks.positive(max_depth, "max_depth")
    rng, rows = np.random.default_rng(rng), np.arange(num_examples)
    stack, depth = np.zeros((num_examples, max_depth + 1), "int64"), np.zeros(num_examples, "int64")
    x, y = np.zeros((2, num_examples, T), "int64")
    for t in range(T):
        opens = (depth == 0) | ((depth < max_depth) & (rng.uniform(size=num_examples) < 0.5))
        kind = np.where(opens, rng.integers(1, kinds + 1, num_examples), stack[rows, depth])
        depth += np.where(opens, 1, -1)
        stack[rows[opens], depth[opens]] = kind[opens]
        x[:, t] = kind - 1 + np.where(opens, 0, kinds)
        y[:, t] = np.where(depth > 0, stack[rows, depth], 0)
    return x, y
