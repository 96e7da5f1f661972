"""One answer at each step, in PyTorch.  Mirror: rnnlib/tf/models/tagger.py."""

from rnnlib.core.engines import Named, Seed
from rnnlib.pt.convert import Tensor
from rnnlib.pt.layers.recurrent import Lengths
from rnnlib.pt.models.base import Model


class Tagger(Model):
    """One answer at each step: x (B, T, D) or ids (B, T) -> logits or values (B, T, K);
    padding gets an answer too.
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

    def forward(self, x: Tensor, lengths: Lengths = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> logits or values (B, T, K)."""
        return self.head(self.head_dropout(self.encode(x, lengths)))

    def carry(self, x, state=None, lengths=None):
        """x (B, T, D) or ids (B, T), the state before -> logits or values (B, T, K), the state
        after.

        What `fit` calls with batches that carry a state.  ValueError for a model without one.
        """
        if self.bidirectional:
            raise ValueError(
                "two directions carry no state from batch to batch: bidirectional=False"
            )
        if self.embed is not None:
            x = self.embed_dropout(self.embed(x))
        y, state = self.rnn(x, state, lengths)
        if state is None:
            raise ValueError("a tcn carries no state from batch to batch: choose another cell")
        return self.head(self.head_dropout(y)), state
