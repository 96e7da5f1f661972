"""The next values of a series, in PyTorch.  Mirror: rnnlib/tf/models/forecaster.py."""

from rnnlib.core import validation
from rnnlib.core.engines import Named, Seed
from rnnlib.pt.convert import Tensor
from rnnlib.pt.layers.recurrent import Lengths
from rnnlib.pt.models.base import Model

HEADS = {"point": {}, "quantile": {"outputs": 3}, "gaussian": {}}  # of a ForecastNet
HEAD_SIZES = {"point": 1, "gaussian": 2}


class ForecastNet(Model):
    """The next values of a series: x (B, T, D) -> (B, horizon), from what is known after the last
    valid step.

    head  "point"; or what a distribution needs: ("quantile", {"outputs": Q}) -> (B, horizon, Q),
          for the loss "pinball"; "gaussian" -> (B, horizon, 2), mean and log of the standard
          deviation, for the loss "gaussian"
    """

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
        kind, chosen = validation.named(head, HEADS, "head")
        if chosen:
            outputs = validation.positive(chosen["outputs"], "outputs of the head")
        else:
            outputs = HEAD_SIZES[kind]
        size = validation.positive(horizon, "horizon") * outputs
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
        self.horizon = horizon
        self.outputs = outputs
        self.point = kind == "point"
        self.about += "" if self.point else f", head {kind}"

    def forward(self, x: Tensor, lengths: Lengths = None) -> Tensor:
        """x (B, T, D) -> (B, horizon), or (B, horizon, outputs of the head)."""
        y = self.head(self.head_dropout(self.summary(x, lengths)))
        if self.point:
            return y
        return y.reshape(-1, self.horizon, self.outputs)
