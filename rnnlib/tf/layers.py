"""Layers over time in TensorFlow.  Mirror: rnnlib/pt/layers.py."""

import keras
import tensorflow as tf

from rnnlib import checks, weights
from rnnlib.tf.convert import array, assign, check, dtype_of, parameter
from rnnlib.tf.elman import ElmanCell

CELLS = {"elman": ElmanCell}
NATIVE = {"elman": {"activation": "tanh"}, "lstm": {}}  # name -> options


class Recurrent(keras.layers.Layer):
    """Any cell over time: x (B, T, D) -> y (B, T, H), final state.  A plain loop, one turn for each step.

    `state` is what the cell takes, zeros if None.  With `lengths` (B,), y is 0 after the end of a sequence and the final state
    is the one at its last valid step.
    """

    def __init__(self, cell):
        check(cell)
        super().__init__(dtype=cell.dtype, autocast=False)
        self.cell = cell
        self.built = True  # the cell has its weights: Keras need not try a call to find out

    def call(self, x, state=None, lengths=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = check_input(x, self.cell.input_size, self.cell.W_x.dtype, lengths)
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
        _, ys, state = tf.while_loop(lambda t, *_: t < T, turn, (0, tf.TensorArray(x.dtype, T), state))
        return tf.transpose(ys.stack(), (1, 0, 2)), state


class Native(keras.layers.Layer):
    """The framework's own layer behind the call of `Recurrent`: x (B, T, D) -> y (B, T, H), final state.

    `cell` is "elman", ("elman", {"activation": "relu"}) or "lstm".  Our initial weights and names; PyTorch's second bias
    stays frozen at 0, so that both frameworks train the same model.
    """

    def __init__(self, cell, input_size, hidden_size, rng=0, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        self.kind, options = checks.named(cell, NATIVE, "cell")
        self.input_size = checks.positive(input_size, "input_size")
        self.hidden_size = checks.positive(hidden_size, "hidden_size")
        sizes = dict(units=hidden_size, return_sequences=True, return_state=True, dtype=dtype_of(dtype).name)
        if self.kind == "elman":
            checks.choice(options["activation"], ("tanh", "relu"), "activation")
            self.layer = keras.layers.SimpleRNN(activation=options["activation"], **sizes)
        else:
            self.layer = keras.layers.LSTM(**sizes)
        self.layer.build((None, None, input_size))
        self.to_native(weights.draw(self.kind, input_size, hidden_size, rng))

    def from_native(self, read=array):
        """Our parameters {name: array} out of the framework's layer."""
        return weights.from_keras(self.kind, [read(p) for p in self.layer.trainable_variables])

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


def engine(cell, input_size, hidden_size, native, rng, dtype):
    """The recurrent layer of a model: the framework's own, or our loop over our cell."""
    kind, options = checks.named(cell, NATIVE, "cell")
    if native:
        return Native(cell, input_size, hidden_size, rng, dtype)
    if kind not in CELLS:
        ours = ", ".join(CELLS)
        raise ValueError(
            f"native=False runs a cell of ours, and there is none for {kind!r} (there is: {ours}): use native=True"
        )
    return Recurrent(CELLS[kind](input_size, hidden_size, rng=rng, dtype=dtype, **options))


def where(valid, new, old):
    """Take `new` where valid (B, 1), else `old`, in every part of a state."""
    if isinstance(new, tuple):
        return tuple(where(valid, n, o) for n, o in zip(new, old, strict=True))
    return tf.where(valid, new, old)


def check_input(x, input_size, dtype, lengths):
    """What the door of a layer over time refuses; returns the lengths as a tensor beside x."""
    checks.rank(x.shape, "(B, T, D)", "x")
    if x.shape[2] != input_size:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has {x.shape[2]} features, this layer takes {input_size}"
        )
    if x.dtype != dtype:
        raise TypeError(
            f"x is {x.dtype.name}, the weights are {dtype}: convert x, or build with another dtype="
        )
    if lengths is None or not tf.executing_eagerly():  # while a graph is traced there are no numbers to check
        return None if lengths is None else tf.cast(lengths, tf.int32)
    return tf.cast(checks.lengths(array(lengths), x.shape[0], x.shape[1]), tf.int32)


def check_state(state, like):
    """The first state has the form, the shapes and the dtype of `like`: a tensor (B, H), or a tuple of such."""
    if isinstance(like, tuple) != isinstance(state, (tuple, list)) or (
        isinstance(like, tuple) and len(state) != len(like)
    ):
        wanted = f"a tuple of {len(like)} tensors" if isinstance(like, tuple) else "one tensor"
        got = f"a {type(state).__name__}" + (f" of {len(state)}" if isinstance(state, (tuple, list)) else "")
        raise TypeError(f"state must be {wanted}, got {got}")
    if isinstance(like, tuple):
        return tuple(check_state(part, other) for part, other in zip(state, like, strict=True))
    if not hasattr(state, "shape"):
        raise TypeError(f"state must hold tensors, got {type(state).__name__}: rnn.tensor(array) makes one")
    if not state.shape.is_compatible_with(like.shape):
        raise ValueError(f"state must have shape {tuple(like.shape)}, got {tuple(state.shape)}")
    if state.dtype != like.dtype:
        raise TypeError(f"state is {state.dtype.name}, x is {like.dtype.name}: convert one of them")
    return state
