"""The framework's own layers behind our call, in TensorFlow.

Mirror: rnnlib/pt/layers/native.py.
"""

from functools import cache

import keras
import tensorflow as tf

from rnnlib.core import cells, validation
from rnnlib.core.engines import Named, Seed
from rnnlib.tf.cells.elman import PHI
from rnnlib.tf.cells.registry import kind_of, make_cell
from rnnlib.tf.convert import Cell, Tensor, _from_mask, _mask_after, _saveable
from rnnlib.tf.layers.recurrent import Lengths, State, check_input, check_state


@_saveable
class NativeRNN(keras.layers.Layer):
    """The framework's own layer behind the call of `RNN`: x (B, T, D) -> y (B, T, H), final state.

    `cell` is "elman", "lstm" or "gru", or such a name with options. The weights are those of our
    cell, by its names and in its layout, and the framework's layer is a function of them. Surplus
    biases (PyTorch's second one, most of the recurrent ones of both GRUs) are zeros of that
    function and no parameters: both frameworks train the same model. ValueError for a cell that the
    framework has no layer for. With `return_sequences=False`, y (B, H) is the output at the last
    valid step alone.
    """

    compute_mask = _mask_after

    def __init__(
        self,
        cell: Named,
        input_size: int,
        hidden_size: int,
        return_sequences: bool = True,
        rng: Seed = 0,
        dtype: str = "float32",
    ):
        super().__init__(dtype=dtype, autocast=False)
        require_native(why_not_native(cell))
        self.cell = make_cell(cell, input_size, hidden_size, rng, dtype)
        self.input_size = self.cell.input_size
        self.hidden_size = self.output_size = self.cell.hidden_size
        self.return_sequences = validation.flag(return_sequences, "return_sequences")
        _shell(self.cell, self.return_sequences)  # now: a graph may make no variables later
        self.built = True  # the cell has its weights: Keras need not try a call to find out

    def call(
        self,
        x: Tensor,
        state: State = None,
        lengths: Lengths = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = _from_mask(mask, lengths)
        return run_native(self.cell, x, state, lengths, self.return_sequences)


def run_native(
    cell: Cell, x: Tensor, state: State, lengths: Lengths, return_sequences: bool = True
) -> tuple[Tensor, State]:
    """The framework's layer as a function of a cell's weights:
    x (B, T, D) -> y (B, T, H) or its last step (B, H), final state.

    It is the call of SimpleRNN, LSTM or GRU with other numbers in the place of its variables. The
    GRU's gates are z, r, n there, and r, z, n with us; with the reset gate after the product it has
    two rows of biases.
    """
    x, lengths = check_input(x, cell.input_size, cell.W_x.dtype, lengths)
    if state is not None:
        state = check_state(state, cell.initial_state(x))
        if isinstance(state, tuple):
            state = list(state)
        else:
            state = [state]
    kernels = [cell.W_x.value, cell.W_h.value, cell.b.value]
    if kind_of(cell) == "gru":
        kernels = [_zrn(kernel) for kernel in kernels]
        if cell.reset_after:
            surplus = tf.zeros((2 * cell.hidden_size,), x.dtype)
            kernels[2] = tf.stack([kernels[2], tf.concat([surplus, cell.b_n.value], axis=0)])
    # (B, T)
    if lengths is None:
        valid = None
    else:
        valid = tf.sequence_mask(lengths, tf.shape(x)[1])
    shell = _shell(cell, return_sequences)
    # a seed, for dropout
    unused = [tf.zeros(v.shape, v.dtype) for v in shell.non_trainable_variables]
    (y, *state), _ = shell.stateless_call(kernels, unused, x, initial_state=state, mask=valid)
    if valid is not None and return_sequences:
        y = tf.where(valid[:, :, None], y, 0)  # Keras repeats the last output instead
    return y, tuple(state) if len(state) > 1 else state[0]


def _shell(cell, return_sequences):
    """The framework's layer for a cell, whose own variables are never used."""
    kind = kind_of(cell)
    options = {}
    if kind == "elman":
        options["activation"] = next(name for name, phi in PHI.items() if phi is cell.phi)
    if kind == "gru":
        options["reset_after"] = cell.reset_after
    return _layer(
        kind,
        cell.input_size,
        cell.hidden_size,
        cell.dtype,
        return_sequences,
        tuple(options.items()),
    )


@cache  # none is given up: a graph that is traced later could not make it again
def _layer(kind, input_size, hidden_size, dtype, return_sequences, options):
    """A layer of the framework, built; of those that are alike, one."""
    layers = {"elman": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    with tf.init_scope():  # not inside a graph that is being traced
        layer = layers[kind](
            hidden_size,
            return_sequences=return_sequences,
            return_state=True,
            dtype=dtype,
            kernel_initializer="zeros",
            recurrent_initializer="zeros",
            **dict(options),
        )
        layer.build((None, None, input_size))
    return layer


def _zrn(kernel):
    """The blocks r, z, n of the last axis in Keras' order."""
    r, z, n = tf.split(kernel, 3, axis=-1)
    return tf.concat([z, r, n], axis=-1)


def why_not_native(cell: Named) -> str | None:
    """Why the framework has no layer for such a cell, or None where it has one."""
    return cells.lacks("keras", cell)


def why_cell_not_native(cell: Cell) -> str | None:
    """Why the framework has no layer for a cell, or None where it has one."""
    kind = kind_of(cell)
    if kind is None:
        return f"Keras has no layer for {type(cell).__name__}"
    options = cells.row(kind).options
    return why_not_native(
        (kind, {name: getattr(cell, name, option.default) for name, option in options.items()})
    )


def require_native(why: str | None) -> None:
    """ValueError for a cell without a layer of the framework's own; nothing for None."""
    if why is not None:
        raise ValueError(f"{why}: leave native= out, or use native=False, RNN or FusedRNN")
