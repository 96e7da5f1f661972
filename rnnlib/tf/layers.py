"""Layers over time in TensorFlow.  Mirror: rnnlib/pt/layers.py."""

from functools import lru_cache

import keras
import tensorflow as tf

from rnnlib import checks, weights
from rnnlib.engines import Named, Seed
from rnnlib.tf.convert import (
    DType,
    Module,
    Tensor,
    _from_mask,
    _mask_after,
    _saveable,
    array,
    check,
    parameter,
)
from rnnlib.tf.elman import PHI, ElmanCell
from rnnlib.tf.gru import GRUCell
from rnnlib.tf.lstm import LSTMCell
from rnnlib.tf.mingru import MinGRUCell, MinLSTMCell
from rnnlib.tf.sru import SRUCell

State = Tensor | tuple | list | None  # of a cell; of a stack, a list; of two directions, a pair
Lengths = Tensor | None


@_saveable
class Recurrent(keras.layers.Layer):
    """Any cell over time: x (B, T, D) -> y (B, T, H), final state.  A plain loop, one turn for each
    step.

    `state` is what the cell takes, zeros if None.  With `lengths` (B,), y is 0 after the end of a
    sequence and the final state is the one at its last valid step.
    """

    compute_mask = _mask_after

    def __init__(self, cell):
        check(cell)
        super().__init__(dtype=cell.dtype, autocast=False)
        self.cell = cell
        self.output_size = cell.hidden_size
        self.supports_jit = False  # XLA does not take loops whose number of turns it does not know
        self.built = True  # the cell has its weights: Keras need not try a call to find out

    def call(self, x, state=None, lengths=None, mask=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = _from_mask(mask, lengths)
        x, lengths = check_input(x, self.cell.input_size, self.cell.W_x.dtype, lengths)
        first = self.cell.initial_state(x)
        state = first if state is None else check_state(state, first)
        T = tf.shape(x)[1]
        xs = tf.TensorArray(x.dtype, T).unstack(tf.transpose(x, (1, 0, 2)))

        def turn(t, ys, state):
            y, new = self.cell(xs.read(t), state)
            if lengths is not None:
                valid = (t < lengths)[:, None]  # (B, 1)
                y, new = tf.where(valid, y, 0), where(valid, new, state)
            return t + 1, ys.write(t, y), new

        # a while_loop: a Python loop would be traced anew for every T, and slowly
        _, ys, state = tf.while_loop(
            lambda t, *_: t < T, turn, (0, tf.TensorArray(x.dtype, T), state)
        )
        return tf.transpose(ys.stack(), (1, 0, 2)), state


@_saveable
class Native(keras.layers.Layer):
    """The framework's own layer behind the call of `Recurrent`: x (B, T, D) -> y (B, T, H), final
    state.

    `cell` is "elman", "lstm" or "gru", or such a name with options.  The weights are those of our
    cell, by its names and in its layout, and the framework's layer is a function of them.  Surplus
    biases (PyTorch's second one, most of the recurrent ones of both GRUs) are zeros of that
    function and no parameters: both frameworks train the same model. ValueError for a cell that the
    framework has no layer for.  With `return_sequences=False`, y (B, H) is the output at the last
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
        self.cell = make_cell(cell, input_size, hidden_size, rng, dtype, native=True)
        self.input_size = self.cell.input_size
        self.hidden_size = self.output_size = self.cell.hidden_size
        self.return_sequences = checks.flag(return_sequences, "return_sequences")
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
        return native(self.cell, x, state, lengths, self.return_sequences)


@_saveable
class Linear(keras.layers.Layer):
    """x (..., D) -> x @ W + b (..., K).  W (D, K) drawn Glorot-uniform, b (K,) zero."""

    def __init__(self, input_size, output_size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        checks.positive(input_size, "input_size")
        checks.positive(output_size, "output_size")
        self.W = parameter(
            weights.glorot(weights.seeds(rng, 1)[0], input_size, output_size), dtype, "W"
        )
        self.b = parameter([0.0] * output_size, dtype, "b")
        self.built = True  # all weights are there

    def call(self, x):
        """x (..., D) -> (..., K)."""
        return x @ self.W + self.b


@_saveable
class Embedding(keras.layers.Layer):
    """ids (B, T) -> vectors (B, T, E).  W (V, E) drawn normal with standard deviation E ** -0.5."""

    def __init__(self, vocab_size, size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.vocab_size = checks.positive(vocab_size, "vocab_size")
        self.W = parameter(
            weights.embedding(weights.seeds(rng, 1)[0], vocab_size, size), dtype, "W"
        )
        self.built = True  # all weights are there

    def call(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (B, T, E).  On a GPU the lookup itself refuses ids that are not there."""
        checks.rank(ids.shape, "(B, T)", "ids")
        if tf.executing_eagerly() and "GPU" not in ids.device:
            checks.ids(ids.numpy(), self.vocab_size, "ids")  # no copy
        return tf.gather(self.W.value, ids)


CELLS = {
    "elman": ElmanCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
    "sru": SRUCell,
    "mingru": MinGRUCell,
    "minlstm": MinLSTMCell,
}
KINDS = {cls: kind for kind, cls in CELLS.items()}


def make_cell(
    cell: Named,
    input_size: int,
    hidden_size: int,
    rng: Seed = 0,
    dtype: str = "float32",
    native: bool = False,
) -> Module:
    """A cell by its name, or (name, options).  With `native`, ValueError where the framework has no
    layer for it.
    """
    kind, options = checks.named(cell, weights.CELLS, "cell")
    if native:
        refuse(lacks(kind, options))
    return CELLS[kind](input_size, hidden_size, rng=rng, dtype=dtype, **options)


def native(
    cell: Module, x: Tensor, state: State, lengths: Lengths, return_sequences: bool = True
) -> tuple[Tensor, State]:
    """The framework's layer as a function of a cell's weights: x (B, T, D) -> y (B, T, H) or its
    last step (B, H), final state.

    It is the call of SimpleRNN, LSTM or GRU with other numbers in the place of its variables.  The
    GRU's gates are z, r, n there, and r, z, n with us; with the reset gate after the product it has
    two rows of biases.
    """
    x, lengths = check_input(x, cell.input_size, cell.W_x.dtype, lengths)
    if state is not None:
        state = check_state(state, cell.initial_state(x))
        state = list(state) if isinstance(state, tuple) else [state]
    kernels = [cell.W_x.value, cell.W_h.value, cell.b.value]
    if isinstance(cell, GRUCell):
        kernels = [_zrn(kernel) for kernel in kernels]
        if cell.reset_after:
            surplus = tf.zeros((2 * cell.hidden_size,), x.dtype)
            kernels[2] = tf.stack([kernels[2], tf.concat([surplus, cell.b_n.value], axis=0)])
    valid = None if lengths is None else tf.sequence_mask(lengths, tf.shape(x)[1])  # (B, T)
    shell = _shell(cell, return_sequences)
    unused = [
        tf.zeros(v.shape, v.dtype) for v in shell.non_trainable_variables
    ]  # a seed, for dropout
    (y, *state), _ = shell.stateless_call(kernels, unused, x, initial_state=state, mask=valid)
    if lengths is not None and return_sequences:
        y = tf.where(valid[:, :, None], y, 0)  # Keras repeats the last output instead
    return y, tuple(state) if len(state) > 1 else state[0]


def _shell(cell, return_sequences):
    """The framework's layer for a cell, whose own variables are never used."""
    kind = KINDS[type(cell)]
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


@lru_cache(maxsize=64)
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


def lacks(kind: str, options: dict[str, object]) -> str | None:
    """Why the framework has no layer for such a cell, or None where it has one."""
    if kind == "elman":
        checks.choice(options["activation"], ("tanh", "relu"), "activation")
        return None
    if kind == "lstm" and options["peepholes"]:
        return "Keras' LSTM has no peepholes"
    return None if kind in ("lstm", "gru") else f"Keras has no layer for {kind!r}"


def unnative(cell: Module) -> str | None:
    """Why the framework has no layer for a cell, or None where it has one."""
    kind = KINDS.get(type(cell))
    if kind is None:
        return f"Keras has no layer for {type(cell).__name__}"
    options = {name: getattr(cell, name, default) for name, default in weights.CELLS[kind].items()}
    return lacks(kind, options)


def refuse(why: str | None) -> None:
    """ValueError for a cell without a layer of the framework's own; nothing for None."""
    if why is not None:
        raise ValueError(f"{why}: leave native out, or use native=False, Recurrent or Derived")


def where(valid, new, old):
    """Take `new` where valid (B, 1), else `old`, in every part of a state."""
    if isinstance(new, tuple):
        return tuple(where(valid, n, o) for n, o in zip(new, old, strict=True))
    return tf.where(valid, new, old)


def check_input(
    x: Tensor, input_size: int | None, dtype: DType | None, lengths: Lengths
) -> tuple[Tensor, Lengths]:
    """What the door of a layer over time refuses -> x with zeros for padding, lengths (B,) as a
    tensor beside x.

    Where the size or the dtype of the inputs is not known, None, they are not checked.
    Padding may hold anything, NaN too: what a layer does with a zero can be multiplied by the
    gradient 0.  Where a graph is traced there are no numbers to check: it checks the lengths
    itself, each time that it runs.
    """
    checks.rank(x.shape, "(B, T, D)", "x")
    if input_size is not None and x.shape[2] != input_size:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has {x.shape[2]} features, this layer takes {input_size}"
        )
    if dtype is not None and x.dtype != dtype:
        raise TypeError(
            f"x is {x.dtype.name}, the weights are {dtype}: convert x, or build with another dtype="
        )
    if lengths is None:
        return x, None
    T = tf.shape(x)[1]
    if traced():
        lengths = tf.cast(lengths, tf.int32)
        with tf.control_dependencies(
            [
                tf.debugging.assert_positive(
                    lengths, "lengths must be at least 1: drop empty sequences"
                ),
                tf.debugging.assert_less_equal(
                    lengths, T, "lengths must be at most T, the steps of x"
                ),
            ]
        ):
            lengths = tf.identity(lengths)
    else:
        lengths = tf.cast(checks.lengths(array(lengths), x.shape[0], x.shape[1]), tf.int32)
    valid = tf.sequence_mask(lengths, T)  # (B, T)
    return tf.where(valid[:, :, None], x, 0), lengths


def traced() -> bool:
    """Whether a tracer or an exporter follows this call, so that tensors have no numbers to look
    at.
    """
    return not tf.executing_eagerly()


def check_state(state, like):
    """The first state has the form, the shapes and the dtype of `like`: a tensor (B, H), or a tuple
    of such.
    """
    if isinstance(like, tuple) != isinstance(state, (tuple, list)) or (
        isinstance(like, tuple) and len(state) != len(like)
    ):
        wanted = f"a tuple of {len(like)} tensors" if isinstance(like, tuple) else "one tensor"
        got = f"a {type(state).__name__}" + (
            f" of {len(state)}" if isinstance(state, (tuple, list)) else ""
        )
        raise TypeError(f"state must be {wanted}, got {got}")
    if isinstance(like, tuple):
        return tuple(check_state(part, other) for part, other in zip(state, like, strict=True))
    if not hasattr(state, "shape"):
        raise TypeError(
            f"state must hold tensors, got {type(state).__name__}: rnn.tensor(array) makes one"
        )
    if not state.shape.is_compatible_with(like.shape):
        raise ValueError(f"state must have shape {tuple(like.shape)}, got {tuple(state.shape)}")
    if state.dtype != like.dtype:
        raise TypeError(f"state is {state.dtype.name}, x is {like.dtype.name}: convert one of them")
    return state
