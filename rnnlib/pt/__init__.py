"""The PyTorch half of rnnlib.  `import rnnlib.pt as rnn`; the same names stand in rnnlib.tf."""

from rnnlib.pt import framework

framework.load()  # before the modules below import it

from rnnlib.pt import checkpoint, losses
from rnnlib.pt.checkpoint import restore, save
from rnnlib.pt.conv import TCN, CausalConv
from rnnlib.pt.convert import array, load, params, tensor, value_and_grads
from rnnlib.pt.derived import Derived
from rnnlib.pt.elman import ElmanCell
from rnnlib.pt.engines import AutoRNN, engine_of
from rnnlib.pt.gru import GRUCell
from rnnlib.pt.layers import Embedding, Linear, Native, Recurrent
from rnnlib.pt.lstm import LSTMCell
from rnnlib.pt.mingru import MinGRUCell
from rnnlib.pt.minlstm import MinLSTMCell
from rnnlib.pt.models import Classifier, Forecaster, Tagger
from rnnlib.pt.registry import make_cell
from rnnlib.pt.scan import scan
from rnnlib.pt.sru import SRUCell
from rnnlib.pt.stack import Bidirectional, Dropout, LayerNorm, Stacked
from rnnlib.pt.train import evaluate, fit, predict

name = "PyTorch"

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
