"""Cells over time with a way back that is derived by hand, in PyTorch.

Mirror: rnnlib/tf/fused/layer.py.
"""

import torch
from torch import nn

from rnnlib.pt.cells.elman import PHI, ElmanCell
from rnnlib.pt.cells.gru import GRUCell
from rnnlib.pt.cells.lstm import LSTMCell
from rnnlib.pt.cells.mingru import MinGRUCell
from rnnlib.pt.cells.minlstm import MinLSTMCell
from rnnlib.pt.cells.sru import SRUCell
from rnnlib.pt.convert import Cell, Tensor, require_module
from rnnlib.pt.fused.functions import elman, gru, lstm, mingru, sru
from rnnlib.pt.fused.scan import scan
from rnnlib.pt.layers.recurrent import Lengths, State, _check_graph, check_input, check_state


class FusedRNN(nn.Module):
    """Some cells over time, faster than `RNN`, the same function:
    x (B, T, D) -> y (B, T, H), final state.

    The inputs of all steps go through W_x in one product, and the gradient of the rest is derived
    by hand (recurrences.py, scan.py). For ElmanCell, LSTMCell without peepholes, GRUCell with
    reset_after, SRUCell, MinGRUCell and MinLSTMCell; ValueError for any other. Gradients of
    gradients are those of the loop, which is what they cost, too.
    """

    def __init__(self, cell: Cell):
        require_module(cell)
        super().__init__()
        why = why_not_fused(cell)
        if why is not None:
            raise ValueError(
                f"{why}, use rnn.RNN(cell); there is one for ElmanCell, LSTMCell without "
                "peepholes, GRUCell with reset_after=True, SRUCell, MinGRUCell and MinLSTMCell"
            )
        self.cell = cell
        self.output_size = cell.hidden_size

    def forward(
        self, x: Tensor, state: State = None, lengths: Lengths = None
    ) -> tuple[Tensor, State]:
        """x (B, T, D) -> y (B, T, H), final state."""
        return run_fused(self.cell, x, state, lengths)


def run_fused(
    cell: Cell, x: Tensor, state: State = None, lengths: Lengths = None
) -> tuple[Tensor, State]:
    """A cell over time by its function with a gradient derived by hand:
    x (B, T, D) -> y (B, T, H), final state.
    """
    x, lengths = check_input(x, cell.input_size, cell.W_x.dtype, lengths)
    _check_graph(x)
    first = cell.initial_state(x)
    y, states = RUNS[type(cell)](cell, x, first if state is None else check_state(state, first))
    if lengths is None:
        return y, gather_states(states, -1)
    valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]  # (B, T)
    return torch.where(valid[:, :, None], y, 0), gather_states(states, lengths - 1)


def why_not_fused(cell: Cell) -> str | None:
    """Why a cell has no gradient that is derived by hand, or None where it has one."""
    kind = type(cell).__name__
    if getattr(cell, "peepholes", False):
        kind += " with peepholes"
    elif not getattr(cell, "reset_after", True):
        kind += " with reset_after=False"
    elif type(cell) in RUNS:
        return None
    return f"no gradient is derived for {kind}"


def gather_states(states, t):
    """The states at step t, or at each sequence's own step t (B,):
    (B, T, H), or a tuple of such -> (B, H).
    """
    if isinstance(states, tuple):
        return tuple(gather_states(part, t) for part in states)
    if isinstance(t, int):
        return states[:, t]
    return states[torch.arange(t.shape[0], device=t.device), t]


def run_elman(cell, x, h):
    """ElmanCell over time -> y, h of all steps."""
    activation = next(name for name, phi in PHI.items() if phi is cell.phi)
    hs = elman(x, cell.W_x, cell.W_h, cell.b, h, activation)
    return hs, hs


def run_lstm(cell, x, state):
    """LSTMCell over time -> y, (h, c) of all steps."""
    hs, cs = lstm(x, cell.W_x, cell.W_h, cell.b, *state)
    return hs, (hs, cs)


def run_gru(cell, x, h):
    """GRUCell over time -> y, h of all steps."""
    hs = gru(x, cell.W_x, cell.W_h, cell.b, cell.b_n, h)
    return hs, hs


def run_sru(cell, x, c):
    """SRUCell over time -> y, c of all steps."""
    return sru(x, cell.W_x, cell.b, cell.v_f, cell.v_r, c)


def run_mingru(cell, x, h):
    """MinGRUCell over time -> y, h of all steps."""
    hs = mingru(x, cell.W_x, cell.b, h)
    return hs, hs


def run_minlstm(cell, x, h):
    """MinLSTMCell over time -> y, h of all steps."""
    keep, new = cell.gates(x.transpose(0, 1))
    hs = scan(keep.transpose(0, 1), new.transpose(0, 1), h)
    return hs, hs


RUNS = {
    ElmanCell: run_elman,
    LSTMCell: run_lstm,
    GRUCell: run_gru,
    SRUCell: run_sru,
    MinGRUCell: run_mingru,
    MinLSTMCell: run_minlstm,
}
