"""Made tasks that isolate one ability of a sequence model.

Seeded NumPy: both frameworks see the same data.
"""

import numpy as np

from rnnlib.core import validation


def adding(num_examples, T, rng=0):
    """The adding problem: x (N, T, 2), y (N, 1) float32.

    Channel 0 holds uniform numbers in [0, 1), channel 1 marks two steps with 1, one in each half;
    the target is the sum of the two marked numbers. Always answering 1 has a mean squared error of
    1/6. Source: Hochreiter & Schmidhuber 1997, sec. 5.4; with one mark in each half as in Arjovsky
    et al. 2016.
    """
    validation.positive(num_examples, "num_examples")
    if validation.positive(T, "T") < 2:
        raise ValueError(f"the adding problem marks two steps: T must be at least 2, got {T}")
    rng = np.random.default_rng(rng)
    x = np.zeros((num_examples, T, 2), "float32")
    x[:, :, 0] = rng.uniform(size=(num_examples, T))
    first = rng.integers(0, T // 2, num_examples)
    second = rng.integers(T // 2, T, num_examples)
    rows = np.arange(num_examples)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return x, (x[rows, first, 0] + x[rows, second, 0])[:, None]


def delayed_xor(num_examples, T, delay=2, rng=0):
    """Bits in, at each step the exclusive or of this bit and the one `delay` steps before:
    x (N, T, 1), y (N, T) int64.

    The present bit alone says nothing about the answer: without memory no model beats one half. The
    first `delay` answers take the missing bits as 0.
    """
    validation.positive(num_examples, "num_examples")
    if not 0 < validation.positive(delay, "delay") < validation.positive(T, "T"):
        raise ValueError(
            f"delay must be shorter than the sequence: got delay {delay}, T {T}; "
            f"give delay={T - 1} at most"
        )
    bits = np.random.default_rng(rng).integers(0, 2, size=(num_examples, T))
    earlier = np.zeros_like(bits)
    earlier[:, delay:] = bits[:, :-delay]
    return bits[:, :, None].astype("float32"), bits ^ earlier


def flip_flop(num_examples, T, rate=0.1, rng=0):
    """A lamp with two buttons: x (N, T, 1) is +1 (on), -1 (off) or 0 (no button), y (N, T) int64
    is 1 while the lamp is on.

    At the first step a button is pressed, at each later one with probability `rate`; both are as
    likely. The best answer from the last k inputs, none of them the first, is right with
    probability 1 - (1 - rate) ** k / 2: where they hold no press it is a guess. Source: the one-bit
    case of the flip-flop task of Sussillo & Barak 2013.
    """
    validation.positive(num_examples, "num_examples")
    validation.positive(T, "T")
    if not 0 < rate <= 1:
        raise ValueError(
            f"rate is the probability of a press at each step, above 0 and at most 1: got {rate}"
        )
    rng = np.random.default_rng(rng)
    pressed = rng.uniform(size=(num_examples, T)) < rate
    pressed[:, 0] = True
    x = np.where(pressed, rng.choice([-1, 1], size=(num_examples, T)), 0)
    # (N, T) step of the last press
    last = np.maximum.accumulate(np.where(pressed, np.arange(T), 0), axis=1)
    return x[:, :, None].astype("float32"), (np.take_along_axis(x, last, axis=1) > 0).astype(
        "int64"
    )


def parity(num_examples, T, rng=0):
    """Bits in, at each step whether the number of ones so far is odd: x (N, T, 1), y (N, T) int64.

    One bit of memory, but one that every 1 must turn over: without the first bit no model beats one
    half.

    >>> x, y = parity(1, 6, rng=0)
    >>> x[0, :, 0].astype(int).tolist(), y[0].tolist()
    ([1, 1, 1, 0, 0, 0], [1, 0, 1, 1, 1, 1])
    """
    validation.positive(num_examples, "num_examples")
    bits = np.random.default_rng(rng).integers(
        0, 2, size=(num_examples, validation.positive(T, "T"))
    )
    return bits[:, :, None].astype("float32"), np.cumsum(bits, axis=1) % 2


def delayed_copy(num_examples, delay, length=4, symbols=4, rng=0):
    """Symbols to remember and to repeat after a pause: x, y (N, T) int64 with T = 2 length + delay.

    x holds `length` symbols 1 to `symbols`, then `delay` blanks 0, then `length` times the sign
    `symbols` + 1, "now"; y is 0 until then and repeats the symbols in their order. At those steps
    no model without memory beats 1 / symbols. Source: Hochreiter & Schmidhuber 1997; here as in
    Arjovsky et al. 2016, with the sign "now" at each step to answer.

    >>> x, y, *_ = delayed_copy(1, delay=3, length=2, rng=0)
    >>> x[0].tolist(), y[0].tolist()
    ([4, 3, 0, 0, 0, 5, 5], [0, 0, 0, 0, 0, 4, 3])
    """
    validation.positive(num_examples, "num_examples")
    validation.positive(delay, "delay")
    validation.positive(length, "length")
    if validation.positive(symbols, "symbols") < 2:
        raise ValueError(f"one symbol says nothing: symbols must be at least 2, got {symbols}")
    said = np.random.default_rng(rng).integers(1, symbols + 1, size=(num_examples, length))
    x = np.zeros((num_examples, 2 * length + delay), "int64")
    y = np.zeros_like(x)
    x[:, :length], x[:, -length:], y[:, -length:] = said, symbols + 1, said
    return x, y


def brackets(num_examples, T, kinds=2, max_depth=6, rng=0):
    """Nested brackets, and at each step which kind has to close next: x, y (N, T) int64.

    x: 0 to kinds - 1 open a bracket, kinds to 2 kinds - 1 close it (Dyck words, cut off after T
    steps); y: the kind of the innermost open bracket, counted from 1, or 0 where all are closed.
    After an opening bracket the answer is that bracket; after a closing one it stands further back,
    and no count of symbols tells it. Where both are allowed, opening is as likely as closing, and
    all kinds are equally likely. The depth stays at most `max_depth`: a bounded stack (Hewitt et
    al. 2020).
    """
    validation.positive(num_examples, "num_examples")
    validation.positive(T, "T")
    validation.positive(kinds, "kinds")
    validation.positive(max_depth, "max_depth")
    rng = np.random.default_rng(rng)
    rows = np.arange(num_examples)
    stack = np.zeros((num_examples, max_depth + 1), "int64")
    depth = np.zeros(num_examples, "int64")
    x, y = np.zeros((2, num_examples, T), "int64")
    for t in range(T):
        opens = (depth == 0) | ((depth < max_depth) & (rng.uniform(size=num_examples) < 0.5))
        kind = np.where(opens, rng.integers(1, kinds + 1, num_examples), stack[rows, depth])
        depth += np.where(opens, 1, -1)
        stack[rows[opens], depth[opens]] = kind[opens]
        x[:, t] = kind - 1 + np.where(opens, 0, kinds)
        y[:, t] = np.where(depth > 0, stack[rows, depth], 0)
    return x, y


GOOD = "warm sharp fresh honest clever moving graceful lively".split()
BAD = "flat dull stale hollow clumsy tired shallow lifeless".split()
THINGS = "plot cast score story script camera dialogue ending".split()
DEGREES = "really very truly quite rather awfully terribly".split()
OWNERS = [
    "of the film",
    "of this second half",
    "by the same young team",
    "that everyone talks about",
]
CLOSERS = ["i think", "they say", "in my view", "as far as i can tell"]
FRAMES = ("but", "although", "order")


def verdicts(num_pairs, clauses=2, fill=1, rng=0):
    """Reviews of one sentence in which one clause decides:
    texts (list of 2N str), labels (2N,) int64 1 good or 0 bad, kinds (2N,) str.

    Texts 2k and 2k + 1 are made of the same words and of the same pairs of neighbours, and have
    opposite labels: whatever a model computes from these counts, it is right about exactly one of
    the two.

    clauses  judgements in a sentence, at least 2; fill at most so many words between "is" and the
             adjective, and phrases after a noun
    kinds    "but": the last clause decides; "although": the one that does not begin so; "order":
             the one that begins "in the end", wherever it stands; "negation": one of these, and the
             two texts differ in where "not" stands alone
    """
    validation.positive(num_pairs, "num_pairs")
    if validation.positive(clauses, "clauses") < 2:
        raise ValueError(
            f"two clauses are the least that can contradict each other, got clauses={clauses}"
        )
    if not 0 <= fill <= len(OWNERS):
        raise ValueError(f"fill counts words and phrases: from 0 to {len(OWNERS)}, got {fill}")
    rng = np.random.default_rng(rng)
    texts = []
    labels = []
    kinds = []
    for _ in range(num_pairs):
        kind = str(rng.choice([*FRAMES, "negation"]))
        if kind == "negation":
            frame = str(rng.choice(FRAMES))
        else:
            frame = kind
        if frame == "but":
            deciding = clauses - 1
        else:
            deciding = int(rng.integers(clauses))
        said = [
            _judgement(rng, fill, kind == "negation" and rng.uniform() < 0.5)
            for _ in range(clauses)
        ]
        other = int(rng.choice([k for k in range(clauses) if k != deciding]))
        said[deciding], said[other] = _opposites(rng, fill, kind == "negation")
        openers = _openers(rng, frame, clauses, deciding)
        closer = rng.choice(CLOSERS)
        things = [_thing(rng, fill) for _ in range(clauses)]
        for _ in range(2):
            parts = [
                f"{opener} {thing} is {words} ,".strip()
                for opener, thing, (words, _) in zip(openers, things, said, strict=True)
            ]
            texts.append(" ".join([*parts, closer, "."]))
            labels.append(said[deciding][1])
            kinds.append(kind)
            said[deciding], said[other] = said[other], said[deciding]
    return texts, np.array(labels, "int64"), np.array(kinds)


def _judgement(rng, fill, negated, good=None, adjective=None):
    """What stands after "is", and 1 if it is praise, 0 if blame."""
    if good is None:
        good = bool(rng.integers(2))
    degrees = rng.choice(DEGREES, rng.integers(fill + 1), replace=False).tolist()
    words = ["not"] * negated + degrees + [adjective or rng.choice(GOOD if good else BAD)]
    return " ".join(words), int(good != negated)


def _opposites(rng, fill, by_negation):
    """Two judgements that contradict each other: by their adjectives, or by a "not" before the
    same one; in either order.
    """
    good = bool(rng.integers(2))
    if by_negation:
        word = rng.choice(GOOD if good else BAD)
    else:
        word = None
    pair = [
        _judgement(rng, fill, by_negation, good, word),
        _judgement(rng, fill, False, good if by_negation else not good, word),
    ]
    if rng.integers(2):
        return pair
    return pair[::-1]


def _openers(rng, frame, clauses, deciding):
    """What each clause begins with, and with that which of them decides."""
    if frame == "but":
        return [""] + ["but"] * (clauses - 1)
    if frame == "although":
        return ["" if k == deciding else "although" for k in range(clauses)]
    return [
        "in the end" if k == deciding else str(rng.choice(["at first", "later"]))
        for k in range(clauses)
    ]


def _thing(rng, fill):
    return " ".join(
        ["the", rng.choice(THINGS), *rng.choice(OWNERS, rng.integers(fill + 1), replace=False)]
    )
