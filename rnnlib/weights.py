"""Weights as NumPy arrays: how they are drawn, and moved between our layout and the frameworks' own layers.

Our layout, in the book and in both frameworks: `W_x` (D, nH), `W_h` (H, nH), `b` (nH,), with the n gates side by side in the order
of GATES.  Row vectors: a = x @ W_x + h @ W_h + b.  A GRU with the reset gate after the product has `b_n` (H,) besides.
"""

import numpy as np

from rnnlib import checks

GATES = {  # our order; the letters name the blocks
    "elman": "h",
    "lstm": "ifgo",
    "gru": "rzn",
    "sru": "ufr",
    "mingru": "zn",
    "minlstm": "ifn",
}
TORCH = {"elman": "h", "lstm": "ifgo", "gru": "rzn"}  # order of weight_ih_l0's blocks of rows
KERAS = {
    "elman": "h",
    "lstm": "ifgo",
    "gru": "zrn",
}  # order of kernel's blocks of columns: Keras calls g "c" and n "h"
CELLS = {  # name -> its options with their defaults: what models take as `cell`
    "elman": {"activation": "tanh"},
    "lstm": {"peepholes": False, "forget_bias": 1.0},
    "gru": {"reset_after": True},
    "sru": {},
    "mingru": {},
    "minlstm": {},
    "tcn": {"kernel_size": 3, "num_layers": 4},
}


def seeds(rng, n):
    """n child seeds of `rng` (a whole number or a SeedSequence): a pure function of it, unlike SeedSequence.spawn.

    Raises TypeError for a Generator, whose state moves on: two models built from one would differ.
    """
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer, np.random.SeedSequence)):
        raise TypeError(f"rng is a whole number or a numpy SeedSequence, got {type(rng).__name__}")
    if not isinstance(rng, np.random.SeedSequence):
        if rng < 0:
            raise ValueError(f"rng must not be negative, got {rng}")
        rng = np.random.SeedSequence(int(rng))
    return [np.random.SeedSequence(rng.entropy, spawn_key=(*rng.spawn_key, k)) for k in range(n)]


def glorot(rng, fan_in, fan_out):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)), shape (fan_in, fan_out).  Glorot & Bengio 2010, eq. 16."""
    bound = np.sqrt(6 / (fan_in + fan_out))
    return np.random.default_rng(rng).uniform(-bound, bound, size=(fan_in, fan_out))


def orthogonal(rng, size):
    """A random orthogonal (size, size) matrix, uniform over all of them.  Saxe et al. 2014; Mezzadri 2007 for the signs."""
    q, r = np.linalg.qr(np.random.default_rng(rng).normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def embedding(rng, vocab_size, size):
    """Normal with standard deviation size ** -0.5, shape (vocab_size, size): vectors of length about 1."""
    return np.random.default_rng(rng).normal(
        scale=checks.positive(size, "size") ** -0.5, size=(vocab_size, size)
    )


def draw(kind, input_size, hidden_size, rng, peepholes=False, forget_bias=1.0, reset_after=True):
    """Fresh weights of a cell, float64: each gate's input block Glorot, its recurrent block orthogonal, the rest 0.

    The LSTM's forget-gate bias is 1 unless told otherwise (Gers et al. 2000; Jozefowicz et al. 2015): at the start the cell
    remembers.  Peepholes start at 0, so that the cell starts as the plain LSTM.
    """
    H, n = hidden_size, len(GATES[kind])
    if kind == "sru" and input_size != hidden_size:
        n = 4  # a block that brings the input to the size of the output
    seed = seeds(rng, 2 * n)
    p = {"W_x": np.concatenate([glorot(s, input_size, H) for s in seed[:n]], axis=1)}
    if kind in TORCH:
        p["W_h"] = np.concatenate([orthogonal(s, H) for s in seed[n:]], axis=1)
    p["b"] = np.zeros(2 * H if kind == "sru" else n * H)  # the SRU's candidate has none
    if kind == "lstm":
        p["b"][H : 2 * H] = forget_bias
        if peepholes:
            p.update(p_i=np.zeros(H), p_f=np.zeros(H), p_o=np.zeros(H))
    if kind == "gru" and reset_after:
        p["b_n"] = np.zeros(H)
    if kind == "sru":
        p.update(v_f=np.zeros(H), v_r=np.zeros(H))
    return p


def reorder(array, have, want):
    """Rearrange the gate blocks along the last axis, e.g. from "ifgo" to "ifog"."""
    blocks = dict(zip(have, np.split(array, len(have), axis=-1), strict=True))
    return np.concatenate([blocks[gate] for gate in want], axis=-1)


def places(num_layers=1, bidirectional=False):
    """(our prefix, PyTorch's suffix) of each cell of a stack, in the order in which both frameworks file them."""
    for k in range(num_layers):
        layer = "" if num_layers == 1 else f"layers.{k}."
        if not bidirectional:
            yield f"{layer}cell.", f"_l{k}"
        else:
            yield from ((f"{layer}fwd.cell.", f"_l{k}"), (f"{layer}bwd.cell.", f"_l{k}_reverse"))


def to_torch(kind, p, num_layers=1, bidirectional=False):
    """Our parameters -> the arrays of nn.RNN, nn.LSTM or nn.GRU; the surplus bias is 0.

    One cell: names as in `draw`.  A stack, or two directions: dotted names as in `rnn.params`, see `places`.
    """
    if num_layers > 1 or bidirectional:
        cells = [(suffix, below(p, prefix)) for prefix, suffix in places(num_layers, bidirectional)]
        return {
            name.replace("_l0", suffix): value
            for suffix, cell in cells
            for name, value in to_torch(kind, cell).items()
        }
    W_x, W_h, b = (reorder(p[name], GATES[kind], TORCH[kind]) for name in ("W_x", "W_h", "b"))
    second = np.zeros_like(b)
    if kind == "gru":
        second[-len(W_h) :] = needed(p, "b_n", "PyTorch's GRU applies the reset gate after the product")
    return {"weight_ih_l0": W_x.T, "weight_hh_l0": W_h.T, "bias_ih_l0": b, "bias_hh_l0": second}


def from_torch(kind, arrays, num_layers=1, bidirectional=False):
    """The arrays of nn.RNN, nn.LSTM or nn.GRU -> our parameters.

    The two biases are added, except that a GRU keeps the second one of its candidate apart: the function is the same.
    """
    if num_layers > 1 or bidirectional:
        return {
            prefix + name: value
            for prefix, suffix in places(num_layers, bidirectional)
            for name, value in from_torch(kind, {f"{w}_l0": arrays[w + suffix] for w in TORCH_NAMES}).items()
        }
    first, second = arrays["bias_ih_l0"], arrays["bias_hh_l0"]
    if kind == "gru":
        keep = len(first) // 3 * 2
        second, b_n = np.concatenate([second[:keep], np.zeros_like(second[keep:])]), second[keep:]
    ours = {"W_x": arrays["weight_ih_l0"].T, "W_h": arrays["weight_hh_l0"].T, "b": first + second}
    ours = {name: reorder(value, TORCH[kind], GATES[kind]) for name, value in ours.items()}
    return {**ours, "b_n": b_n} if kind == "gru" else ours


TORCH_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def to_keras(kind, p, num_layers=1, bidirectional=False):
    """Our parameters -> [kernel, recurrent_kernel, bias] of SimpleRNN, LSTM or GRU.

    Of a stack one after the other.  A GRU with `b_n` gets the bias (2, 3H) of
    `reset_after=True`, whose second row is 0 but for the candidate; without,
    the bias (3H,) of `reset_after=False`.
    """
    if num_layers > 1 or bidirectional:
        cells = [below(p, prefix) for prefix, _ in places(num_layers, bidirectional)]
        return [array for cell in cells for array in to_keras(kind, cell)]
    orders, names = (GATES[kind], KERAS[kind]), ("W_x", "W_h", "b")
    W_x, W_h, b = (reorder(p[name], *orders) for name in names)
    if "b_n" in p:
        b = np.stack([b, np.concatenate([np.zeros(2 * len(W_h), b.dtype), p["b_n"]])])
    return [W_x, W_h, b]


def from_keras(kind, arrays, num_layers=1, bidirectional=False):
    """[kernel, recurrent_kernel, bias] of SimpleRNN, LSTM or GRU, of a stack one after the other -> our parameters.

    Of a bias (2, 3H) the two rows are added, except that the candidate's second one is kept apart.
    """
    if num_layers > 1 or bidirectional:
        return {
            prefix + name: value
            for i, (prefix, _) in enumerate(places(num_layers, bidirectional))
            for name, value in from_keras(kind, arrays[3 * i : 3 * i + 3]).items()
        }
    W_x, W_h, b = arrays
    p = {"W_x": W_x, "W_h": W_h, "b": b}
    if np.ndim(b) == 2:
        keep = 2 * len(W_h)
        p["b"] = b[0] + np.concatenate([b[1, :keep], np.zeros_like(b[1, keep:])])
        p["b_n"] = b[1, keep:]
    return {name: v if name == "b_n" else reorder(v, KERAS[kind], GATES[kind]) for name, v in p.items()}


def below(p, prefix):
    """The parameters whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in p.items() if name.startswith(prefix)}


def needed(p, name, why):
    """p[name], or ValueError that says why it must be there."""
    if name not in p:
        raise ValueError(f"{name} is missing: {why}")
    return p[name]


HINTS = {  # what a parameter that one cell has and another lacks says about the two
    "b_n": "a GRU has b_n with reset_after=True and not with reset_after=False",
    "p_i": "an LSTM has p_i, p_f, p_o with peepholes=True and not without",
}


def match(have, given, what):
    """Check that `given` {name: array} has the names and shapes of `have`; finite values.  ValueError says all that differs."""
    problems = [f"{name} {have[name].shape} is missing" for name in have if name not in given]
    problems += [f"{name} {np.shape(given[name])} is not wanted" for name in given if name not in have]
    for name in have:
        if name in given and np.shape(given[name]) != have[name].shape:
            problems.append(f"{name} has shape {np.shape(given[name])}, needs {have[name].shape}")
    if problems:
        differ = {name.split(".")[-1] for name in {*have, *given} if (name in have) != (name in given)}
        problems += [hint for name, hint in HINTS.items() if name in differ]
        raise ValueError(f"these are not the parameters of this {what}: {'; '.join(problems)}")
    return {name: checks.finite(np.asarray(given[name]).astype(have[name].dtype), name) for name in have}
