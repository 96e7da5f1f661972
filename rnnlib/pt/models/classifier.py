"""One class for each sequence, in PyTorch.  Mirror: rnnlib/tf/models/classifier.py."""

from rnnlib.core import validation
from rnnlib.core.engines import Named, Seed
from rnnlib.pt.convert import Tensor
from rnnlib.pt.layers.recurrent import Lengths
from rnnlib.pt.layers.stack import pool_steps
from rnnlib.pt.models.base import Model

POOLS = ("last", "mean", "max")  # of the steps of a sequence, for a Classifier


class Classifier(Model):
    """One class for each sequence: x (B, T, D) or ids (B, T) -> logits (B, C), from what is known
    after the last valid step.

    pool  "last": from that; "mean", "max": from the mean or the maximum over all valid steps
    """

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
        validation.choice(pool, POOLS, "pool")
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

    def forward(self, x: Tensor, lengths: Lengths = None) -> Tensor:
        """x (B, T, D) or ids (B, T) -> logits (B, C)."""
        if self.pool == "last":
            return self.head(self.head_dropout(self.summary(x, lengths)))
        return self.head(self.head_dropout(pool_steps(self.encode(x, lengths), self.pool, lengths)))
