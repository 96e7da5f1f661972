"""minGRU cell in PyTorch (chapter `sru`).  Mirror: rnnlib/tf/cells/mingru.py.  Maths:
rnnlib/ref/cells/mingru.py.
"""

import torch
from torch import nn

from rnnlib.core import initializers, validation
from rnnlib.pt.cells.registry import registered
from rnnlib.pt.convert import parameter


@registered("mingru")
class MinGRUCell(nn.Module):
    """One step of a minimal GRU: x (B, D), h (B, H) -> h, h, which is linear in h.

    Gate and candidate see x alone.  Parameters W_x (D, 2H) drawn Glorot-uniform, b (2H,) zero;
    blocks z, n.  z is the share of the new candidate, which is linear.
    Source: Feng et al. 2024, sec. 3.1, plain form.
    """

    def __init__(self, input_size, hidden_size, rng=0, dtype="float32"):
        super().__init__()
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        p = initializers.draw_weights("mingru", input_size, hidden_size, rng)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.b = parameter(p["b"], dtype, "b")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)

    def forward(self, x, h):
        """x (B, D), h (B, H) -> h, h."""
        keep, new = self.gates(x)
        h = keep * h + new  # eq. mingru-hidden
        return h, h

    def gates(self, x):
        """x (..., D), any number of steps at once -> keep and new (..., H) of the step h = keep * h
        + new."""
        z, n = torch.chunk(x @ self.W_x + self.b, 2, dim=-1)  # eq. mingru-gates
        z = torch.sigmoid(z)
        return 1 - z, z * n
