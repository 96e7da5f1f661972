"""The fastest engine for each call, in PyTorch.  Mirror: rnnlib/tf/models/engines.py.  The table:
rnnlib/core/engines.py.
"""

from typing import Any

import torch

from rnnlib.core import engines, validation
from rnnlib.core.engines import Choice
from rnnlib.pt.cells.registry import kind_of
from rnnlib.pt.convert import Module, Tensor, require_module, walk_modules
from rnnlib.pt.fused.layer import run_fused, why_not_fused
from rnnlib.pt.layers.native import run_native, why_cell_not_native
from rnnlib.pt.layers.recurrent import RNN, Lengths, State
from rnnlib.pt.layers.stack import gather_last


class AutoRNN(RNN):
    """Any cell over time, by the fastest engine that is right: x (B, T, D) -> y (B, T, H), final
    state.

    At each call it is the framework's layer, our fused function or our loop (`NativeRNN`,
    `FusedRNN`, `RNN`), over the same weights: names, files and, but for rounding, answers do not
    depend on it. `rnn.engine_of` says which and why. With `return_sequences=False`, y (B, H) is the
    output at the last valid step alone.
    """

    def __init__(self, cell: Module, return_sequences: bool = True):
        super().__init__(cell)
        self.return_sequences = validation.flag(return_sequences, "return_sequences")

    def forward(
        self, x: Tensor, state: State = None, lengths: Lengths = None
    ) -> tuple[Tensor, State]:
        """x (B, T, D) -> y (B, T, H), final state."""
        engine = choose_engine(self.cell, x, lengths).engine
        if engine == "native":
            return run_native(self.cell, x, state, lengths, self.return_sequences)
        if engine == "fused":
            y, state = run_fused(self.cell, x, state, lengths)
        else:
            y, state = super().forward(x, state, lengths)
        return y if self.return_sequences else gather_last(y, lengths), state


def choose_engine(
    cell: Module, x: Tensor, lengths: Lengths = None, training: bool | None = None
) -> Choice:
    """The engine for a cell over x (B, T, D), or ids (B, T) that become such, here and now.

    `training`: will gradients be asked for?  None: as the framework says here.
    """
    there = tuple(
        name
        for name, why in (
            ("native", why_cell_not_native(cell)),
            ("fused", why_not_fused(cell)),
            ("loop", None),
        )
        if why is None
    )
    if training is None:
        learns = x.requires_grad or any(p.requires_grad for p in cell.parameters())
        training = torch.is_grad_enabled() and learns
    in_graph = _in_graph(there, lengths)
    if in_graph is not None:
        return in_graph
    if x.device.type != "cpu":
        return Choice(
            there[0], f"on a {x.device.type.upper()} each step of any other is a launch of its own"
        )
    if torch.is_autocast_enabled("cpu"):
        name = next(name for name in there if name != "fused")
        return Choice(
            name,
            "autocast chooses the dtype of each operation, which a fused function does not see",
        )
    batch, steps = x.shape[:2]
    sizes: dict[str, Any] = dict(batch=int(batch), steps=int(steps), hidden=cell.hidden_size)
    return engines.fastest(
        "pt", kind_of(cell), there, lengths=lengths is not None, training=training, **sizes
    )


def _in_graph(there, lengths):
    """The engine where a graph is made of the call; None: any."""
    if torch.jit.is_tracing():  # the loop refuses
        if there[0] == "native":
            name = there[0]
        else:
            name = "loop"
        return Choice(name, "the number of steps and the lengths stay free in its operator alone")
    if torch.compiler.is_exporting():
        if there[0] == "native" and lengths is None:
            return Choice("native", "no lengths: its operator is exported as it is")
        return Choice(
            "loop", "torch.export looks at no number: lengths stay tensors in the loop alone"
        )
    if torch.compiler.is_compiling():
        return Choice(there[0], "compiling each step of a loop takes minutes")
    return None


def engine_of(
    model: Module, x: Tensor, lengths: Lengths = None, training: bool | None = None
) -> dict[str, Choice]:
    """Which engine runs each recurrent layer of a model called with x and lengths, and why: {dotted
    name: Choice}.

    `training`: whether gradients will be asked for; None: whether they would be in a call here and
    now.
    """
    require_module(model)
    return {
        name: choose_engine(part.cell, x, lengths, training)
        for name, part in walk_modules(model)
        if isinstance(part, AutoRNN)
    }
