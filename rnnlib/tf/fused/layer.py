"""Cells over time with a way back that is derived by hand, in TensorFlow.

Mirror: rnnlib/pt/fused/layer.py.
"""

import keras
import tensorflow as tf

from rnnlib.tf.cells.elman import PHI, ElmanCell
from rnnlib.tf.cells.gru import GRUCell
from rnnlib.tf.cells.lstm import LSTMCell
from rnnlib.tf.cells.mingru import MinGRUCell
from rnnlib.tf.cells.minlstm import MinLSTMCell
from rnnlib.tf.cells.sru import SRUCell
from rnnlib.tf.convert import Cell, Tensor, _from_mask, _mask_after, _saveable, require_module
from rnnlib.tf.fused.functions import elman, gru, lstm, mingru, sru
from rnnlib.tf.fused.scan import scan
from rnnlib.tf.layers.recurrent import Lengths, State, check_input, check_state


@_saveable
class FusedRNN(keras.layers.Layer):
    """Some cells over time, faster than `RNN`, the same function:
    x (B, T, D) -> y (B, T, H), final state.

    The inputs of all steps go through W_x in one product, and the gradient of the rest is derived
    by hand (recurrences.py, scan.py). For ElmanCell, LSTMCell without peepholes, GRUCell with
    reset_after, SRUCell, MinGRUCell and MinLSTMCell; ValueError for any other. Gradients of
    gradients are those of the loop, which is what they cost, too.
    """

    compute_mask = _mask_after

    def __init__(self, cell: Cell):
        require_module(cell)
        super().__init__(dtype=cell.dtype, autocast=False)
        why = why_not_fused(cell)
        if why is not None:
            raise ValueError(
                f"{why}, use rnn.RNN(cell); there is one for ElmanCell, LSTMCell without "
                "peepholes, GRUCell with reset_after=True, SRUCell, MinGRUCell and MinLSTMCell"
            )
        self.cell = cell
        self.output_size = cell.hidden_size
        self.supports_jit = False  # XLA does not take loops whose number of turns it does not know
        self.built = True  # the cell has its weights: Keras need not try a call to find out

    def call(
        self,
        x: Tensor,
        state: State = None,
        lengths: Lengths = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """x (B, T, D) -> y (B, T, H), final state."""
        return run_fused(self.cell, x, state, _from_mask(mask, lengths))


def run_fused(
    cell: Cell, x: Tensor, state: State = None, lengths: Lengths = None
) -> tuple[Tensor, State]:
    """A cell over time by its function with a gradient derived by hand:
    x (B, T, D) -> y (B, T, H), final state.
    """
    x, lengths = check_input(x, cell.input_size, cell.W_x.dtype, lengths)
    first = cell.initial_state(x)
    y, states = RUNS[type(cell)](cell, x, first if state is None else check_state(state, first))
    if lengths is None:
        return y, gather_states(states, -1)
    valid = tf.sequence_mask(lengths, tf.shape(x)[1])  # (B, T)
    return tf.where(valid[:, :, None], y, 0), gather_states(states, lengths - 1)


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
    return tf.gather(states, t, axis=1, batch_dims=1)


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
    keep, new = cell.gates(x)
    hs = scan(keep, new, h)
    return hs, hs


RUNS = {
    ElmanCell: run_elman,
    LSTMCell: run_lstm,
    GRUCell: run_gru,
    SRUCell: run_sru,
    MinGRUCell: run_mingru,
    MinLSTMCell: run_minlstm,
}
