"""Recurrent neural networks, twice: the package behind the book.

`import rnnlib.pt as rnn` (PyTorch) or `import rnnlib.tf as rnn` (TensorFlow) give the same names;
everything else here is NumPy. Import rnnlib before TensorFlow: see `rnnlib.load_order`.
"""

from rnnlib import load_order as load_order  # at once, before anything can import TensorFlow

__version__ = "0.1.0"
