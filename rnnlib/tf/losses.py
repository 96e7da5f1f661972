"""Losses over padded batches in TensorFlow, with the way of averaging said by name.  Mirror: rnnlib/pt/losses.py.

per="token"     the sum over valid steps, divided by the number of valid steps in the batch
per="sequence"  the mean over sequences of each one's own mean over its valid steps
per="batch"     the sum over valid steps, divided by the number of sequences

Where there is one target for each sequence all three are the mean over the batch.
"""

import math

import tensorflow as tf

from rnnlib import checks
from rnnlib.tf.convert import array

PER = ("token", "sequence", "batch")


def cross_entropy(logits, y, lengths=None, per="token"):
    """logits (B, C) or (B, T, C), classes y (B,) or (B, T) -> mean of -log softmax(logits)[y], in nats."""
    check_shapes(logits, y, logits.shape[:-1], "classes y", lengths)
    if tf.executing_eagerly():
        checks.ids(y.numpy(), logits.shape[-1], "classes y")
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
    return average(each, lengths, per)


def mse(prediction, y, lengths=None, per="token"):
    """prediction and y both (B, K) or both (B, T, K) -> mean squared error, over the K outputs too."""
    check_shapes(prediction, y, prediction.shape, "y", lengths)
    each = tf.reduce_mean((prediction - tf.cast(y, prediction.dtype)) ** 2, axis=-1)
    return average(each, lengths, per)


def pinball(prediction, y, lengths=None, levels=(0.05, 0.5, 0.95)):
    """Quantiles (B, K, Q) at `levels` of y (B, K) -> mean pinball loss; `lengths` are those of x and change nothing."""
    check_shapes(prediction, y, prediction.shape[:-1], "y")
    if len(levels) != prediction.shape[-1]:
        raise ValueError(
            f"{len(levels)} levels for predictions {tuple(prediction.shape)}: one for each output"
        )
    over = tf.cast(y, prediction.dtype)[..., None] - prediction  # (B, K, Q)
    steps = tf.constant(levels, prediction.dtype)
    return tf.reduce_mean(tf.maximum(steps * over, (steps - 1) * over))


def gaussian(prediction, y, lengths=None):
    """Mean and log deviation (B, K, 2) of y (B, K) -> mean of -log of the normal density, in nats; `lengths` change nothing."""
    check_shapes(prediction, y, prediction.shape[:-1], "y")
    if prediction.shape[-1] != 2:
        raise ValueError(
            f"predictions {tuple(prediction.shape)} must hold 2 numbers for each y: mean and log of the deviation"
        )
    mean, log_deviation = prediction[..., 0], prediction[..., 1]
    z = (tf.cast(y, prediction.dtype) - mean) * tf.exp(-log_deviation)
    return tf.reduce_mean(log_deviation + z**2 / 2) + math.log(2 * math.pi) / 2


def average(each, lengths=None, per="token"):
    """Losses (B,) or (B, T) -> one number, padding left out."""
    checks.choice(per, PER, "averaging per")
    if len(each.shape) == 1:
        return tf.reduce_mean(each)
    B, T = tf.unstack(tf.shape(each))
    lengths = tf.fill((B,), T) if lengths is None else tf.cast(lengths, tf.int32)
    each = tf.where(tf.range(T) < lengths[:, None], each, 0)  # (B, T)
    steps = tf.cast(lengths, each.dtype)  # (B,)
    if per == "token":
        return tf.reduce_sum(each) / tf.reduce_sum(steps)
    if per == "sequence":
        return tf.reduce_mean(tf.reduce_sum(each, axis=1) / steps)
    return tf.reduce_sum(each) / tf.cast(B, each.dtype)


def check_shapes(prediction, y, expected, what, lengths=None):
    """Equal shapes: a target (B, 1) against a prediction (B,) would broadcast to (B, B) and still train."""
    if len(prediction.shape) not in (2, 3):
        raise ValueError(f"predictions have shape (B, K) or (B, T, K), got {tuple(prediction.shape)}")
    if len(y.shape) != len(expected) or not y.shape.is_compatible_with(expected):
        shapes = f"got {tuple(y.shape)} for predictions {tuple(prediction.shape)}"
        raise ValueError(f"{what} must have shape {tuple(expected)}, {shapes}: add or drop an axis")
    if lengths is not None and len(prediction.shape) == 3 and tf.executing_eagerly():
        checks.lengths(array(lengths), *prediction.shape[:2])
