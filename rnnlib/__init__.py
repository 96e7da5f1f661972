"""Recurrent neural networks, twice: the package behind the book.

`import rnnlib.pt as rnn` (PyTorch) or `import rnnlib.tf as rnn` (TensorFlow) give the same names; everything else here is NumPy.
"""

__version__ = "0.1.0"
