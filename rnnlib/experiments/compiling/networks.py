"""The three makes of one network, and how a step and a use of them are timed, in PyTorch."""

import resource
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from rnnlib.experiments.compiling.study import Compiling


class Loop(nn.Module):
    """An Elman cell in a Python loop, then a linear layer on the last state."""

    def __init__(self, study: Compiling):
        super().__init__()
        self.cell = nn.RNNCell(study.input_size, study.hidden_size)
        self.fc = nn.Linear(study.hidden_size, study.classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T, D) -> logits (B, K)."""
        h = x.new_zeros(len(x), self.cell.hidden_size)
        for x_t in x.unbind(dim=1):
            h = self.cell(x_t, h)
        return self.fc(h)


class Native(nn.Module):
    """The same with nn.RNN."""

    def __init__(self, study: Compiling):
        super().__init__()
        self.rnn = nn.RNN(study.input_size, study.hidden_size, batch_first=True)
        self.fc = nn.Linear(study.hidden_size, study.classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (B, T, D) -> logits (B, K)."""
        return self.fc(self.rnn(x)[1][-1])


def step(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """Forward, loss, backward."""
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()


def use(model: nn.Module, x: torch.Tensor) -> None:
    """Forward only, no graph."""
    with torch.no_grad():
        model(x)


def spent() -> float:
    """Processor seconds of this process and of all it has started and waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def milliseconds(calls: int, function: Callable, *arguments: object) -> float:
    """Processor time of a call, mean over `calls`."""
    begin = time.process_time()
    for _ in range(calls):
        function(*arguments)
    return 1e3 * (time.process_time() - begin) / calls


def makes(study: Compiling) -> dict[str, Any]:
    """{"loop", "compiled", "native"}: one network, three times."""
    torch.manual_seed(0)
    loop = Loop(study)
    native = Native(study)
    native.fc.load_state_dict(loop.fc.state_dict())
    weights = {f"{name}_l0": value for name, value in loop.cell.state_dict().items()}
    native.rnn.load_state_dict(weights)
    torch._dynamo.reset()
    return {"loop": loop, "compiled": torch.compile(loop), "native": native}


def first_seconds(compiled: nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """What the first step and the first use cost, compiler included."""
    begin = spent()
    step(compiled, x, y)
    first_step = spent() - begin
    use(compiled, x)  # without a gradient it is compiled again
    first_use = spent() - begin - first_step
    return {
        "first_step_seconds": round(first_step, 1),
        "first_use_seconds": round(first_use, 1),
    }


def take_turns(
    study: Compiling, models: dict[str, nn.Module], x: torch.Tensor, y: torch.Tensor
) -> dict:
    """{make: {"step", "use": milliseconds}}."""
    times: dict[str, dict[str, list]] = {name: {"step": [], "use": []} for name in models}
    for turn in range(-2, study.rounds):
        for name, model in models.items():
            of_step = milliseconds(study.calls, step, model, x, y)
            of_use = milliseconds(study.calls, use, model, x)
            if turn >= 0:  # two rounds to warm up
                times[name]["step"].append(of_step)
                times[name]["use"].append(of_use)
    return {
        name: {kind: round(median(values), 4) for kind, values in parts.items()}
        for name, parts in times.items()
    }


def measure(study: Compiling, T: int) -> dict:
    """All figures for one length."""
    x = torch.randn(study.batch, T, study.input_size)
    y = torch.randint(study.classes, (study.batch,))
    models = makes(study)
    found = first_seconds(models["compiled"], x, y)
    answer = models["loop"](x)
    found["gap"] = max((model(x) - answer).abs().max().item() for model in models.values())
    return found | {"milliseconds": take_turns(study, models, x, y)}


def compile_once(study: Compiling) -> None:
    """Starts the compiler once, so that no figure holds its first start."""
    x = torch.randn(study.batch, 2, study.input_size)
    compiled: Any = torch.compile(Loop(study))
    step(compiled, x, torch.zeros(study.batch, dtype=torch.long))
