"""Layers made of layers in PyTorch: directions, depth, dropout, normalisation (chapter
`architectures`).  Mirror: rnnlib/tf/layers/stack.py.
"""

import math

import numpy as np
import torch
from torch import nn

from rnnlib.core import seeds, validation
from rnnlib.pt.convert import parameter, params, require_module


class Bidirectional(nn.Module):
    """Two layers over time, one of them reading backwards: x (B, T, D) -> y (B, T, 2H), states
    (forward, backward).

    At each step y holds the forward layer's output and the backward layer's, which has seen this
    step and all later ones. Source: Schuster & Paliwal 1997.
    """

    def __init__(self, fwd, bwd):
        super().__init__()
        require_module(fwd)
        require_module(bwd)
        self.fwd = fwd
        self.bwd = bwd
        self.output_size = fwd.output_size + bwd.output_size

    def forward(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, 2H), (final state of the forward layer, of the backward
        layer).
        """
        one, other = state_pair(state)
        y, one = self.fwd(x, one, lengths)
        back, other = self.bwd(reverse_sequences(x, lengths), other, lengths)
        return torch.cat([y, reverse_sequences(back, lengths)], dim=-1), (one, other)


class Stacked(nn.Module):
    """Layers over time on top of each other: x (B, T, D) -> y (B, T, H), list of final states, one
    for each layer.

    residual    add a layer's input to its output, where the two have one size
    dropout     between layers, not after the last; `variational`: one mask for all steps
    layer_norm  normalise each layer's output, before the residual is added

    After the end of a sequence y is 0.
    """

    def __init__(
        self, layers, residual=False, dropout=0.0, variational=False, layer_norm=False, rng=0
    ):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        if not layers:
            raise ValueError("a stack needs at least one layer")
        self.residual = validation.flag(residual, "residual")
        self.dropouts = nn.ModuleList(
            Dropout(dropout, variational, seed) for seed in seeds.child_seeds(rng, len(layers) - 1)
        )
        dtype = next(iter(params(self.layers).values())).dtype.name
        if validation.flag(layer_norm, "layer_norm"):
            sizes = [layer.output_size for layer in layers]
        else:
            sizes = []
        self.norms = nn.ModuleList(LayerNorm(size, dtype=dtype) for size in sizes)
        self.output_size = layers[-1].output_size

    def forward(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, H), list of final states."""
        if state is None:
            state = [None] * len(self.layers)
        if not isinstance(state, (list, tuple)) or len(state) != len(self.layers):
            raise TypeError(
                f"state of a stack is a list of {len(self.layers)} states, one for each "
                "layer, [state, ...]"
            )
        last = []
        for k, layer in enumerate(self.layers):
            y, new = layer(x, state[k], lengths)
            last.append(new)
            if self.norms:
                y = self.norms[k](y)
            if self.residual and y.shape[-1] == x.shape[-1]:
                y = x + y
            y = mask_after_end(y, lengths)
            if k < len(self.dropouts):
                x = self.dropouts[k](y)
            else:
                x = y
        return x, last


class Dropout(nn.Module):
    """While training, each number of x (B, T, D) is 0 with probability p, else divided by 1 - p;
    otherwise nothing is done.

    `variational`: one mask (B, 1, D) for all steps of a sequence.  The masks are a function of
    `rng` and of how many were drawn before, which a checkpoint keeps.  Sources: Srivastava et al.
    2014; Gal & Ghahramani 2016.
    """

    def __init__(self, p, variational=False, rng=0):
        super().__init__()
        self.p = validation.number(p, "dropout", 0, 1)
        self.variational = validation.flag(variational, "variational")
        self.seed = int(seeds.child_seeds(rng, 1)[0].generate_state(1)[0])
        self.draws: torch.Tensor
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        """x (B, T, D) or (B, D) -> the same shape."""
        if self.p == 0 or not self.training:
            return x
        if self.variational and x.ndim == 3:
            shape = (x.shape[0], 1, x.shape[2])
        else:
            shape = x.shape
        seed = np.random.SeedSequence([self.seed, int(self.draws)]).generate_state(1)[0]
        generator = torch.Generator(x.device).manual_seed(int(seed))
        self.draws += 1
        kept = torch.rand(shape, generator=generator, device=x.device) >= self.p
        return x * kept.to(x.dtype) / (1 - self.p)


class LayerNorm(nn.Module):
    """x (..., D) -> (x - mean) / sqrt(variance + eps) * g + b, over the last axis.  g (D,) one, b
    (D,) zero.  Ba et al. 2016.
    """

    def __init__(self, size, eps=1e-5, dtype="float32"):
        super().__init__()
        validation.positive(size, "size")
        self.eps = validation.number(eps, "eps", 0)
        self.g = parameter([1.0] * size, dtype, "g")
        self.b = parameter([0.0] * size, dtype, "b")

    def forward(self, x):
        """x (..., D) -> (..., D)."""
        mean = x.mean(dim=-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
        return (x - mean) / torch.sqrt(variance + self.eps) * self.g + self.b


def mask_after_end(y, lengths, value=0):
    """y (B, T, H) with `value` after the end of each sequence; as it is without lengths."""
    if lengths is None:
        return y
    valid = (
        torch.arange(y.shape[1], device=y.device)
        < torch.as_tensor(lengths, device=y.device)[:, None]
    )
    return torch.where(valid[:, :, None], y, value)


def state_pair(state):
    """The states of two directions, or None and None."""
    if state is None:
        return None, None
    if not isinstance(state, (list, tuple)) or len(state) != 2:
        raise TypeError("state of a bidirectional layer is a pair of states, (forward, backward)")
    return state


def reverse_sequences(x, lengths=None):
    """Each sequence of x (B, T, D) from its end to its start; padding stays where it is."""
    if lengths is None:
        return x.flip(1)
    t = torch.arange(x.shape[1], device=x.device)
    lengths = torch.as_tensor(lengths, device=x.device)[:, None]
    order = torch.where(t < lengths, lengths - 1 - t, t)  # (B, T)
    return x[torch.arange(x.shape[0], device=x.device)[:, None], order]


def gather_last(y, lengths=None, bidirectional=False):
    """The output (B, H) after the whole sequence: of y (B, T, H) the last valid step, of a backward
    half the first.
    """
    if lengths is None:
        end = y[:, -1]
    else:
        end = y[
            torch.arange(y.shape[0], device=y.device), torch.as_tensor(lengths, device=y.device) - 1
        ]
    half = y.shape[2] // 2
    if bidirectional:
        return torch.cat([end[:, :half], y[:, 0, half:]], dim=-1)
    return end


def pool_steps(y, how, lengths=None):
    """The "mean" or the "max" of y (B, T, H) over each sequence's valid steps, (B, H)."""
    if how == "max":
        return mask_after_end(y, lengths, -math.inf).amax(dim=1)  # eq. pool-max
    if lengths is None:
        return y.mean(dim=1)
    steps = torch.as_tensor(lengths, device=y.device)[:, None]  # (B, 1)
    return mask_after_end(y, lengths).sum(dim=1) / steps  # eq. masked-mean
