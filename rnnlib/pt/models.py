"""Whole models in PyTorch: a recurrent layer and a linear head.  Mirror: rnnlib/tf/models.py.

`cell` is "elman", ("elman", {"activation": "relu"}) or "lstm".  `native=True` runs the framework's own layer, `native=False` our
readable loop: the same function, the same parameter names `embed.W`, `rnn.cell.W_x`, `rnn.cell.W_h`, `rnn.cell.b`, `head.W`,
`head.b`.  With `vocab_size`, x is ids (B, T), embedded in vectors of `input_size`.
"""

from torch import nn

from rnnlib import checks
from rnnlib.pt.layers import NATIVE, Embedding, Linear, engine
from rnnlib.weights import seeds


class Model(nn.Module):
    """What the models share: embedding if there is a vocabulary, recurrent layer, linear head."""

    def __init__(self, input_size, hidden_size, output_size, cell, native, vocab_size, rng, dtype):
        super().__init__()
        for_embed, for_rnn, for_head = seeds(rng, 3)
        self.about = f"{type(self).__name__} of {checks.named(cell, NATIVE, 'cell')}"  # what names and shapes do not tell
        self.embed = None if vocab_size is None else Embedding(vocab_size, input_size, for_embed, dtype)
        self.rnn = engine(cell, input_size, hidden_size, native, for_rnn, dtype)
        self.head = Linear(hidden_size, output_size, for_head, dtype)

    def encode(self, x, lengths=None):
        """x (B, T, D) or ids (B, T) -> outputs y (B, T, H), the last valid hidden state h (B, H)."""
        y, state = self.rnn(x if self.embed is None else self.embed(x), lengths=lengths)
        return y, state[0] if isinstance(state, tuple) else state


class Classifier(Model):
    """One class for each sequence: x (B, T, D) or ids (B, T) -> logits (B, C), from the last valid state."""

    def __init__(
        self,
        input_size,
        hidden_size,
        num_classes,
        cell="elman",
        native=True,
        vocab_size=None,
        rng=0,
        dtype="float32",
    ):
        super().__init__(input_size, hidden_size, num_classes, cell, native, vocab_size, rng, dtype)

    def forward(self, x, lengths=None):
        """x (B, T, D) or ids (B, T) -> logits (B, C)."""
        _, h = self.encode(x, lengths)
        return self.head(h)


class Tagger(Model):
    """One answer at each step: x (B, T, D) or ids (B, T) -> logits or values (B, T, K); padding gets an answer too."""

    def __init__(
        self,
        input_size,
        hidden_size,
        output_size,
        cell="elman",
        native=True,
        vocab_size=None,
        rng=0,
        dtype="float32",
    ):
        super().__init__(input_size, hidden_size, output_size, cell, native, vocab_size, rng, dtype)

    def forward(self, x, lengths=None):
        """x (B, T, D) or ids (B, T) -> logits or values (B, T, K)."""
        y, _ = self.encode(x, lengths)
        return self.head(y)


class Forecaster(Model):
    """The next values of a series: x (B, T, D) -> (B, horizon), from the last valid state."""

    def __init__(
        self,
        input_size,
        hidden_size,
        horizon,
        cell="elman",
        native=True,
        vocab_size=None,
        rng=0,
        dtype="float32",
    ):
        super().__init__(input_size, hidden_size, horizon, cell, native, vocab_size, rng, dtype)

    def forward(self, x, lengths=None):
        """x (B, T, D) -> (B, horizon)."""
        _, h = self.encode(x, lengths)
        return self.head(h)
