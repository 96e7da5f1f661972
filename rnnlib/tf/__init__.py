"""The TensorFlow half of rnnlib.  `import rnnlib.tf as rnn`; the same names stand in rnnlib.pt."""

from rnnlib.tf import framework

framework.load()  # before the modules below import it

from rnnlib.tf.cells.elman import ElmanCell
from rnnlib.tf.cells.gru import GRUCell
from rnnlib.tf.cells.lstm import LSTMCell
from rnnlib.tf.cells.mingru import MinGRUCell
from rnnlib.tf.cells.minlstm import MinLSTMCell
from rnnlib.tf.cells.registry import make_cell
from rnnlib.tf.cells.sru import SRUCell
from rnnlib.tf.convert import array, load, params, tensor, value_and_grads
from rnnlib.tf.fused.layer import FusedRNN
from rnnlib.tf.fused.scan import scan
from rnnlib.tf.layers.conv import TCN, CausalConv
from rnnlib.tf.layers.dense import Embedding, Linear
from rnnlib.tf.layers.native import NativeRNN
from rnnlib.tf.layers.recurrent import RNN
from rnnlib.tf.layers.stack import (
    Bidirectional,
    Dropout,
    LayerNorm,
    Stacked,
    gather_last,
    pool_steps,
)
from rnnlib.tf.models.classifier import Classifier
from rnnlib.tf.models.engines import AutoRNN, engine_of
from rnnlib.tf.models.forecaster import ForecastNet
from rnnlib.tf.models.tagger import Tagger
from rnnlib.tf.training import checkpoint, losses
from rnnlib.tf.training.checkpoint import restore, save
from rnnlib.tf.training.loop import evaluate, fit, predict

name = "TensorFlow"  # of the framework

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
