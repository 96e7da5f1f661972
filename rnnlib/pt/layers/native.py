"""The framework's own layers behind our call, in PyTorch.  Mirror: rnnlib/tf/layers/native.py."""

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnlib.core import cells, validation
from rnnlib.core.engines import Named, Seed
from rnnlib.pt.cells.registry import kind_of, make_cell
from rnnlib.pt.convert import Cell, Tensor
from rnnlib.pt.layers.recurrent import Lengths, State, _check_steps, check_input, check_state


class NativeRNN(nn.Module):
    """The framework's own layer behind the call of `RNN`: x (B, T, D) -> y (B, T, H), final state.

    `cell` is "elman", "lstm" or "gru", or such a name with options. The weights are those of our
    cell, by its names and in its layout, and the framework's layer is a function of them. Surplus
    biases (PyTorch's second one, most of the recurrent ones of both GRUs) are zeros of that
    function and no parameters: both frameworks train the same model. ValueError for a cell that the
    framework has no layer for. With `return_sequences=False`, y (B, H) is the output at the last
    valid step alone.
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
        require_native(why_not_native(cell))
        self.cell = make_cell(cell, input_size, hidden_size, rng, dtype)
        self.input_size = self.cell.input_size
        self.hidden_size = self.output_size = self.cell.hidden_size
        self.return_sequences = validation.flag(return_sequences, "return_sequences")

    def forward(
        self, x: Tensor, state: State = None, lengths: Lengths = None
    ) -> tuple[Tensor, State]:
        """x (B, T, D) -> y (B, T, H), final state."""
        return run_native(self.cell, x, state, lengths, self.return_sequences)


def run_native(
    cell: Cell, x: Tensor, state: State, lengths: Lengths, return_sequences: bool = True
) -> tuple[Tensor, State]:
    """The framework's layer as a function of a cell's weights:
    x (B, T, D) -> y (B, T, H) or its last step (B, H), final state.

    It is the operator that nn.RNN, nn.LSTM and nn.GRU call. Their weights have a gate's numbers in
    rows, ours in columns; the order of the gates is the same.
    """
    x, lengths = check_input(x, cell.input_size, cell.W_x.dtype, lengths)
    _check_steps(x)
    start = cell.initial_state(x)
    if state is not None:
        start = check_state(state, start)
    operator = _operator(cell)
    two = kind_of(cell) == "lstm"
    second = torch.zeros_like(cell.b)
    if kind_of(cell) == "gru":
        second = torch.cat([second[: -cell.hidden_size], cell.b_n])
    # (1, B, H)
    if two:
        first = [part[None] for part in start]
    else:
        first = [start[None]]
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
    if two:
        state = (h, c[0])
    else:
        state = h
    if not return_sequences:
        return h, state
    if lengths is not None:
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
    return y, state


def _operator(cell):
    """The framework's function that is a layer of such cells."""
    if kind_of(cell) == "elman":
        if cell.phi is torch.tanh:
            return torch.rnn_tanh
        return torch.rnn_relu
    if kind_of(cell) == "gru":
        return torch.gru
    return torch.lstm


def why_not_native(cell: Named) -> str | None:
    """Why the framework has no layer for such a cell, or None where it has one."""
    return cells.lacks("torch", cell)


def why_cell_not_native(cell: Cell) -> str | None:
    """Why the framework has no layer for a cell, or None where it has one."""
    kind = kind_of(cell)
    if kind is None:
        return f"PyTorch has no layer for {type(cell).__name__}"
    options = cells.row(kind).options
    return why_not_native(
        (kind, {name: getattr(cell, name, option.default) for name, option in options.items()})
    )


def require_native(why: str | None) -> None:
    """ValueError for a cell without a layer of the framework's own; nothing for None."""
    if why is not None:
        raise ValueError(f"{why}: leave native= out, or use native=False, RNN or FusedRNN")
