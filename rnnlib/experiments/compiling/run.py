"""What torch.compile does for a recurrent loop: `python -m rnnlib.experiments.compiling.run` (2-5
minutes).

It needs a C++ compiler.  The makes take turns, so that a change of the machine's pace hits all
alike.  One thread, and all times are processor time, so that what else the machine does hardly
counts.  That of a first step includes the C++ compiler, which starts from an empty cache but has
been started once before.
"""

import os
import tempfile
from collections.abc import Iterator
from types import ModuleType

from rnnlib.experiments import machine, runner
from rnnlib.experiments.compiling.study import STUDY, Compiling
from rnnlib.experiments.study import Record


def plan(study: Compiling, results: dict) -> Iterator[tuple[str, Record]]:
    """One run for each length."""
    for T in study.lengths:
        yield "lengths", {"T": T}


def make(study: Compiling, networks: ModuleType, runs: str, asked: Record) -> list[Record]:
    """All figures for one length -> [what was found]."""
    return [networks.measure(study, asked["T"])]


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = runner.parser(__doc__).parse_args(arguments)
    if options.list:
        return runner.list_missing(STUDY, plan, options.out)
    machine.one_thread()  # before PyTorch starts
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()  # empty: the first call compiles
    # in this process, whose children's time is counted
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    import torch

    from rnnlib.experiments.compiling import networks

    torch.set_num_threads(1)
    networks.compile_once(STUDY)
    runner.complete(STUDY, plan, make, networks, options.out, options.seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
