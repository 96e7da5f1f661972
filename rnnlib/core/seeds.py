"""Seeds as a tree: child seeds that are a pure function of their parent."""

import numpy as np

Seed = int | np.random.SeedSequence


def child_seeds(rng: Seed, n: int) -> list[np.random.SeedSequence]:
    """n child seeds of `rng` (a whole number or a SeedSequence), a pure function of it.

    SeedSequence.spawn is none: it counts what it has given.

    Raises TypeError for a Generator, whose state moves on: two models built from one would differ.

    >>> [seed.spawn_key for seed in child_seeds(7, 2)]
    [(0,), (1,)]
    >>> first, again = (np.random.default_rng(child_seeds(7, 2)[1]) for _ in range(2))
    >>> bool(first.normal() == again.normal())
    True
    """
    if isinstance(rng, (bool, np.bool_)) or not isinstance(
        rng, (int, np.integer, np.random.SeedSequence)
    ):
        raise TypeError(
            f"rng is a whole number or a numpy SeedSequence, got {type(rng).__name__}: give rng=0"
        )
    if not isinstance(rng, np.random.SeedSequence):
        if rng < 0:
            raise ValueError(f"rng must not be negative, got {rng}")
        rng = np.random.SeedSequence(int(rng))
    return [np.random.SeedSequence(rng.entropy, spawn_key=(*rng.spawn_key, k)) for k in range(n)]
