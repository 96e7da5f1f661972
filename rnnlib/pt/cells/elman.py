"""Elman cell in PyTorch (chapter `forward-pass`).  Mirror: rnnlib/tf/cells/elman.py.

Maths: rnnlib/ref/cells/elman.py.
"""

import torch
from torch import nn

from rnnlib.core import initializers, validation
from rnnlib.pt.cells.registry import registered
from rnnlib.pt.convert import parameter

PHI = {"tanh": torch.tanh, "relu": torch.relu}


@registered("elman")
class ElmanCell(nn.Module):
    """One step of the plain recurrent unit: x (B, D), h (B, H) -> h, h.

    Parameters W_x (D, H) drawn Glorot-uniform, W_h (H, H) orthogonal, b (H,) zero, all by NumPy
    from `rng`. `activation` is "tanh" or "relu". Source: Elman 1990.
    """

    def __init__(self, input_size, hidden_size, activation="tanh", rng=0, dtype="float32"):
        super().__init__()
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        self.phi = PHI[validation.choice(activation, PHI, "activation")]
        p = initializers.draw_weights("elman", input_size, hidden_size, rng)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.W_h = parameter(p["W_h"], dtype, "W_h")
        self.b = parameter(p["b"], dtype, "b")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)

    def forward(self, x, h):
        """x (B, D), h (B, H) -> h, h."""
        a = x @ self.W_x + h @ self.W_h + self.b  # (B, H)  eq. elman-preactivation
        h = self.phi(a)  # eq. elman-hidden
        return h, h
