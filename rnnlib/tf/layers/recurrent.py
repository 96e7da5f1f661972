"""Any cell over time in TensorFlow, and what the doors of such layers refuse.

Mirror: rnnlib/pt/layers/recurrent.py.
"""

from typing import TypeAlias

import keras
import tensorflow as tf

from rnnlib.core import validation
from rnnlib.core.trees import map_leaves, match_form
from rnnlib.tf.convert import (
    Cell,
    DType,
    Tensor,
    _from_mask,
    _mask_after,
    _saveable,
    array,
    require_module,
)

# of a cell; of a stack, a list; of two directions, a pair
State: TypeAlias = Tensor | tuple | list | None
Lengths: TypeAlias = Tensor | None


@_saveable
class RNN(keras.layers.Layer):
    """Any cell over time: x (B, T, D) -> y (B, T, H), final state.

    A plain loop, one turn for each step.

    The cell may be the reader's own: a module with `hidden_size`, `initial_state(x)` and the call
    (x (B, D), state) -> y (B, H), new state.  Its state may be one tensor or any nesting of tuples,
    lists and dicts of tensors of any rank, each with the batch as its first axis.  `state` is what
    the cell takes, its initial state if None.  With `lengths` (B,), y is 0 after the end of a
    sequence and the final state is the one at its last valid step.
    """

    compute_mask = _mask_after

    def __init__(self, cell):
        require_module(cell)
        check_cell(cell)
        super().__init__(dtype=cell.dtype, autocast=False)
        self.cell = cell
        self.output_size = cell.hidden_size
        self.supports_jit = False  # XLA does not take loops whose number of turns it does not know
        self.built = True  # the cell has its weights: Keras need not try a call to find out

    def call(self, x, state=None, lengths=None, mask=None):
        """x (B, T, D) -> y (B, T, H), final state."""
        lengths = _from_mask(mask, lengths)
        x, lengths = check_input(x, *inputs_of(self.cell), lengths)
        first = self.cell.initial_state(x)
        if state is None:
            state = first
        else:
            state = check_state(state, first)
        T = tf.shape(x)[1]
        xs = tf.TensorArray(x.dtype, T).unstack(tf.transpose(x, (1, 0, 2)))

        def turn(t, ys, state):
            y, new = self.cell(xs.read(t), state)
            if lengths is not None:
                valid = t < lengths  # (B,)
                y = select_state(valid, y, tf.zeros_like(y))
                new = select_state(valid, new, state)
            return t + 1, ys.write(t, y), new

        # a while_loop: a Python loop would be traced anew for every T, and slowly
        _, ys, state = tf.while_loop(
            lambda t, *_: t < T, turn, (0, tf.TensorArray(x.dtype, T), state)
        )
        ys = ys.stack()  # (T, B, H)
        return tf.transpose(ys, (1, 0, *range(2, len(ys.shape)))), state


def select_state(valid, new, old):
    """Take `new` where valid (B,), else `old`, in every leaf of a state, along its first axis."""

    def choose(new, old):
        mask = tf.reshape(valid, (-1, *[1] * (len(new.shape) - 1)))  # (B, 1, ...)
        return tf.where(mask, new, old)

    return map_leaves(choose, new, old)


def check_cell(cell):
    """What `RNN` asks of a cell; TypeError says what is not there."""
    missing = [name for name in ("hidden_size", "initial_state") if not hasattr(cell, name)]
    if missing:
        raise TypeError(
            f"{type(cell).__name__} is no cell: it lacks {' and '.join(missing)}; a cell has "
            "hidden_size, initial_state(x) and the call (x (B, D), state) -> y (B, H), new state"
        )


def inputs_of(cell: Cell) -> tuple[int | None, DType | None]:
    """The size and the dtype of a cell's inputs, None for what it does not tell: the dtype is that
    of its parameters."""
    dtypes = [p.dtype for p in cell.weights if tf.as_dtype(p.dtype).is_floating]
    return getattr(cell, "input_size", None), dtypes[0] if dtypes else None


def check_input(
    x: Tensor, input_size: int | None, dtype: DType | None, lengths: Lengths
) -> tuple[Tensor, Lengths]:
    """What the door of a layer over time refuses -> x with zeros for padding, lengths (B,) as a
    tensor beside x.

    Where the size or the dtype of the inputs is not known, None, they are not checked. Padding may
    hold anything, NaN too: what a layer does with a zero can be multiplied by the gradient 0. Where
    a graph is traced there are no numbers to check: it checks the lengths itself, each time that it
    runs.
    """
    validation.rank(x.shape, "(B, T, D)", "x")
    if input_size is not None and x.shape[2] != input_size:
        raise ValueError(
            f"x of shape {tuple(x.shape)} has {x.shape[2]} features, this layer takes "
            f"{input_size}: build it with input_size={x.shape[2]}"
        )
    if dtype is not None and x.dtype != dtype:
        raise TypeError(
            f"x is {x.dtype.name}, the weights are {dtype}: give tf.cast(x, {str(dtype)!r}), or "
            "build with another dtype, such as dtype='float64'"
        )
    if lengths is None:
        return x, None
    T = tf.shape(x)[1]
    if is_traced():
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
        lengths = tf.cast(validation.lengths(array(lengths), x.shape[0], x.shape[1]), tf.int32)
    valid = tf.sequence_mask(lengths, T)  # (B, T)
    return tf.where(valid[:, :, None], x, 0), lengths


def is_traced() -> bool:
    """Whether a tracer or an exporter follows this call, so that tensors have no numbers to look
    at.
    """
    return not tf.executing_eagerly()


def check_state(state, like):
    """The first state has the form, the shapes and the dtype of `like`: one tensor, or any nesting
    of such."""
    return map_leaves(check_leaf, match_form(state, like), like)


def check_leaf(state, like):
    """One tensor of a state has the shape and the dtype of `like`."""
    if not hasattr(state, "shape"):
        raise TypeError(
            f"state must hold tensors, got {type(state).__name__}: rnn.tensor(array) makes one"
        )
    if not state.shape.is_compatible_with(like.shape):
        raise ValueError(f"state must have shape {tuple(like.shape)}, got {tuple(state.shape)}")
    if state.dtype != like.dtype:
        raise TypeError(f"state is {state.dtype.name}, x is {like.dtype.name}: convert one of them")
    return state
