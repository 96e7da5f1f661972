"""Linear layers and embeddings in PyTorch.  Mirror: rnnlib/tf/layers/dense.py."""

from torch import nn
from torch.nn.functional import embedding

from rnnlib.core import initializers, seeds, validation
from rnnlib.pt.convert import Tensor, parameter
from rnnlib.pt.layers.recurrent import is_traced


class Linear(nn.Module):
    """x (..., D) -> x @ W + b (..., K).  W (D, K) drawn Glorot-uniform, b (K,) zero."""

    def __init__(self, input_size, output_size, rng=0, dtype="float32"):
        super().__init__()
        validation.positive(input_size, "input_size")
        validation.positive(output_size, "output_size")
        self.W = parameter(
            initializers.glorot(seeds.child_seeds(rng, 1)[0], input_size, output_size), dtype, "W"
        )
        self.b = parameter([0.0] * output_size, dtype, "b")

    def forward(self, x):
        """x (..., D) -> (..., K)."""
        return x @ self.W + self.b


class Embedding(nn.Module):
    """ids (B, T) -> vectors (B, T, E).  W (V, E) drawn normal with standard deviation E ** -0.5."""

    def __init__(self, vocab_size, size, rng=0, dtype="float32"):
        super().__init__()
        self.vocab_size = validation.positive(vocab_size, "vocab_size")
        self.W = parameter(
            initializers.embedding(seeds.child_seeds(rng, 1)[0], vocab_size, size), dtype, "W"
        )

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> (B, T, E).  On a GPU the lookup itself refuses ids that are not there."""
        validation.rank(ids.shape, "(B, T)", "ids")
        if ids.device.type == "cpu" and not is_traced() and not validation.trusted():
            validation.words(ids.detach().numpy(), self.vocab_size)  # no copy
        return embedding(ids, self.W)
