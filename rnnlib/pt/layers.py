"""Layers over time in PyTorch.  Mirror: rnnlib/tf/layers.py."""

import torch
from torch import nn
from torch.nn.functional import embedding
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnlib import cells, checks, weights
from rnnlib.engines import Named, Seed
from rnnlib.errors import ExportError
from rnnlib.pt.convert import DType, Module, Tensor, array, check, parameter
from rnnlib.pt.registry import kind_of, make_cell
from rnnlib.trees import map_leaves, match_form

State = Tensor | tuple | list | None  # of a cell; of a stack, a list; of two directions, a pair
Lengths = Tensor | None


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
        x, lengths = check_input(x, *inputs_of(self.cell), lengths)
        _check_graph(x)
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

    `cell` is "elman", "lstm" or "gru", or such a name with options.  The weights are those of our cell, by its names and
    in its layout, and the framework's layer is a function of them.  Surplus biases (PyTorch's second one, most of the
    recurrent ones of both GRUs) are zeros of that function and no parameters: both frameworks train the same model.
    ValueError for a cell that the framework has no layer for.  With `return_sequences=False`, y (B, H) is the output at
    the last valid step alone.
    """

    def __init__(
        self,
        cell: Named,
        input_size: int,
        hidden_size: int,
        return_sequences: bool = True,
        rng: Seed = 0,
        dtype: str = "float32",
    ):
        super().__init__()
        refuse(lacks(cell))
        self.cell = make_cell(cell, input_size, hidden_size, rng, dtype)
        self.input_size = self.cell.input_size
        self.hidden_size = self.output_size = self.cell.hidden_size
        self.return_sequences = checks.flag(return_sequences, "return_sequences")

    def forward(self, x: Tensor, state: State = None, lengths: Lengths = None) -> tuple[Tensor, State]:
        """x (B, T, D) -> y (B, T, H), final state."""
        return native(self.cell, x, state, lengths, self.return_sequences)


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

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (B, T, E).  On a GPU the lookup itself refuses ids that are not there."""
        checks.rank(ids.shape, "(B, T)", "ids")
        if ids.device.type == "cpu" and not traced() and not checks.trusted():
            checks.ids(ids.detach().numpy(), self.vocab_size, "ids")  # no copy
        return embedding(ids, self.W)


def native(
    cell: Module, x: Tensor, state: State, lengths: Lengths, return_sequences: bool = True
) -> tuple[Tensor, State]:
    """The framework's layer as a function of a cell's weights: x (B, T, D) -> y (B, T, H) or its last step (B, H), final state.

    It is the operator that nn.RNN, nn.LSTM and nn.GRU call.  Their weights have a gate's numbers in rows, ours in
    columns; the order of the gates is the same.
    """
    x, lengths = check_input(x, cell.input_size, cell.W_x.dtype, lengths)
    _check_steps(x)
    zeros = cell.initial_state(x)
    state = zeros if state is None else check_state(state, zeros)
    operator = torch.gru if kind_of(cell) == "gru" else torch.lstm
    if kind_of(cell) == "elman":
        operator = torch.rnn_tanh if cell.phi is torch.tanh else torch.rnn_relu
    two = kind_of(cell) == "lstm"
    second = torch.zeros_like(cell.b)
    if kind_of(cell) == "gru":
        second = torch.cat([second[: -cell.hidden_size], cell.b_n])
    first = [part[None] for part in state] if two else [state[None]]  # (1, B, H)
    train = torch.is_grad_enabled()
    rest = (
        [cell.W_x.T, cell.W_h.T, cell.b, second],
        True,
        1,
        0.0,
        train,
        False,
    )  # one layer, one direction
    if lengths is None:
        y, *last = operator(x, first if two else first[0], *rest, True)  # batch first
    else:
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        first = [part.index_select(1, packed.sorted_indices) for part in first]
        data, *last = operator(packed.data, packed.batch_sizes, first if two else first[0], *rest)
        last = [part.index_select(1, packed.unsorted_indices) for part in last]
        y = PackedSequence(data, *packed[1:])
    h, *c = [part[0] for part in last]
    state = (h, c[0]) if two else h
    if not return_sequences:
        return h, state
    if lengths is not None:
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
    return y, state


def lacks(cell: Named) -> str | None:
    """Why the framework has no layer for such a cell, or None where it has one."""
    return cells.lacks("torch", cell)


def unnative(cell: Module) -> str | None:
    """Why the framework has no layer for a cell, or None where it has one."""
    kind = kind_of(cell)
    if kind is None:
        return f"PyTorch has no layer for {type(cell).__name__}"
    options = cells.row(kind).options
    return lacks((kind, {name: getattr(cell, name, option.default) for name, option in options.items()}))


def refuse(why: str | None) -> None:
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


def check_input(
    x: Tensor, input_size: int | None, dtype: DType | None, lengths: Lengths
) -> tuple[Tensor, Lengths]:
    """What the door of a layer over time refuses -> x with zeros for padding, lengths (B,) as a tensor beside x.

    Where the size or the dtype of the inputs is not known, None, they are not checked.
    Padding may hold anything, NaN too: what a layer does with a zero can be multiplied by the gradient 0.  Where something
    traces, there are no numbers to check, and lengths stay what the graph gets.
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x must be a tensor, got {type(x).__name__}: rnn.tensor(x) makes one")
    checks.rank(x.shape, "(B, T, D)", "x")
    if input_size is not None and x.shape[2] != input_size:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has {x.shape[2]} features, this layer takes {input_size}"
        )
    if dtype is not None and x.dtype != dtype:
        raise TypeError(
            f"x is {x.dtype}, the weights are {dtype}: convert x, or build with another dtype="
        )
    if lengths is None:
        return x, None
    if not traced():
        lengths = checks.lengths(array(torch.as_tensor(lengths)), x.shape[0], x.shape[1])
    lengths = torch.as_tensor(lengths, device=x.device)
    valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (B, T)
    return torch.where(valid[:, :, None], x, 0), lengths


def traced() -> bool:
    """Whether a tracer or an exporter follows this call, so that tensors have no numbers to look at."""
    return torch.jit.is_tracing() or torch.compiler.is_exporting()


def _check_graph(x: Tensor) -> None:
    """Whether an exporter can follow our loops: they have a turn for each step, and a graph has as many for ever.

    Raises ExportError where the number of steps would be frozen in silence, or cannot be left free.
    """
    if torch.jit.is_tracing():
        raise ExportError(
            "torch.jit.trace, and torch.onnx.export with dynamo=False, would keep the number of steps of this example for "
            "ever, whatever x comes later. Export with torch.export.export or torch.onnx.export(..., dynamo=True), which "
            "hold later inputs to that number; or build with cell='elman', 'lstm' or 'gru' and native=None: the "
            "framework's layer leaves it free"
        )
    _check_steps(x)


def _check_steps(x: Tensor) -> None:
    """torch.export leaves the number of steps free in no engine: ExportError where it is asked to."""
    if torch.compiler.is_exporting() and isinstance(x.shape[1], torch.SymInt):
        raise ExportError(
            "torch.export cannot leave the number of steps of a recurrent layer free. Mark the batch alone as "
            "dynamic, dynamic_shapes={'x': {0: Dim('B')}, ...}, pad x to the number of steps of the example and "
            "give lengths; or, with cell='elman', 'lstm' or 'gru' and native=None, use torch.jit.trace or "
            "torch.onnx.export(..., dynamo=False), which leave it free"
        )


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
