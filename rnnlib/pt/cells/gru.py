"""GRU cell in PyTorch (chapter `gru`).  Mirror: rnnlib/tf/cells/gru.py.

Maths: rnnlib/ref/cells/gru.py.
"""

import torch
from torch import nn

from rnnlib.core import initializers, validation
from rnnlib.pt.cells.registry import registered
from rnnlib.pt.convert import parameter


@registered("gru")
class GRUCell(nn.Module):
    """One step of a gated recurrent unit: x (B, D), h (B, H) -> h, h.

    Parameters W_x (D, 3H) drawn Glorot-uniform, W_h (H, 3H) orthogonal block by block, b (3H,)
    zero; gates in the order r, z, n. `reset_after` says whether the reset gate acts after the
    product with W_h (PyTorch, cuDNN, Keras by default), which needs a bias b_n (H,) inside it, or
    before (Cho et al. 2014): two different functions. z is the share of the old state that is kept.
    Source: Cho et al. 2014.
    """

    def __init__(self, input_size, hidden_size, reset_after=True, rng=0, dtype="float32"):
        super().__init__()
        self.input_size = validation.positive(input_size, "input_size")
        self.hidden_size = validation.positive(hidden_size, "hidden_size")
        self.reset_after = validation.flag(reset_after, "reset_after")
        p = initializers.draw_weights("gru", input_size, hidden_size, rng, reset_after=reset_after)
        self.W_x = parameter(p["W_x"], dtype, "W_x")
        self.W_h = parameter(p["W_h"], dtype, "W_h")
        self.b = parameter(p["b"], dtype, "b")
        if reset_after:
            self.b_n = parameter(p["b_n"], dtype, "b_n")

    def initial_state(self, x):
        """Zeros (B, H) to start a batch x (B, ...) from."""
        return torch.zeros(x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)

    def forward(self, x, h):
        """x (B, D), h (B, H) -> h, h."""
        H = self.hidden_size
        a_r, a_z, a_n = torch.chunk(x @ self.W_x + self.b, 3, dim=1)  # (B, H) each
        if self.reset_after:
            h_r, h_z, h_n = torch.chunk(h @ self.W_h, 3, dim=1)
            r = torch.sigmoid(a_r + h_r)  # eq. gru-gates
            z = torch.sigmoid(a_z + h_z)
            n = torch.tanh(a_n + r * (h_n + self.b_n))  # eq. gru-candidate-after
        else:
            h_r, h_z = torch.chunk(h @ self.W_h[:, : 2 * H], 2, dim=1)
            r = torch.sigmoid(a_r + h_r)  # eq. gru-gates
            z = torch.sigmoid(a_z + h_z)
            n = torch.tanh(a_n + (r * h) @ self.W_h[:, 2 * H :])  # eq. gru-candidate-before
        h = (1 - z) * n + z * h  # eq. gru-hidden
        return h, h
