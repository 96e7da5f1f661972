"""What torch.compile does for a recurrent loop: `python -m benchmarks.compiling` (2-5 minutes; needs a C++ compiler).

Settings: rnnlib/studies/compiling.py.  The makes take turns, so that a change of the machine's pace hits all alike.  One thread, and
all times are processor time, so that what else the machine does hardly counts.  That of a first step includes the C++ compiler,
which starts from an empty cache but has been started once before.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()  # an empty cache: the first call really compiles
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # in this process, whose children's time is counted

from tools import environment  # noqa: E402

environment.apply()

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from benchmarks.machine import describe, write_json  # noqa: E402
from rnnlib.studies import compiling  # noqa: E402
from rnnlib.studies.compiling import BATCH, CALLS, CLASSES, HIDDEN, INPUT, LENGTHS, ROUNDS  # noqa: E402


class Loop(nn.Module):
    """An Elman cell in a Python loop, then a linear layer on the last state."""

    def __init__(self):
        super().__init__()
        self.cell, self.fc = nn.RNNCell(INPUT, HIDDEN), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x):
        """x (B, T, D) -> logits (B, K)."""
        h = x.new_zeros(len(x), HIDDEN)
        for x_t in x.unbind(dim=1):
            h = self.cell(x_t, h)
        return self.fc(h)


class Native(nn.Module):
    """The same with nn.RNN."""

    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.RNN(INPUT, HIDDEN, batch_first=True), nn.Linear(HIDDEN, CLASSES)

    def forward(self, x):
        """x (B, T, D) -> logits (B, K)."""
        return self.fc(self.rnn(x)[1][-1])


def step(model, x, y):
    """Forward, loss, backward."""
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()


def use(model, x):
    """Forward only, no graph."""
    with torch.no_grad():
        model(x)


def spent():
    """Processor seconds of this process and of all it has started and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def milliseconds(function, *arguments):
    """Processor time of a call, mean over CALLS."""
    begin = time.process_time()
    for _ in range(CALLS):
        function(*arguments)
    return 1e3 * (time.process_time() - begin) / CALLS


def measure(T):
    """All figures for one length."""
    x, y = torch.randn(BATCH, T, INPUT), torch.randint(CLASSES, (BATCH,))
    torch.manual_seed(0)
    loop, native = Loop(), Native()
    native.fc.load_state_dict(loop.fc.state_dict())
    native.rnn.load_state_dict({f"{name}_l0": w for name, w in loop.cell.state_dict().items()})
    torch._dynamo.reset()
    makes = {"loop": loop, "compiled": torch.compile(loop), "native": native}
    begin = spent()
    step(makes["compiled"], x, y)
    first_step = spent() - begin
    use(makes["compiled"], x)  # without a gradient it is compiled again
    first_use = spent() - begin - first_step
    gap = max((model(x) - loop(x)).abs().max().item() for model in makes.values())
    times = {name: {"step": [], "use": []} for name in makes}
    for k in range(-2, ROUNDS):
        for name, model in makes.items():
            found = milliseconds(step, model, x, y), milliseconds(use, model, x)
            if k >= 0:  # two rounds to warm up
                times[name]["step"].append(found[0])
                times[name]["use"].append(found[1])
    figures = {
        name: {what: round(median(values), 4) for what, values in parts.items()}
        for name, parts in times.items()
    }
    return dict(
        T=T,
        first_step_seconds=round(first_step, 1),
        first_use_seconds=round(first_use, 1),
        gap=gap,
        milliseconds=figures,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    step(torch.compile(Loop()), torch.randn(BATCH, 2, INPUT), torch.zeros(BATCH, dtype=torch.long))
    lengths = []
    for T in LENGTHS:
        lengths.append(measure(T))
        print(lengths[-1], flush=True)
    about = {"settings": compiling.settings(), "torch": torch.__version__, "machine": describe()}
    print(write_json(compiling.PATH, about | {"lengths": lengths}))
