"""Initial weights as NumPy arrays, the same for both frameworks.

Our layout, in the book and in both frameworks: `W_x` (D, nH), `W_h` (H, nH), `b` (nH,), with the n
gates side by side in the order of `GATES`. Row vectors: a = x @ W_x + h @ W_h + b. A GRU with the
reset gate after the product has `b_n` (H,) besides.
"""

from collections.abc import Mapping

import numpy as np

from rnnlib.core import cells, validation
from rnnlib.core.seeds import Seed, child_seeds

Arrays = Mapping[str, np.ndarray]


def glorot(rng: Seed, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform in ±sqrt(6 / (fan_in + fan_out)), shape (fan_in, fan_out).

    Source: Glorot & Bengio 2010, eq. 16.
    """
    bound = np.sqrt(6 / (fan_in + fan_out))
    return np.random.default_rng(rng).uniform(-bound, bound, size=(fan_in, fan_out))


def orthogonal(rng: Seed, size: int) -> np.ndarray:
    """A random orthogonal (size, size) matrix, uniform over all of them.

    Sources: Saxe et al. 2014; Mezzadri 2007 for the signs.
    """
    q, r = np.linalg.qr(np.random.default_rng(rng).normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def embedding(rng: Seed, vocab_size: int, size: int) -> np.ndarray:
    """Normal with standard deviation size ** -0.5, shape (vocab_size, size): vectors of length
    about 1."""
    return np.random.default_rng(rng).normal(
        scale=validation.positive(size, "size") ** -0.5, size=(vocab_size, size)
    )


def draw_weights(
    kind: str,
    input_size: int,
    hidden_size: int,
    rng: Seed,
    **options: str | bool | float,
) -> dict[str, np.ndarray]:
    """Fresh weights of a cell of `rnnlib.core.cells`, float64, each array as the table says.

    Each gate's input block is Glorot-uniform, its recurrent block orthogonal, the rest 0.

    The LSTM's forget-gate bias is 1 unless told otherwise (Gers et al. 2000; Jozefowicz et al.
    2015): at the start the cell remembers.  Each block that is drawn has a seed of its own, in the
    order of the table.
    """
    kind, options = cells.named((kind, options))
    arrays = cells.row(kind).parameters(input_size, hidden_size, **options)
    drawn = [block for array in arrays for block in array.blocks if isinstance(block, str)]
    seed = iter(child_seeds(rng, len(drawn)))
    return {array.name: _start(array, seed) for array in arrays}


def _start(array, seed):
    """One array of the table with its blocks side by side; those at random take a seed each."""
    shape = (*array.shape[:-1], array.shape[-1] // len(array.blocks))
    blocks = []
    for block in array.blocks:
        if block == "glorot":
            blocks.append(glorot(next(seed), *shape))
        elif block == "orthogonal":
            blocks.append(orthogonal(next(seed), shape[-1]))
        else:
            blocks.append(np.full(shape, block, float))
    return np.concatenate(blocks, axis=-1)
