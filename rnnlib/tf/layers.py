"""Layers over time in TensorFlow.  Mirror: rnnlib/pt/layers.py."""

import keras
import numpy as np
import tensorflow as tf

from rnnlib import cells, checks, weights
from rnnlib.tf.convert import array, assign, check, dtype_of, parameter
from rnnlib.trees import map_leaves, match_form


class Recurrent(keras.layers.Layer):
    """Any cell over time: x (B, T, D) -> y (B, T, H), final state.  A plain loop, one turn for each step.

    The cell may be the reader's own: a module with `hidden_size`, `initial_state(x)` and the call
    (x (B, D), state) -> y (B, H), new state.  Its state may be one tensor or any nesting of tuples,
    lists and dicts of tensors of any rank, each with the batch as its first axis.  `state` is what
    the cell takes, its initial state if None.  With `lengths` (B,), y is 0 after the end of a
    sequence and the final state is the one at its last valid step.
    """

    def __init__(self, cell):
        check(cell)
        check_cell(cell)
        super().__init__(dtype=cell.dtype, autocast=False)
        self.cell = cell
        self.output_size = cell.hidden_size
        self.supports_jit = False  # XLA does not take loops whose number of turns it does not know
        self.built = True  # the cell has its weights: Keras need not try a call to find out

    def call(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = check_input(x, *inputs_of(self.cell), lengths)
        first = self.cell.initial_state(x)
        state = first if state is None else check_state(state, first)
        T = tf.shape(x)[1]
        xs = tf.TensorArray(x.dtype, T).unstack(tf.transpose(x, (1, 0, 2)))

        def turn(t, ys, state):
            y, new = self.cell(xs.read(t), state)
            if lengths is not None:
                valid = t < lengths  # (B,)
                y, new = where(valid, y, tf.zeros_like(y)), where(valid, new, state)
            return t + 1, ys.write(t, y), new

        # a while_loop: a Python loop would be traced anew for every T, and slowly
        _, ys, state = tf.while_loop(lambda t, *_: t < T, turn, (0, tf.TensorArray(x.dtype, T), state))
        ys = ys.stack()  # (T, B, H)
        return tf.transpose(ys, (1, 0, *range(2, len(ys.shape)))), state


class Native(keras.layers.Layer):
    """The framework's own layer behind the call of `Recurrent`: x (B, T, D) -> y (B, T, H), final state.

    `cell` is "elman", "lstm" or "gru", or such a name with options.  Our initial weights and names.
    The surplus bias of PyTorch and of both GRUs stays frozen at 0, so that both frameworks train
    the same model.  ValueError for a cell that the framework has no layer for.  With
    `return_sequences=False`, y (B, H) is the output at the last valid step alone.
    """

    def __init__(self, cell, input_size, hidden_size, return_sequences=True, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.kind, options = cells.named(cell)
        refuse(lacks(cell))
        self.input_size = checks.positive(input_size, "input_size")
        self.hidden_size = self.output_size = checks.positive(hidden_size, "hidden_size")
        self.return_sequences = return_sequences
        sizes = dict(units=hidden_size, return_sequences=return_sequences, return_state=True)
        sizes.update(dtype=dtype_of(dtype).name)
        if self.kind == "elman":
            self.layer = keras.layers.SimpleRNN(activation=options.pop("activation"), **sizes)
        elif self.kind == "lstm":
            self.layer = keras.layers.LSTM(**sizes)
        else:
            self.layer = keras.layers.GRU(reset_after=options["reset_after"], **sizes)
        self.layer.build((None, None, input_size))
        self.surplus = 0
        if self.kind == "gru" and options["reset_after"]:
            self.surplus = 2 * hidden_size  # trainable numbers that stay at 0: a training step takes the mask
            mask = np.ones((2, 3 * hidden_size), dtype)
            mask[1, : self.surplus] = 0
            self.layer.cell.bias.mask = mask
        self.to_native(weights.draw(self.kind, input_size, hidden_size, rng, **options))

    def from_native(self, read=array):
        """Our parameters {name: array} out of the framework's layer."""
        arrays = [read(p) for p in self.layer.trainable_variables]
        if self.surplus:
            arrays[-1] = arrays[-1] * self.layer.cell.bias.mask  # of a gradient too
        return weights.from_keras(self.kind, arrays)

    def to_native(self, p):
        """Our parameters into the framework's layer."""
        for variable, value in zip(
            self.layer.trainable_variables, weights.to_keras(self.kind, p), strict=True
        ):
            assign(variable, value)

    def call(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = check_input(x, self.input_size, self.dtype, lengths)
        if state is not None:
            zeros = tf.zeros((tf.shape(x)[0], self.hidden_size), x.dtype)
            state = check_state(state, (zeros, zeros) if self.kind == "lstm" else zeros)
            state = list(state) if self.kind == "lstm" else [state]
        if lengths is None:
            y, *state = self.layer(x, initial_state=state)
        else:
            valid = tf.sequence_mask(lengths, tf.shape(x)[1])  # (B, T)
            y, *state = self.layer(x, initial_state=state, mask=valid)
            if self.return_sequences:
                y = tf.where(valid[:, :, None], y, 0)  # Keras repeats the last output instead
        return y, tuple(state) if self.kind == "lstm" else state[0]


class Linear(keras.layers.Layer):
    """x (..., D) -> x @ W + b (..., K).  W (D, K) drawn Glorot-uniform, b (K,) zero."""

    def __init__(self, input_size, output_size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        checks.positive(input_size, "input_size")
        checks.positive(output_size, "output_size")
        self.W = parameter(weights.glorot(weights.seeds(rng, 1)[0], input_size, output_size), dtype, "W")
        self.b = parameter([0.0] * output_size, dtype, "b")

    def call(self, x):
        """x (..., D) -> (..., K)."""
        return x @ self.W + self.b


class Embedding(keras.layers.Layer):
    """ids (B, T) -> vectors (B, T, E).  W (V, E) drawn normal with standard deviation E ** -0.5."""

    def __init__(self, vocab_size, size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.vocab_size = checks.positive(vocab_size, "vocab_size")
        self.W = parameter(weights.embedding(weights.seeds(rng, 1)[0], vocab_size, size), dtype, "W")

    def call(self, ids):
        """ids (B, T) -> (B, T, E)."""
        checks.rank(ids.shape, "(B, T)", "ids")
        if tf.executing_eagerly():
            checks.ids(array(ids), self.vocab_size, "ids")
        return tf.gather(self.W.value, ids)


def lacks(cell):
    """Why the framework has no layer for such a cell, or None where it has one."""
    return cells.lacks("keras", cell)


def refuse(why):
    """ValueError for a cell without a layer of the framework's own; nothing for None."""
    if why is not None:
        raise ValueError(f"{why}: leave native out, or use native=False, Recurrent or Derived")


def where(valid, new, old):
    """Take `new` where valid (B,), else `old`, in every leaf of a state, along its first axis."""

    def choose(new, old):
        mask = tf.reshape(valid, (-1, *[1] * (len(new.shape) - 1)))  # (B, 1, ...)
        return tf.where(mask, new, old)

    return map_leaves(choose, new, old)


def check_cell(cell):
    """What `Recurrent` asks of a cell; TypeError says what is not there."""
    missing = [name for name in ("hidden_size", "initial_state") if not hasattr(cell, name)]
    if missing:
        raise TypeError(
            f"{type(cell).__name__} is no cell: it lacks {' and '.join(missing)}; a cell has hidden_size, "
            "initial_state(x) and the call (x (B, D), state) -> y (B, H), new state"
        )


def inputs_of(cell):
    """The size and the dtype of a cell's inputs, None for what it does not tell: the dtype is that
    of its parameters."""
    dtypes = [p.dtype for p in cell.weights if tf.as_dtype(p.dtype).is_floating]
    return getattr(cell, "input_size", None), dtypes[0] if dtypes else None


def check_input(x, input_size, dtype, lengths):
    """What the door of a layer over time refuses; returns the lengths as a tensor beside x.

    Where the size or the dtype of the inputs is not known, None, they are not checked.
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
    if lengths is None or not tf.executing_eagerly():  # while a graph is traced there are no numbers to check
        return None if lengths is None else tf.cast(lengths, tf.int32)
    return tf.cast(checks.lengths(array(lengths), x.shape[0], x.shape[1]), tf.int32)


def check_state(state, like):
    """The first state has the form, the shapes and the dtype of `like`: one tensor, or any nesting
    of such."""
    return map_leaves(check_leaf, match_form(state, like), like)


def check_leaf(state, like):
    """One tensor of a state has the shape and the dtype of `like`."""
    if not hasattr(state, "shape"):
        raise TypeError(f"state must hold tensors, got {type(state).__name__}: rnn.tensor(array) makes one")
    if not state.shape.is_compatible_with(like.shape):
        raise ValueError(f"state must have shape {tuple(like.shape)}, got {tuple(state.shape)}")
    if state.dtype != like.dtype:
        raise TypeError(f"state is {state.dtype.name}, x is {like.dtype.name}: convert one of them")
    return state
