"""Whole models in TensorFlow: recurrent layers and a linear head.  Mirror: rnnlib/pt/models.py.

`cell` is a name of weights.CELLS, or (name, options).  `native` chooses what runs the recurrent
layers: None, at each call the fastest engine that is right (`AutoRNN`); True or "native", the
framework's own layer, or a ValueError that says why there is none; "fused", our function with a
gradient derived by hand, or a ValueError; False or "loop", the readable loop.  A study names its
engine, so that its digits stay.  All are the same function with the same parameter names:
`embed.W`, `rnn.cell.W_x`, `rnn.cell.W_h`, `rnn.cell.b`, `head.W`, `head.b`; two directions give
`rnn.fwd.cell.W_x` and `rnn.bwd.cell.W_x`, several layers `rnn.layers.0.cell.W_x` and so on.
"""

import keras
import tensorflow as tf

from rnnlib import checks, engines, weights
from rnnlib.engines import Named, Seed
from rnnlib.tf.conv import TCN
from rnnlib.tf.convert import Module, Tensor, _from_mask, _mask_after, _saveable
from rnnlib.tf.derived import Derived
from rnnlib.tf.engines import AutoRNN
from rnnlib.tf.layers import (
    Embedding,
    Lengths,
    Linear,
    Native,
    Recurrent,
    lacks,
    make_cell,
    refuse,
)
from rnnlib.tf.stack import Bidirectional, Dropout, Stacked, last, pooled

POOLS = ("last", "mean", "max")  # of the steps of a sequence, for a Classifier
HEADS = {"point": {}, "quantile": {"outputs": 3}, "gaussian": {}}  # of a Forecaster
HEAD_SIZES = {"point": 1, "gaussian": 2}


@_saveable
class Model(keras.Model):
    """What the models share: embedding if there is a vocabulary, recurrent layers, linear head.

    vocab_size     x is ids (B, T), embedded in vectors of `input_size`
    num_layers     layers on top of each other; `residual`, `layer_norm`: as in `Stacked`
    bidirectional  each layer reads in both directions, so that its output has 2H numbers
    dropout        on embeddings, between layers and before the head; `variational`: one mask for
                   all steps
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        cell: Named = "elman",
        *,
        native: bool | str | None = None,
        vocab_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        rng: Seed = 0,
        dtype: str = "float32",
        sequences: bool = True,
    ):
        super().__init__(dtype=dtype, autocast=False)
        for_embed, for_rnn, for_head, *for_dropout = weights.seeds(rng, 6)
        stack = dict(num_layers=checks.positive(num_layers, "num_layers"))
        stack.update(bidirectional=checks.flag(bidirectional, "bidirectional"), residual=residual)
        stack.update(dropout=dropout, variational=variational, layer_norm=layer_norm)
        about = f"{type(self).__name__} of {checks.named(cell, weights.CELLS, 'cell')}"
        self.about = f"{about}, {stack}"  # what names and shapes do not tell
        self.embed = (
            None if vocab_size is None else Embedding(vocab_size, input_size, for_embed, dtype)
        )
        self.embed_dropout = Dropout(dropout if vocab_size else 0.0, variational, for_dropout[0])
        sizes = (input_size, hidden_size)
        self.rnn = engine(cell, *sizes, native, for_rnn, dtype, sequences, for_dropout[1], **stack)
        self.head_dropout = Dropout(dropout, variational, for_dropout[2])
        self.bidirectional = bidirectional
        self.head = Linear(self.rnn.output_size, output_size, for_head, dtype)
        self.built = True  # all weights are there

    def encode(self, x: Tensor, lengths: Lengths = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> what the recurrent layers say at each step, (B, T, H), after
        the end 0.
        """
        y, _ = self.rnn(
            x if self.embed is None else self.embed_dropout(self.embed(x)), lengths=lengths
        )
        return y

    def summary(self, x: Tensor, lengths: Lengths = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> what they say after the whole sequence, (B, H)."""
        y = self.encode(x, lengths)
        return y if len(y.shape) == 2 else last(y, lengths, self.bidirectional)


@_saveable
class Classifier(Model):
    """One class for each sequence: x (B, T, D) or ids (B, T) -> logits (B, C), from what is known
    after the last valid step.

    pool  "last": from that; "mean", "max": from the mean or the maximum over all valid steps
    """

    return_sequences = False
    compute_mask = _mask_after

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_classes: int,
        cell: Named = "elman",
        pool: str = "last",
        *,
        native: bool | str | None = None,
        vocab_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        rng: Seed = 0,
        dtype: str = "float32",
    ):
        checks.choice(pool, POOLS, "pool")
        super().__init__(
            input_size,
            hidden_size,
            num_classes,
            cell,
            native=native,
            vocab_size=vocab_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            variational=variational,
            residual=residual,
            layer_norm=layer_norm,
            rng=rng,
            dtype=dtype,
            sequences=pool != "last",
        )
        self.pool = pool
        self.about += "" if pool == "last" else f", {pool}"

    def call(self, x: Tensor, lengths: Lengths = None, mask: Tensor | None = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> logits (B, C)."""
        lengths = _from_mask(mask, lengths)
        if self.pool == "last":
            return self.head(self.head_dropout(self.summary(x, lengths)))
        return self.head(self.head_dropout(pooled(self.encode(x, lengths), self.pool, lengths)))


@_saveable
class Tagger(Model):
    """One answer at each step: x (B, T, D) or ids (B, T) -> logits or values (B, T, K); padding
    gets an answer too.
    """

    compute_mask = _mask_after

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        cell: Named = "elman",
        *,
        native: bool | str | None = None,
        vocab_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        rng: Seed = 0,
        dtype: str = "float32",
    ):
        super().__init__(
            input_size,
            hidden_size,
            output_size,
            cell,
            native=native,
            vocab_size=vocab_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            variational=variational,
            residual=residual,
            layer_norm=layer_norm,
            rng=rng,
            dtype=dtype,
        )

    def call(self, x: Tensor, lengths: Lengths = None, mask: Tensor | None = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> logits or values (B, T, K)."""
        lengths = _from_mask(mask, lengths)
        return self.head(self.head_dropout(self.encode(x, lengths)))


@_saveable
class Forecaster(Model):
    """The next values of a series: x (B, T, D) -> (B, horizon), from what is known after the last
    valid step.

    head  "point"; or what a distribution needs: ("quantile", {"outputs": Q}) -> (B, horizon, Q),
          for the loss "pinball"; "gaussian" -> (B, horizon, 2), mean and log of the standard
          deviation, for the loss "gaussian"
    """

    return_sequences = False
    compute_mask = _mask_after

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        horizon: int,
        cell: Named = "elman",
        head: Named = "point",
        *,
        native: bool | str | None = None,
        vocab_size: int | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        rng: Seed = 0,
        dtype: str = "float32",
    ):
        kind, chosen = checks.named(head, HEADS, "head")
        outputs = (
            checks.positive(chosen["outputs"], "outputs of the head")
            if chosen
            else HEAD_SIZES[kind]
        )
        size = checks.positive(horizon, "horizon") * outputs
        super().__init__(
            input_size,
            hidden_size,
            size,
            cell,
            native=native,
            vocab_size=vocab_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            variational=variational,
            residual=residual,
            layer_norm=layer_norm,
            rng=rng,
            dtype=dtype,
            sequences=False,
        )
        self.horizon, self.outputs, self.point = horizon, outputs, kind == "point"
        self.about += "" if self.point else f", head {kind}"

    def call(self, x: Tensor, lengths: Lengths = None, mask: Tensor | None = None) -> Tensor:
        """x (B, T, D) -> (B, horizon), or (B, horizon, outputs of the head)."""
        lengths = _from_mask(mask, lengths)
        y = self.head(self.head_dropout(self.summary(x, lengths)))
        return y if self.point else tf.reshape(y, (-1, self.horizon, self.outputs))


def engine(
    cell: Named,
    input_size: int,
    hidden_size: int,
    native: bool | str | None = None,
    rng: Seed = 0,
    dtype: str = "float32",
    sequences: bool = True,
    dropout_rng: Seed = 0,
    num_layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    variational: bool = False,
    residual: bool = False,
    layer_norm: bool = False,
) -> Module:
    """The recurrent layers of a model: one, or two directions, or a stack of them."""
    plain = num_layers == 1 and not residual and not layer_norm
    if plain and not bidirectional:
        return layer(cell, input_size, hidden_size, native, rng, dtype, sequences)
    if checks.named(cell, weights.CELLS, "cell")[0] == "tcn":
        raise ValueError(
            "a tcn has layers of its own and one direction: set num_layers in its options"
        )

    def level(k, seed):
        directions = 2 if bidirectional else 1
        size = input_size if k == 0 else hidden_size * directions
        if not bidirectional:
            return layer(cell, size, hidden_size, native, seed, dtype)
        fwd, bwd = (
            layer(cell, size, hidden_size, native, s, dtype) for s in weights.seeds(seed, 2)
        )
        return Bidirectional(fwd, bwd)

    levels = [level(k, seed) for k, seed in enumerate(weights.seeds(rng, num_layers))]
    if plain:
        return levels[0]
    return Stacked(levels, residual, dropout, variational, layer_norm, dropout_rng)


def layer(
    cell: Named,
    input_size: int,
    hidden_size: int,
    native: bool | str | None = None,
    rng: Seed = 0,
    dtype: str = "float32",
    sequences: bool = True,
) -> Module:
    """One layer over time for a cell by name, run by the engine that `native` asks for."""
    kind, options = checks.named(cell, weights.CELLS, "cell")
    name = engines.asked(native)
    if name == "native":
        refuse(lacks(kind, options))
        return Native(cell, input_size, hidden_size, sequences, rng, dtype)
    if kind == "tcn":
        if name == "fused":
            raise ValueError(
                "a tcn is made of convolutions, it has no fused function: leave native out"
            )
        return TCN(input_size, hidden_size, rng=rng, dtype=dtype, **options)
    ours = make_cell(cell, input_size, hidden_size, rng, dtype)
    if name is None:
        return AutoRNN(ours, sequences)
    return Derived(ours) if name == "fused" else Recurrent(ours)
