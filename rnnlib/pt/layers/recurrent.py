"""Any cell over time in PyTorch, and what the doors of such layers refuse.

Mirror: rnnlib/tf/layers/recurrent.py.
"""

from typing import TypeAlias

import torch
from torch import nn

from rnnlib.core import validation
from rnnlib.core.errors import ExportError
from rnnlib.core.trees import map_leaves, match_form
from rnnlib.pt.convert import Cell, DType, Tensor, array, require_module

# of a cell; of a stack, a list; of two directions, a pair
State: TypeAlias = Tensor | tuple | list | None
Lengths: TypeAlias = Tensor | None


class RNN(nn.Module):
    """Any cell over time: x (B, T, D) -> y (B, T, H), final state.

    A plain loop, one turn for each step.

    The cell may be the reader's own: a module with `hidden_size`, `initial_state(x)` and the call
    (x (B, D), state) -> y (B, H), new state.  Its state may be one tensor or any nesting of tuples,
    lists and dicts of tensors of any rank, each with the batch as its first axis.  `state` is what
    the cell takes, its initial state if None.  With `lengths` (B,), y is 0 after the end of a
    sequence and the final state is the one at its last valid step.
    """

    def __init__(self, cell):
        require_module(cell)
        check_cell(cell)
        super().__init__()
        self.cell = cell
        self.output_size = cell.hidden_size

    def forward(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        x, lengths = check_input(x, *inputs_of(self.cell), lengths)
        _check_graph(x)
        first = self.cell.initial_state(x)
        if state is None:
            state = first
        else:
            state = check_state(state, first)
        ys = []
        for t in range(x.shape[1]):
            y, new = self.cell(x[:, t], state)
            if lengths is not None:
                valid = t < lengths  # (B,)
                y = select_state(valid, y, torch.zeros_like(y))
                new = select_state(valid, new, state)
            state = new
            ys.append(y)
        return torch.stack(ys, dim=1), state


def select_state(valid, new, old):
    """Take `new` where valid (B,), else `old`, in every leaf of a state, along its first axis."""

    def choose(new, old):
        mask = valid.reshape(-1, *[1] * (new.ndim - 1))  # (B, 1, ...)
        return torch.where(mask, new, old)

    return map_leaves(choose, new, old)


def check_cell(cell):
    """What `RNN` asks of a cell; TypeError says what is not there."""
    missing = [name for name in ("hidden_size", "initial_state") if not hasattr(cell, name)]
    if missing:
        raise TypeError(
            f"{type(cell).__name__} is no cell: it lacks {' and '.join(missing)}; a cell has "
            "hidden_size, initial_state(x) and the call (x (B, D), state) -> y (B, H), new state"
        )


def inputs_of(cell: Cell) -> tuple[int | None, DType | None]:
    """The size and the dtype of a cell's inputs, None for what it does not tell: the dtype is that
    of its parameters."""
    dtypes = [p.dtype for p in cell.parameters() if p.is_floating_point()]
    return getattr(cell, "input_size", None), dtypes[0] if dtypes else None


def check_input(
    x: Tensor, input_size: int | None, dtype: DType | None, lengths: Lengths
) -> tuple[Tensor, Lengths]:
    """What the door of a layer over time refuses -> x with zeros for padding, lengths (B,) as a
    tensor beside x.

    Where the size or the dtype of the inputs is not known, None, they are not checked. Padding may
    hold anything, NaN too: what a layer does with a zero can be multiplied by the gradient 0. Where
    something traces, there are no numbers to check, and lengths stay what the graph gets.
    """
    if not isinstance(x, torch.Tensor):
        raise TypeError(f"x must be a tensor, got {type(x).__name__}: rnn.tensor(x) makes one")
    validation.rank(x.shape, "(B, T, D)", "x")
    if input_size is not None and x.shape[2] != input_size:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has {x.shape[2]} features, this layer takes "
            f"{input_size}: build it with input_size={x.shape[2]}"
        )
    if dtype is not None and x.dtype != dtype:
        raise TypeError(
            f"x is {x.dtype}, the weights are {dtype}: give x.to({dtype}), or build with another "
            "dtype, such as dtype='float64'"
        )
    if lengths is None:
        return x, None
    if not is_traced():
        lengths = validation.lengths(array(torch.as_tensor(lengths)), x.shape[0], x.shape[1])
    lengths = torch.as_tensor(lengths, device=x.device)
    valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (B, T)
    return torch.where(valid[:, :, None], x, 0), lengths


def is_traced() -> bool:
    """Whether a tracer or an exporter follows this call, so that tensors have no numbers to look
    at.
    """
    return torch.jit.is_tracing() or torch.compiler.is_exporting()


def _check_graph(x: Tensor) -> None:
    """Whether an exporter can follow our loops: they have a turn for each step, and a graph has as
    many for ever.

    Raises ExportError where the number of steps would be frozen in silence, or cannot be left free.
    """
    if torch.jit.is_tracing():
        raise ExportError(
            "torch.jit.trace, and torch.onnx.export with dynamo=False, would keep the number of "
            "steps of this example for ever, whatever x comes later. Export with "
            "torch.export.export or torch.onnx.export(..., dynamo=True), which hold later inputs "
            "to that number; or build with cell='elman', 'lstm' or 'gru' and native=None: the "
            "framework's layer leaves it free"
        )
    _check_steps(x)


def _check_steps(x: Tensor) -> None:
    """torch.export leaves the number of steps free in no engine:
    ExportError where it is asked to.
    """
    if torch.compiler.is_exporting() and isinstance(x.shape[1], torch.SymInt):
        raise ExportError(
            "torch.export cannot leave the number of steps of a recurrent layer free. Mark the "
            "batch alone as dynamic, dynamic_shapes={'x': {0: Dim('B')}, ...}, pad x to the "
            "number of steps of the example and give lengths; or, with cell='elman', 'lstm' or "
            "'gru' and native=None, use torch.jit.trace or torch.onnx.export(..., dynamo=False), "
            "which leave it free"
        )


def check_state(state, like):
    """The first state has the form, the shapes and the dtype of `like`: one tensor, or any nesting
    of such."""
    return map_leaves(check_leaf, match_form(state, like), like)


def check_leaf(state, like):
    """One tensor of a state has the shape and the dtype of `like`."""
    if not isinstance(state, torch.Tensor):
        raise TypeError(
            f"state must hold tensors, got {type(state).__name__}: rnn.tensor(array) makes one"
        )
    if tuple(state.shape) != tuple(like.shape):
        raise ValueError(f"state must have shape {tuple(like.shape)}, got {tuple(state.shape)}")
    if state.dtype != like.dtype:
        raise TypeError(f"state is {state.dtype}, x is {like.dtype}: give state.to({like.dtype})")
    return state
