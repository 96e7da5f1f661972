"""Layers made of layers in TensorFlow: directions, depth, dropout, normalisation (chapter
`architectures`).  Mirror: rnnlib/pt/layers/stack.py.
"""

import math

import keras
import tensorflow as tf

from rnnlib.core import seeds, validation
from rnnlib.tf.convert import _from_mask, _mask_after, _saveable, parameter, require_module


@_saveable
class Bidirectional(keras.layers.Layer):
    """Two layers over time, one of them reading backwards: x (B, T, D) -> y (B, T, 2H), states
    (forward, backward).

    At each step y holds the forward layer's output and the backward layer's, which has seen this
    step and all later ones. Source: Schuster & Paliwal 1997.
    """

    compute_mask = _mask_after

    def __init__(self, fwd, bwd):
        require_module(fwd)
        require_module(bwd)
        super().__init__(dtype=fwd.dtype, autocast=False)
        self.fwd = fwd
        self.bwd = bwd
        self.output_size = fwd.output_size + bwd.output_size
        self.built = True  # all weights are there
        self.supports_masking = True  # each step is on its own

    def call(self, x, state=None, lengths=None, mask=None):
        """x (B, T, D) -> y (B, T, 2H), (final state of the forward layer, of the backward
        layer).
        """
        lengths = _from_mask(mask, lengths)
        one, other = state_pair(state)
        y, one = self.fwd(x, one, lengths)
        back, other = self.bwd(reverse_sequences(x, lengths), other, lengths)
        return tf.concat([y, reverse_sequences(back, lengths)], axis=-1), (one, other)


@_saveable
class Stacked(keras.layers.Layer):
    """Layers over time on top of each other: x (B, T, D) -> y (B, T, H), list of final states, one
    for each layer.

    residual    add a layer's input to its output, where the two have one size
    dropout     between layers, not after the last; `variational`: one mask for all steps
    layer_norm  normalise each layer's output, before the residual is added

    After the end of a sequence y is 0.
    """

    compute_mask = _mask_after

    def __init__(
        self, layers, residual=False, dropout=0.0, variational=False, layer_norm=False, rng=0
    ):
        if not layers:
            raise ValueError("a stack needs at least one layer")
        super().__init__(dtype=layers[0].dtype, autocast=False)
        self.layers = list(layers)
        self.residual = validation.flag(residual, "residual")
        self.dropouts = [
            Dropout(dropout, variational, seed) for seed in seeds.child_seeds(rng, len(layers) - 1)
        ]
        if validation.flag(layer_norm, "layer_norm"):
            sizes = [layer.output_size for layer in layers]
        else:
            sizes = []
        self.norms = [LayerNorm(size, dtype=self.dtype) for size in sizes]
        self.built = True  # all weights are there
        self.supports_masking = True  # each step is on its own
        self.output_size = layers[-1].output_size

    def call(self, x, state=None, lengths=None, mask=None):
        """x (B, T, D) -> y (B, T, H), list of final states."""
        lengths = _from_mask(mask, lengths)
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


@_saveable
class Dropout(keras.layers.Layer):
    """While training, each number of x (B, T, D) is 0 with probability p, else divided by 1 - p;
    otherwise nothing is done.

    `variational`: one mask (B, 1, D) for all steps of a sequence.  The masks are a function of
    `rng` and of how many were drawn before, which a checkpoint keeps.  Sources: Srivastava et al.
    2014; Gal & Ghahramani 2016.
    """

    def __init__(self, p, variational=False, rng=0):
        super().__init__(autocast=False)
        self.p = validation.number(p, "dropout", 0, 1)
        self.variational = validation.flag(variational, "variational")
        self.seed = int(seeds.child_seeds(rng, 1)[0].generate_state(1)[0])
        self.draws = keras.Variable(0, dtype="int64", trainable=False, name="draws")
        self.built = True  # all weights are there
        self.supports_masking = True  # each step is on its own

    def call(self, x, training=False):
        """x (B, T, D) or (B, D) -> the same shape."""
        if self.p == 0 or not training:
            return x
        shape = tf.shape(x)
        if self.variational and len(x.shape) == 3:
            shape = tf.stack([shape[0], 1, shape[2]])
        seed = tf.stack([tf.constant(self.seed, tf.int64), self.draws.value])
        self.draws.assign_add(1)
        kept = tf.random.stateless_uniform(shape, seed) >= self.p
        return x * tf.cast(kept, x.dtype) / (1 - self.p)


@_saveable
class LayerNorm(keras.layers.Layer):
    """x (..., D) -> (x - mean) / sqrt(variance + eps) * g + b, over the last axis.  g (D,) one, b
    (D,) zero.  Ba et al. 2016.
    """

    def __init__(self, size, eps=1e-5, dtype="float32"):
        super().__init__(dtype=dtype, autocast=False)
        validation.positive(size, "size")
        self.eps = validation.number(eps, "eps", 0)
        self.g = parameter([1.0] * size, dtype, "g")
        self.b = parameter([0.0] * size, dtype, "b")
        self.built = True  # all weights are there
        self.supports_masking = True  # each step is on its own

    def call(self, x):
        """x (..., D) -> (..., D)."""
        mean = tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean((x - mean) ** 2, axis=-1, keepdims=True)
        return (x - mean) / tf.sqrt(variance + self.eps) * self.g + self.b


def mask_after_end(y, lengths, value=0):
    """y (B, T, H) with `value` after the end of each sequence; as it is without lengths."""
    if lengths is None:
        return y
    valid = tf.sequence_mask(lengths, tf.shape(y)[1])
    return tf.where(valid[:, :, None], y, tf.cast(value, y.dtype))


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
        return tf.reverse(x, [1])
    return tf.reverse_sequence(x, lengths, seq_axis=1)


def gather_last(y, lengths=None, bidirectional=False):
    """The output (B, H) after the whole sequence: of y (B, T, H) the last valid step, of a backward
    half the first.
    """
    if lengths is None:
        end = y[:, -1]
    else:
        end = tf.gather(y, tf.cast(lengths, tf.int32) - 1, axis=1, batch_dims=1)
    half = y.shape[2] // 2
    if bidirectional:
        return tf.concat([end[:, :half], y[:, 0, half:]], axis=-1)
    return end


def pool_steps(y, how, lengths=None):
    """The "mean" or the "max" of y (B, T, H) over each sequence's valid steps, (B, H)."""
    if how == "max":
        return tf.reduce_max(mask_after_end(y, lengths, -math.inf), axis=1)  # eq. pool-max
    if lengths is None:
        return tf.reduce_mean(y, axis=1)
    steps = tf.cast(lengths, y.dtype)[:, None]  # (B, 1)
    return tf.reduce_sum(mask_after_end(y, lengths), axis=1) / steps  # eq. masked-mean
