"""How well a language model expects a text: perplexity, bits a character."""

import math

import numpy as np

from rnnlib.core import validation


def perplexity(nats):
    """exp of a mean cross-entropy in nats a token: how many equally likely tokens would be as hard.

    Compares models only over one vocabulary and tokenisation; `bits_per_character` compares across
    them.

    >>> import math
    >>> round(perplexity(math.log(50)), 6)  # as hard as 50 equally likely tokens
    50.0
    """
    return float(np.exp(_entropy(nats, "nats")))


def bits_per_character(total_nats, characters):
    """Cross-entropy of a whole text, summed over its tokens (nats), as bits for each of its
    `characters`.

    >>> import math
    >>> bits_per_character(8 * math.log(2), characters=4)
    2.0
    """
    characters = validation.positive(characters, "characters")
    return _entropy(total_nats, "total_nats") / (math.log(2) * characters)


def _entropy(value, what):
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number, got {value!r}") from None
    if not 0 <= value < np.inf:
        raise ValueError(
            f"{what}={value}: a cross-entropy of discrete tokens is finite and at least 0"
        )
    return value
