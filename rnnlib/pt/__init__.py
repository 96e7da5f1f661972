"""The PyTorch half of rnnlib.  `import rnnlib.pt as rnn`; the same names stand in rnnlib.tf."""

from rnnlib.pt import framework

framework.load()  # before the modules below import it

from rnnlib.pt.cells.elman import ElmanCell
from rnnlib.pt.cells.gru import GRUCell
from rnnlib.pt.cells.lstm import LSTMCell
from rnnlib.pt.cells.mingru import MinGRUCell
from rnnlib.pt.cells.minlstm import MinLSTMCell
from rnnlib.pt.cells.registry import make_cell
from rnnlib.pt.cells.sru import SRUCell
from rnnlib.pt.convert import array, load, params, tensor, value_and_grads
from rnnlib.pt.fused.layer import FusedRNN
from rnnlib.pt.fused.scan import scan
from rnnlib.pt.layers.conv import TCN, CausalConv
from rnnlib.pt.layers.dense import Embedding, Linear
from rnnlib.pt.layers.native import NativeRNN
from rnnlib.pt.layers.recurrent import RNN
from rnnlib.pt.layers.stack import (
    Bidirectional,
    Dropout,
    LayerNorm,
    Stacked,
    gather_last,
    pool_steps,
)
from rnnlib.pt.models.classifier import Classifier
from rnnlib.pt.models.engines import AutoRNN, engine_of
from rnnlib.pt.models.forecaster import ForecastNet
from rnnlib.pt.models.tagger import Tagger
from rnnlib.pt.training import checkpoint, losses
from rnnlib.pt.training.checkpoint import restore, save
from rnnlib.pt.training.loop import evaluate, fit, predict

name = "PyTorch"  # of the framework

__all__ = [
    "AutoRNN",
    "Bidirectional",
    "CausalConv",
    "Classifier",
    "Dropout",
    "ElmanCell",
    "Embedding",
    "ForecastNet",
    "FusedRNN",
    "GRUCell",
    "LSTMCell",
    "LayerNorm",
    "Linear",
    "MinGRUCell",
    "MinLSTMCell",
    "NativeRNN",
    "RNN",
    "SRUCell",
    "Stacked",
    "TCN",
    "Tagger",
    "array",
    "checkpoint",
    "engine_of",
    "evaluate",
    "fit",
    "gather_last",
    "load",
    "losses",
    "make_cell",
    "name",
    "params",
    "pool_steps",
    "predict",
    "restore",
    "save",
    "scan",
    "tensor",
    "value_and_grads",
]
