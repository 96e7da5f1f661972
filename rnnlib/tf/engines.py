"""The fastest engine for each call, in TensorFlow.  Mirror: rnnlib/pt/engines.py.  The table:
rnnlib/engines.py.
"""

import tensorflow as tf

from rnnlib import checks, engines
from rnnlib.engines import Choice
from rnnlib.tf.convert import Module, Tensor, _from_mask, _saveable, check, parts
from rnnlib.tf.derived import fused, underived
from rnnlib.tf.layers import Lengths, Recurrent, State, native, traced, unnative
from rnnlib.tf.registry import kind_of
from rnnlib.tf.stack import last


@_saveable
class AutoRNN(Recurrent):
    """Any cell over time, by the fastest engine that is right: x (B, T, D) -> y (B, T, H), final
    state.

    At each call it is the framework's layer, our fused function or our loop (`Native`, `Derived`,
    `Recurrent`), over the same weights: names, files and, but for rounding, answers do not depend
    on it.  `rnn.engine_of` says which and why. With `return_sequences=False`, y (B, H) is the
    output at the last valid step alone.
    """

    def __init__(self, cell: Module, return_sequences: bool = True):
        super().__init__(cell)
        self.return_sequences = checks.flag(return_sequences, "return_sequences")
        self.supports_jit = unnative(cell) is None

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
        engine = choice(self.cell, x, lengths, bool(training)).engine
        if engine == "native":
            return native(self.cell, x, state, lengths, self.return_sequences)
        if engine == "fused":
            y, state = fused(self.cell, x, state, lengths)
        else:
            y, state = super().call(x, state, lengths)
        return y if self.return_sequences else last(y, lengths), state


def choice(
    cell: Module, x: Tensor, lengths: Lengths = None, training: bool | None = None
) -> Choice:
    """The engine for a cell over x (B, T, D), or ids (B, T) that become such, here and now.

    `training`: will gradients be asked for?  None: as the framework says here.
    """
    there = tuple(
        name
        for name, why in (("native", unnative(cell)), ("fused", underived(cell)), ("loop", None))
        if why is None
    )
    if traced() and _in_xla():
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
    check(model)
    return {
        name: choice(part.cell, x, lengths, training)
        for name, part in parts(model)
        if isinstance(part, AutoRNN)
    }
