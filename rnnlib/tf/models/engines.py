"""The fastest engine for each call, in TensorFlow.  Mirror: rnnlib/pt/models/engines.py.
The table: rnnlib/core/engines.py.
"""

import tensorflow as tf

from rnnlib.core import engines, validation
from rnnlib.core.engines import Choice
from rnnlib.tf.cells.registry import kind_of
from rnnlib.tf.convert import Module, Tensor, _from_mask, _saveable, require_module, walk_modules
from rnnlib.tf.fused.layer import run_fused, why_not_fused
from rnnlib.tf.layers.native import _shell, run_native, why_cell_not_native
from rnnlib.tf.layers.recurrent import RNN, Lengths, State, is_traced
from rnnlib.tf.layers.stack import gather_last


@_saveable
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
        self.supports_jit = why_cell_not_native(cell) is None
        if self.supports_jit:
            _shell(cell, self.return_sequences)  # now: a graph may make no variables later

    def call(
        self,
        x: Tensor,
        state: State = None,
        lengths: Lengths = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> tuple[Tensor, State]:
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = _from_mask(mask, lengths)
        engine = choose_engine(self.cell, x, lengths, bool(training)).engine
        if engine == "native":
            return run_native(self.cell, x, state, lengths, self.return_sequences)
        if engine == "fused":
            y, state = run_fused(self.cell, x, state, lengths)
        else:
            y, state = super().call(x, state, lengths)
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
    if is_traced() and _in_xla():
        return Choice(
            there[0], "XLA knows the number of turns of the framework's layer, not of our loops"
        )
    if _on_gpu(x):
        return Choice(there[0], "on a GPU each step of any other is a launch of its own")
    batch, steps, *_ = x.shape
    sizes = {"batch": batch, "steps": steps, "hidden": cell.hidden_size}
    kind = kind_of(cell)
    return engines.fastest(
        "tf", kind, there, lengths=lengths is not None, training=bool(training), **sizes
    )


def _in_xla():
    """Whether the graph that is being traced is one for XLA (`jit_compile=True`)."""
    context = tf.compat.v1.get_default_graph()._get_control_flow_context()
    while context is not None and not context.IsXLAContext():
        context = context.outer_context
    return context is not None


def _on_gpu(x):
    """Whether x is on a GPU, or will be: a tensor of a graph says so only where it was placed by
    hand.
    """
    device = getattr(x, "device", "") or ""
    return "GPU" in device or (not device and bool(tf.config.list_logical_devices("GPU")))


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
