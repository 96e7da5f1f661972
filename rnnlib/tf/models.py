"""Whole models in TensorFlow: recurrent layers and a linear head.  Mirror: rnnlib/pt/models.py.

`cell` is a name of `rnnlib.cells`, or (name, options).  `native=None` runs the framework's own layer where there is one for the cell,
else `Derived`, else our loop; `native=True` the framework's layer or a ValueError; `native=False` the readable loop.  All are the same function
with the same parameter names: `embed.W`, `rnn.cell.W_x`, `rnn.cell.W_h`, `rnn.cell.b`, `head.W`, `head.b`; two directions give
`rnn.fwd.cell.W_x` and `rnn.bwd.cell.W_x`, several layers `rnn.layers.0.cell.W_x` and so on.
"""

import keras
import tensorflow as tf

from rnnlib import cells, checks, weights
from rnnlib.tf.conv import TCN
from rnnlib.tf.derived import Derived, underived
from rnnlib.tf.layers import Embedding, Linear, Native, Recurrent, lacks, refuse
from rnnlib.tf.registry import make_cell
from rnnlib.tf.stack import Bidirectional, Dropout, Stacked, last, pooled

POOLS = ("last", "mean", "max")  # of the steps of a sequence, for a Classifier
HEADS = {"point": {}, "quantile": {"outputs": 3}, "gaussian": {}}  # of a Forecaster
HEAD_SIZES = {"point": 1, "gaussian": 2}


class Model(keras.Model):
    """What the models share: embedding if there is a vocabulary, recurrent layers, linear head.

    vocab_size     x is ids (B, T), embedded in vectors of `input_size`
    num_layers     layers on top of each other; `residual`, `layer_norm`: as in `Stacked`
    bidirectional  each layer reads in both directions, so that its output has 2H numbers
    dropout        on embeddings, between layers and before the head; `variational`: one mask for all steps
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        output_size,
        cell="elman",
        native=None,
        vocab_size=None,
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        variational=False,
        residual=False,
        layer_norm=False,
        rng=0,
        dtype="float32",
        sequences=True,
    ):
        super().__init__(dtype=dtype, autocast=False)
        for_embed, for_rnn, for_head, *for_dropout = weights.seeds(rng, 6)
        stack = dict(num_layers=checks.positive(num_layers, "num_layers"))
        stack.update(bidirectional=checks.flag(bidirectional, "bidirectional"), residual=residual)
        stack.update(dropout=dropout, variational=variational, layer_norm=layer_norm)
        about = f"{type(self).__name__} of {cells.named(cell)}"
        self.about = f"{about}, {stack}"  # what names and shapes do not tell
        self.embed = None if vocab_size is None else Embedding(vocab_size, input_size, for_embed, dtype)
        self.embed_dropout = Dropout(dropout if vocab_size else 0.0, variational, for_dropout[0])
        sizes = (input_size, hidden_size)
        self.rnn = engine(cell, *sizes, native, for_rnn, dtype, sequences, for_dropout[1], **stack)
        self.head_dropout = Dropout(dropout, variational, for_dropout[2])
        self.bidirectional = bidirectional
        self.head = Linear(self.rnn.output_size, output_size, for_head, dtype)

    def encode(self, x, lengths=None):
        """x (B, T, D) or ids (B, T) -> what the recurrent layers say at each step, (B, T, H), after the end 0."""
        y, _ = self.rnn(x if self.embed is None else self.embed_dropout(self.embed(x)), lengths=lengths)
        return y

    def summary(self, x, lengths=None):
        """x (B, T, D) or ids (B, T) -> what they say after the whole sequence, (B, H)."""
        y = self.encode(x, lengths)
        return y if len(y.shape) == 2 else last(y, lengths, self.bidirectional)


class Classifier(Model):
    """One class for each sequence: x (B, T, D) or ids (B, T) -> logits (B, C), from what is known after the last valid step.

    pool  "last": from that; "mean", "max": from the mean or the maximum over all valid steps
    """

    def __init__(self, input_size, hidden_size, num_classes, cell="elman", pool="last", **options):
        checks.choice(pool, POOLS, "pool")
        super().__init__(input_size, hidden_size, num_classes, cell, sequences=pool != "last", **options)
        self.pool = pool
        self.about += "" if pool == "last" else f", {pool}"

    def call(self, x, lengths=None):
        """x (B, T, D) or ids (B, T) -> logits (B, C)."""
        if self.pool == "last":
            return self.head(self.head_dropout(self.summary(x, lengths)))
        return self.head(self.head_dropout(pooled(self.encode(x, lengths), self.pool, lengths)))


class Tagger(Model):
    """One answer at each step: x (B, T, D) or ids (B, T) -> logits or values (B, T, K); padding gets an answer too."""

    def __init__(self, input_size, hidden_size, output_size, cell="elman", **options):
        super().__init__(input_size, hidden_size, output_size, cell, **options)

    def call(self, x, lengths=None):
        """x (B, T, D) or ids (B, T) -> logits or values (B, T, K)."""
        return self.head(self.head_dropout(self.encode(x, lengths)))

    def carry(self, x, state=None, lengths=None, training=False):
        """x (B, T, D) or ids (B, T), the state before -> logits or values (B, T, K), the state after.

        What `fit` calls with batches that carry a state.  ValueError for a model without one.
        """
        if self.bidirectional:
            raise ValueError("two directions carry no state from batch to batch: bidirectional=False")
        if self.embed is not None:
            x = self.embed_dropout(self.embed(x), training=training)
        y, state = self.rnn(x, state, lengths, training=training)
        if state is None:
            raise ValueError("a tcn carries no state from batch to batch: choose another cell")
        return self.head(self.head_dropout(y, training=training)), state


class Forecaster(Model):
    """The next values of a series: x (B, T, D) -> (B, horizon), from what is known after the last valid step.

    head  "point"; or what a distribution needs: ("quantile", {"outputs": Q}) -> (B, horizon, Q), for the loss "pinball";
          "gaussian" -> (B, horizon, 2), mean and log of the standard deviation, for the loss "gaussian"
    """

    def __init__(self, input_size, hidden_size, horizon, cell="elman", head="point", **options):
        kind, chosen = checks.named(head, HEADS, "head")
        outputs = checks.positive(chosen["outputs"], "outputs of the head") if chosen else HEAD_SIZES[kind]
        size = checks.positive(horizon, "horizon") * outputs
        super().__init__(input_size, hidden_size, size, cell, sequences=False, **options)
        self.horizon, self.outputs, self.point = horizon, outputs, kind == "point"
        self.about += "" if self.point else f", head {kind}"

    def call(self, x, lengths=None):
        """x (B, T, D) -> (B, horizon), or (B, horizon, outputs of the head)."""
        y = self.head(self.head_dropout(self.summary(x, lengths)))
        return y if self.point else tf.reshape(y, (-1, self.horizon, self.outputs))


def engine(
    cell,
    input_size,
    hidden_size,
    native=None,
    rng=0,
    dtype="float32",
    sequences=True,
    dropout_rng=0,
    num_layers=1,
    bidirectional=False,
    dropout=0.0,
    variational=False,
    residual=False,
    layer_norm=False,
):
    """The recurrent layers of a model: one, or two directions, or a stack of them."""
    plain = num_layers == 1 and not residual and not layer_norm
    if plain and not bidirectional:
        return layer(cell, input_size, hidden_size, native, rng, dtype, sequences)
    if cells.named(cell)[0] == "tcn":
        raise ValueError("a tcn has layers of its own and one direction: set num_layers in its options")

    def level(k, seed):
        size = input_size if k == 0 else hidden_size * (2 if bidirectional else 1)
        if not bidirectional:
            return layer(cell, size, hidden_size, native, seed, dtype)
        return Bidirectional(
            *(layer(cell, size, hidden_size, native, s, dtype) for s in weights.seeds(seed, 2))
        )

    levels = [level(k, seed) for k, seed in enumerate(weights.seeds(rng, num_layers))]
    return levels[0] if plain else Stacked(levels, residual, dropout, variational, layer_norm, dropout_rng)


def layer(cell, input_size, hidden_size, native=None, rng=0, dtype="float32", sequences=True):
    """One layer over time for a cell by name: the framework's own, or ours."""
    kind, options = cells.named(cell)
    why = lacks(cell)
    if native:
        refuse(why)
    if native or (native is None and why is None):
        return Native(cell, input_size, hidden_size, sequences, rng, dtype)
    if kind == "tcn":
        return TCN(input_size, hidden_size, rng=rng, dtype=dtype, **options)
    ours = make_cell(cell, input_size, hidden_size, rng, dtype)
    return Derived(ours) if native is None and underived(ours) is None else Recurrent(ours)
