"""The TensorFlow half of rnnlib.  `import rnnlib.tf as rnn`; the same names stand in rnnlib.pt."""

from rnnlib.tf import framework

framework.load()  # before the modules below import it

from rnnlib.tf import checkpoint, losses
from rnnlib.tf.checkpoint import restore, save
from rnnlib.tf.conv import TCN, CausalConv
from rnnlib.tf.convert import array, load, params, tensor, value_and_grads
from rnnlib.tf.derived import Derived
from rnnlib.tf.elman import ElmanCell
from rnnlib.tf.engines import AutoRNN, engine_of
from rnnlib.tf.gru import GRUCell
from rnnlib.tf.layers import Embedding, Linear, Native, Recurrent
from rnnlib.tf.lstm import LSTMCell
from rnnlib.tf.mingru import MinGRUCell
from rnnlib.tf.minlstm import MinLSTMCell
from rnnlib.tf.models import Classifier, Forecaster, Tagger
from rnnlib.tf.registry import make_cell
from rnnlib.tf.scan import scan
from rnnlib.tf.sru import SRUCell
from rnnlib.tf.stack import Bidirectional, Dropout, LayerNorm, Stacked
from rnnlib.tf.train import evaluate, fit, predict

name = "TensorFlow"

__all__ = [
    "AutoRNN",
    "Bidirectional",
    "CausalConv",
    "Classifier",
    "Derived",
    "Dropout",
    "ElmanCell",
    "Embedding",
    "Forecaster",
    "GRUCell",
    "LSTMCell",
    "LayerNorm",
    "Linear",
    "MinGRUCell",
    "MinLSTMCell",
    "Native",
    "Recurrent",
    "SRUCell",
    "Stacked",
    "TCN",
    "Tagger",
    "array",
    "checkpoint",
    "engine_of",
    "evaluate",
    "fit",
    "load",
    "losses",
    "make_cell",
    "name",
    "params",
    "predict",
    "restore",
    "save",
    "scan",
    "tensor",
    "value_and_grads",
]
