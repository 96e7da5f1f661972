"""What whole models share in TensorFlow: embedding, recurrent layers, head.

Mirror: rnnlib/pt/models/base.py.
"""

import keras

from rnnlib.core import cells, seeds, validation
from rnnlib.core.engines import Named, Seed
from rnnlib.tf.convert import Tensor, _saveable
from rnnlib.tf.layers.dense import Embedding, Linear
from rnnlib.tf.layers.recurrent import Lengths
from rnnlib.tf.layers.stack import Dropout, gather_last
from rnnlib.tf.models.build import build_rnn


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
        for_embed, for_rnn, for_head, *for_dropout = seeds.child_seeds(rng, 6)
        stack = dict(num_layers=validation.positive(num_layers, "num_layers"))
        stack.update(
            bidirectional=validation.flag(bidirectional, "bidirectional"), residual=residual
        )
        stack.update(dropout=dropout, variational=variational, layer_norm=layer_norm)
        about = f"{type(self).__name__} of {cells.named(cell)}"
        self.about = f"{about}, {stack}"  # what names and shapes do not tell
        if vocab_size is None:
            self.embed = None
        else:
            self.embed = Embedding(vocab_size, input_size, for_embed, dtype)
        self.embed_dropout = Dropout(dropout if vocab_size else 0.0, variational, for_dropout[0])
        sizes = (input_size, hidden_size)
        self.rnn = build_rnn(
            cell, *sizes, native, for_rnn, dtype, sequences, for_dropout[1], **stack
        )
        self.head_dropout = Dropout(dropout, variational, for_dropout[2])
        self.bidirectional = bidirectional
        self.head = Linear(self.rnn.output_size, output_size, for_head, dtype)
        self.built = True  # all weights are there

    def encode(self, x: Tensor, lengths: Lengths = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> what the recurrent layers say at each step, (B, T, H),
        after the end 0.
        """
        y, _ = self.rnn(
            x if self.embed is None else self.embed_dropout(self.embed(x)), lengths=lengths
        )
        return y

    def summary(self, x: Tensor, lengths: Lengths = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> what they say after the whole sequence, (B, H)."""
        y = self.encode(x, lengths)
        if len(y.shape) == 2:
            return y
        return gather_last(y, lengths, self.bidirectional)
