"""minLSTM cell in PyTorch (chapter `sru`).  Mirror: rnnlib/tf/cells/minlstm.py.  Maths:
rnnlib/ref/cells/minlstm.py.
"""

import torch
from torch import nn
from torch.nn.functional import softplus

from rnnlib.core import initializers, validation
from rnnlib.pt.cells.registry import registered
from rnnlib.pt.convert import parameter


@registered("minlstm")
class MinLSTMCell(nn.Module):
    """One step of a minimal LSTM: x (B, D), h (B, H) -> h, h, which is linear in h.

    Gates and candidate see x alone.  Parameters W_x (D, 3H) drawn Glorot-uniform, b (3H,) zero;
    blocks i, f, n.  The gates are divided by their sum: f / (i + f) = sigmoid(log f - log i).
    Source: Feng et al. 2024, sec. 3.2, plain form.
    """

    def __init__(self, input_size, hidden_size, rng=0, dtype="float32"):
        super().__init__()
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        p = initializers.draw_weights("minlstm", input_size, hidden_size, rng)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.b = parameter(p["b"], dtype, "b")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)

    def forward(self, x, h):
        """x (B, D), h (B, H) -> h, h."""
        keep, new = self.gates(x)
        h = keep * h + new  # eq. minlstm-hidden
        return h, h

    def gates(self, x):
        """x (..., D), any number of steps at once -> keep and new (..., H) of the step h = keep * h
        + new."""
        i, f, n = torch.chunk(x @ self.W_x + self.b, 3, dim=-1)  # eq. minlstm-gates
        keep = torch.sigmoid(softplus(-i) - softplus(-f))  # f / (i + f) of the two gates
        return keep, (1 - keep) * n
