"""Layers over time in PyTorch.  Mirror: rnnlib/tf/layers.py."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnlib import cells, checks, weights
from rnnlib.pt.convert import array, assign, check, dtype_of, parameter
from rnnlib.trees import map_leaves, match_form


class Recurrent(nn.Module):
    """Any cell over time: x (B, T, D) -> y (B, T, H), final state.  A plain loop, one turn for each step.

    The cell may be the reader's own: a module with `hidden_size`, `initial_state(x)` and the call
    (x (B, D), state) -> y (B, H), new state.  Its state may be one tensor or any nesting of tuples,
    lists and dicts of tensors of any rank, each with the batch as its first axis.  `state` is what
    the cell takes, its initial state if None.  With `lengths` (B,), y is 0 after the end of a
    sequence and the final state is the one at its last valid step.
    """

    def __init__(self, cell):
        check(cell)
        check_cell(cell)
        super().__init__()
        self.cell = cell
        self.output_size = cell.hidden_size

    def forward(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = check_input(x, *inputs_of(self.cell), lengths)
        first = self.cell.initial_state(x)
        state = first if state is None else check_state(state, first)
        ys = []
        for t in range(x.shape[1]):
            y, new = self.cell(x[:, t], state)
            if lengths is not None:
                valid = t < lengths  # (B,)
                y, new = where(valid, y, torch.zeros_like(y)), where(valid, new, state)
            state = new
            ys.append(y)
        return torch.stack(ys, dim=1), state


class Native(nn.Module):
    """The framework's own layer behind the call of `Recurrent`: x (B, T, D) -> y (B, T, H), final state.

    `cell` is "elman", "lstm" or "gru", or such a name with options.  Our initial weights and names.
    The surplus bias of PyTorch and of both GRUs stays frozen at 0, so that both frameworks train
    the same model.  ValueError for a cell that the framework has no layer for.  With
    `return_sequences=False`, y (B, H) is the output at the last valid step alone.
    """

    def __init__(self, cell, input_size, hidden_size, return_sequences=True, rng=0, dtype="float32"):
        super().__init__()
        self.kind, options = cells.named(cell)
        refuse(lacks(cell))
        self.input_size = checks.positive(input_size, "input_size")
        self.hidden_size = self.output_size = checks.positive(hidden_size, "hidden_size")
        self.return_sequences = return_sequences
        sizes = dict(input_size=self.input_size, hidden_size=self.hidden_size)
        sizes.update(batch_first=True, dtype=dtype_of(dtype))
        if self.kind == "elman":
            self.layer = nn.RNN(nonlinearity=options.pop("activation"), **sizes)
        else:
            self.layer = {"lstm": nn.LSTM, "gru": nn.GRU}[self.kind](**sizes)
        self.layer.bias_hh_l0.requires_grad_(self.kind == "gru")
        self.surplus = 2 * hidden_size if self.kind == "gru" else 0  # trainable numbers that stay at 0
        self.to_native(weights.draw(self.kind, input_size, hidden_size, rng, **options))

    def from_native(self, read=array):
        """Our parameters {name: array} out of the framework's layer."""
        return weights.from_torch(self.kind, {name: read(p) for name, p in self.layer.named_parameters()})

    def to_native(self, p):
        """Our parameters into the framework's layer."""
        for name, value in weights.to_torch(self.kind, p).items():
            assign(getattr(self.layer, name), value)

    def forward(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = check_input(x, self.input_size, self.layer.weight_ih_l0.dtype, lengths)
        if self.surplus and not self.layer.bias_hh_l0._backward_hooks:  # a copy of the layer has lost it
            self.layer.bias_hh_l0.register_hook(self._freeze)
        if state is not None:
            zeros = x.new_zeros(x.shape[0], self.hidden_size)
            state = check_state(state, (zeros, zeros) if self.kind == "lstm" else zeros)
            state = tuple(s[None] for s in state) if self.kind == "lstm" else state[None]  # (1, B, H)
        if lengths is None:
            y, state = self.layer(x, state)
        else:
            packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
            y, state = self.layer(packed, state)
        state = tuple(s[0] for s in state) if self.kind == "lstm" else state[0]
        if not self.return_sequences:
            return state[0] if self.kind == "lstm" else state, state
        if lengths is not None:
            y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
        return y, state

    def _freeze(self, grad):
        """The gradient of the second bias (3H,), 0 but for the candidate's part."""
        return torch.cat([torch.zeros_like(grad[: self.surplus]), grad[self.surplus :]])


class Linear(nn.Module):
    """x (..., D) -> x @ W + b (..., K).  W (D, K) drawn Glorot-uniform, b (K,) zero."""

    def __init__(self, input_size, output_size, rng=0, dtype="float32"):
        super().__init__()
        checks.positive(input_size, "input_size")
        checks.positive(output_size, "output_size")
        self.W = parameter(weights.glorot(weights.seeds(rng, 1)[0], input_size, output_size), dtype, "W")
        self.b = parameter([0.0] * output_size, dtype, "b")

    def forward(self, x):
        """x (..., D) -> (..., K)."""
        return x @ self.W + self.b


class Embedding(nn.Module):
    """ids (B, T) -> vectors (B, T, E).  W (V, E) drawn normal with standard deviation E ** -0.5."""

    def __init__(self, vocab_size, size, rng=0, dtype="float32"):
        super().__init__()
        self.vocab_size = checks.positive(vocab_size, "vocab_size")
        self.W = parameter(weights.embedding(weights.seeds(rng, 1)[0], vocab_size, size), dtype, "W")

    def forward(self, ids):
        """ids (B, T) -> (B, T, E)."""
        checks.rank(ids.shape, "(B, T)", "ids")
        if not checks.trusted():
            checks.ids(array(ids), self.vocab_size, "ids")
        return self.W[ids]


def lacks(cell):
    """Why the framework has no layer for such a cell, or None where it has one."""
    return cells.lacks("torch", cell)


def refuse(why):
    """ValueError for a cell without a layer of the framework's own; nothing for None."""
    if why is not None:
        raise ValueError(f"{why}: leave native out, or use native=False, Recurrent or Derived")


def where(valid, new, old):
    """Take `new` where valid (B,), else `old`, in every leaf of a state, along its first axis."""

    def choose(new, old):
        mask = valid.reshape(-1, *[1] * (new.ndim - 1))  # (B, 1, ...)
        return torch.where(mask, new, old)

    return map_leaves(choose, new, old)


def check_cell(cell):
    """What `Recurrent` asks of a cell; TypeError says what is not there."""
    missing = [name for name in ("hidden_size", "initial_state") if not hasattr(cell, name)]
    if missing:
        raise TypeError(
            f"{type(cell).__name__} is no cell: it lacks {' and '.join(missing)}; a cell has hidden_size, "
            "initial_state(x) and the call (x (B, D), state) -> y (B, H), new state"
        )


def inputs_of(cell):
    """The size and the dtype of a cell's inputs, None for what it does not tell: the dtype is that
    of its parameters."""
    dtypes = [p.dtype for p in cell.parameters() if p.is_floating_point()]
    return getattr(cell, "input_size", None), dtypes[0] if dtypes else None


def check_input(x, input_size, dtype, lengths):
    """What the door of a layer over time refuses; returns the lengths as a tensor beside x.

    Where the size or the dtype of the inputs is not known, None, they are not checked.
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x must be a tensor, got {type(x).__name__}: rnn.tensor(x) makes one")
    checks.rank(x.shape, "(B, T, D)", "x")
    if input_size is not None and x.shape[2] != input_size:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has {x.shape[2]} features, this layer takes {input_size}"
        )
    if dtype is not None and x.dtype != dtype:
        raise TypeError(f"x is {x.dtype}, the weights are {dtype}: convert x, or build with another dtype=")
    if lengths is None or checks.trusted():
        return None if lengths is None else torch.as_tensor(lengths, device=x.device)
    checked = checks.lengths(array(torch.as_tensor(lengths)), x.shape[0], x.shape[1])
    return torch.as_tensor(checked, device=x.device)


def check_state(state, like):
    """The first state has the form, the shapes and the dtype of `like`: one tensor, or any nesting
    of such."""
    return map_leaves(check_leaf, match_form(state, like), like)


def check_leaf(state, like):
    """One tensor of a state has the shape and the dtype of `like`."""
    if not isinstance(state, torch.Tensor):
        raise TypeError(f"state must hold tensors, got {type(state).__name__}: rnn.tensor(array) makes one")
    if tuple(state.shape) != tuple(like.shape):
        raise ValueError(f"state must have shape {tuple(like.shape)}, got {tuple(state.shape)}")
    if state.dtype != like.dtype:
        raise TypeError(f"state is {state.dtype}, x is {like.dtype}: convert one of them")
    return state
