"""From a cell's name to recurrent layers, in TensorFlow.  Mirror: rnnlib/pt/models/build.py."""

from rnnlib.core import cells, engines, seeds
from rnnlib.core.engines import Named, Seed
from rnnlib.tf.cells.registry import make_cell
from rnnlib.tf.convert import Module
from rnnlib.tf.fused.layer import FusedRNN
from rnnlib.tf.layers.conv import TCN
from rnnlib.tf.layers.native import NativeRNN, require_native, why_not_native
from rnnlib.tf.layers.recurrent import RNN
from rnnlib.tf.layers.stack import Bidirectional, Stacked
from rnnlib.tf.models.engines import AutoRNN


def build_rnn(
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
        return build_layer(cell, input_size, hidden_size, native, rng, dtype, sequences)
    if cells.named(cell)[0] == "tcn":
        raise ValueError(
            "a tcn has layers of its own and one direction: give "
            f'cell=("tcn", {{"num_layers": {num_layers}}}) alone'
        )

    def level(k, seed):
        if bidirectional:
            directions = 2
        else:
            directions = 1
        if k == 0:
            size = input_size
        else:
            size = hidden_size * directions
        if not bidirectional:
            return build_layer(cell, size, hidden_size, native, seed, dtype)
        fwd, bwd = (
            build_layer(cell, size, hidden_size, native, s, dtype)
            for s in seeds.child_seeds(seed, 2)
        )
        return Bidirectional(fwd, bwd)

    levels = [level(k, seed) for k, seed in enumerate(seeds.child_seeds(rng, num_layers))]
    if plain:
        return levels[0]
    return Stacked(levels, residual, dropout, variational, layer_norm, dropout_rng)


def build_layer(
    cell: Named,
    input_size: int,
    hidden_size: int,
    native: bool | str | None = None,
    rng: Seed = 0,
    dtype: str = "float32",
    sequences: bool = True,
) -> Module:
    """One layer over time for a cell by name, run by the engine that `native` asks for."""
    kind, options = cells.named(cell)
    name = engines.asked(native)
    if name == "native":
        require_native(why_not_native(cell))
        return NativeRNN(cell, input_size, hidden_size, sequences, rng, dtype)
    if kind == "tcn":
        if name == "fused":
            raise ValueError(
                "a tcn is made of convolutions, it has no fused function: leave native= out"
            )
        return TCN(input_size, hidden_size, rng=rng, dtype=dtype, **options)
    ours = make_cell(cell, input_size, hidden_size, rng, dtype)
    if name is None:
        return AutoRNN(ours, sequences)
    if name == "fused":
        return FusedRNN(ours)
    return RNN(ours)
