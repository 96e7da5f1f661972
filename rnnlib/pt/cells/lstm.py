"""LSTM cell in PyTorch (chapter `lstm`).  Mirror: rnnlib/tf/cells/lstm.py.

Maths: rnnlib/ref/cells/lstm.py.
"""

import torch
from torch import nn

from rnnlib.core import initializers, validation
from rnnlib.pt.cells.registry import registered
from rnnlib.pt.convert import parameter


@registered("lstm")
class LSTMCell(nn.Module):
    """One step of long short-term memory: x (B, D), state h and c (B, H) -> h, (h, c).

    Parameters W_x (D, 4H) drawn Glorot-uniform, W_h (H, 4H) orthogonal block by block, b (4H,) zero
    but for the forget gate's `forget_bias`; gates in the order i, f, g, o. With `peepholes`, p_i
    and p_f (H,) let the gates see the old c, p_o lets the output gate see the new one; they start
    at 0. Sources: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (forget gate); Gers, Schraudolph
    & Schmidhuber 2002 (peepholes).
    """

    def __init__(
        self, input_size, hidden_size, peepholes=False, forget_bias=1.0, rng=0, dtype="float32"
    ):
        super().__init__()
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        self.peepholes = validation.flag(peepholes, "peepholes")
        validation.number(forget_bias, "forget_bias")
        p = initializers.draw_weights(
            "lstm", input_size, hidden_size, rng, peepholes=peepholes, forget_bias=forget_bias
        )
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.W_h = parameter(p["W_h"], dtype, "W_h")
        self.b = parameter(p["b"], dtype, "b")
        if peepholes:
            self.p_i = parameter(p["p_i"], dtype, "p_i")
            self.p_f = parameter(p["p_f"], dtype, "p_f")
            self.p_o = parameter(p["p_o"], dtype, "p_o")

    def initial_state(self, x):
        """Zeros h and c (B, H) to start a batch x (B, ...) from."""
        h = torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)
        return h, torch.zeros_like(h)

    def forward(self, x, state):
        """x (B, D), state h and c (B, H) -> h, (h, c)."""
        h, c = state
        a = x @ self.W_x + h @ self.W_h + self.b  # (B, 4H)  eq. lstm-gates
        i, f, g, o = torch.chunk(a, 4, dim=1)
        if self.peepholes:
            i = i + self.p_i * c  # eq. lstm-peepholes
            f = f + self.p_f * c
        i = torch.sigmoid(i)
        f = torch.sigmoid(f)
        g = torch.tanh(g)
        c = f * c + i * g  # eq. lstm-cell
        if self.peepholes:
            o = o + self.p_o * c  # eq. lstm-peepholes
        h = torch.sigmoid(o) * torch.tanh(c)  # eq. lstm-hidden
        return h, (h, c)
