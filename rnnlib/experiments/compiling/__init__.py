"""What `torch.compile` does for a recurrent loop."""

from rnnlib.experiments.compiling.study import STUDY, Compiling

__all__ = ["STUDY", "Compiling"]
