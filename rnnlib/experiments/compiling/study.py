"""The study of `torch.compile` on a recurrent loop: its settings, and what the stored run found.

`python -m rnnlib.experiments.compiling.run` measures, the chapter `pytorch` reads.  Three makes of
one network, an Elman layer and a linear layer: `loop` (a cell in a Python loop), `compiled` (the
same loop through torch.compile with its default backend, a C++ compiler on a CPU) and `native`
(nn.RNN).  A step is forward, loss and backward.
"""

from dataclasses import dataclass
from typing import ClassVar

from rnnlib.experiments.study import Record, Study


@dataclass(frozen=True, eq=False, kw_only=True)
class Compiling(Study):
    """Settings; a figure is the median over `rounds` of the mean over `calls`."""

    packages: ClassVar[tuple[str, ...]] = ("torch",)
    lists: ClassVar[tuple[str, ...]] = ("lengths",)  # one run for each length T

    engines: tuple[str, ...] = ()  # PyTorch's own modules, written out in run.py
    lengths: tuple[int, ...] = (8, 32, 128)
    batch: int = 32
    input_size: int = 8
    hidden_size: int = 64
    classes: int = 10
    rounds: int = 15
    calls: int = 20

    def reports(self, runs: str, record: Record) -> bool:
        """All: nothing is chosen."""
        return True


STUDY = Compiling()
