"""All runs of the chapter on PyTorch: `python -m rnnlib.experiments.torch_digits.run` (some fifteen
minutes).

Classifier and training loop are the chapter's own cells, read from notebooks/pytorch.md below the
current folder, so that what is measured is what is printed there: call it at the root of the
repository.  The spoken digits are left out where the data set is not there.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from rnnlib.data import datasets
from rnnlib.experiments import machine, runner
from rnnlib.experiments.study import Record
from rnnlib.experiments.torch_digits.study import STUDY, TorchDigits

CHAPTER = Path("notebooks", "pytorch.md")
WANTED = ("RNNClassifier", "collate", "evaluate", "fit")


def chapter(path: Path = CHAPTER) -> SimpleNamespace:
    """What the chapter's cells define under the names WANTED.  FileNotFoundError where the chapter
    is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no {path} below {Path.cwd()}: the runs are made with the chapter's own cells, "
            "so call this at the root of the repository"
        )
    names: dict[str, Any] = {}
    for source in cells(path.read_text(encoding="utf-8")):
        for node in ast.parse(source).body:
            imports = isinstance(node, ast.Import | ast.ImportFrom) and "fit" not in names
            if imports or getattr(node, "name", None) in WANTED:
                exec(compile(ast.Module([node], []), str(path), "exec"), names)
    return SimpleNamespace(**{name: names[name] for name in WANTED})


def cells(text: str) -> Iterator[str]:
    """The code cells of a chapter in MyST: what stands between ```{code-cell} and ```, without its
    options.
    """
    lines = iter(text.splitlines())
    for line in lines:
        if not line.startswith("```{code-cell}"):
            continue
        body = []
        for inner in lines:
            if inner == "```":
                break
            body.append(inner)
        if body and body[0] == "---":
            body = body[body.index("---", 1) + 1 :]
        yield "\n".join(part for part in body if not part.startswith(":"))


def plan(study: TorchDigits, results: dict) -> Iterator[tuple[str, Record]]:
    """The networks on the images, then each speaker held out, and as many recordings at random."""
    for cell in study.cells:
        for rate in study.rates:
            for seed in study.tuning_seeds:
                yield "runs", {"cell": cell, "rate": rate, "seed": seed}
        chosen = study.chosen_rate(results, cell)
        for seed in study.reported_seeds:
            yield "runs", {"cell": cell, "rate": chosen, "seed": seed}
    if datasets.available("fsdd") or results["spoken"]:
        for split in study.splits:
            for speaker in study.speakers:
                yield "spoken", {"speaker": speaker, "split": split}


@cache
def recordings() -> dict:
    """The spoken digits."""
    return datasets.load("fsdd")


def make(study: TorchDigits, book: SimpleNamespace, runs: str, asked: Record) -> list[Record]:
    """One run with the chapter's classifier and loop -> [what it found]."""
    if runs == "runs":
        return [images(study, book, **asked)]
    return [sounds(study, book, **asked)]


def images(study: TorchDigits, book: SimpleNamespace, cell: str, rate: float, seed: int) -> Record:
    """A recurrent network on the images; only the reported seeds see the test part."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    x, y, rows = study.digits()
    parts = {name: (torch.tensor(x[part]), torch.tensor(y[part])) for name, part in rows.items()}
    torch.manual_seed(seed)
    model = book.RNNClassifier(8, study.hidden_size, 10, cell)
    order = torch.Generator().manual_seed(seed)
    batches: DataLoader = DataLoader(
        TensorDataset(*parts["train"]), study.batch, shuffle=True, generator=order
    )
    losses = book.fit(model, batches, parts["valid"], rate, study.epochs, study.patience)
    valid_loss, valid_accuracy = book.evaluate(model, parts["valid"])
    found = {"epochs": len(losses), "best_epoch": int(np.argmin(losses))}
    found |= {"valid_loss": round(valid_loss, 6), "valid_accuracy": round(valid_accuracy, 6)}
    if seed in study.reported_seeds:
        x_test, y_test = parts["test"]
        with torch.inference_mode():
            wrong = model(x_test).argmax(dim=1) != y_test
        found["test_accuracy"] = round(1 - wrong.float().mean().item(), 6)
        found["wrong"] = wrong.nonzero().ravel().tolist()  # places in the test part
    return found | {"curve": [round(loss, 5) for loss in losses]}


def sounds(study: TorchDigits, book: SimpleNamespace, speaker: str, split: str) -> Record:
    """A GRU on the spoken digits: a speaker held out, or the same numbers of recordings at
    random.
    """
    import torch
    from torch.utils.data import DataLoader

    how = study.spoken_options
    data = study.spoken(recordings(), speaker)
    if split == "known":
        data = study.known(data, study.speakers.index(speaker))
    valid, test = (book.collate(study.recordings(torch, data, part)) for part in ("valid", "test"))
    torch.manual_seed(0)
    model = book.RNNClassifier(how.n_mels, study.hidden_size, 10, "GRU")
    order = torch.Generator().manual_seed(0)
    train: Any = study.recordings(torch, data, "train")
    batches: DataLoader = DataLoader(
        train, how.batch, True, generator=order, collate_fn=book.collate
    )
    losses = book.fit(model, batches, valid, how.rate, how.epochs, how.patience)
    found = {"epochs": len(losses)}
    found["valid_accuracy"] = round(book.evaluate(model, valid)[1], 6)
    found["test_accuracy"] = round(book.evaluate(model, test)[1], 6)
    return found | {"curve": [round(loss, 5) for loss in losses]}


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = runner.parser(__doc__).parse_args(arguments)
    if options.list:
        return runner.list_missing(STUDY, plan, options.out)
    machine.one_thread()  # before PyTorch starts
    import torch

    torch.set_num_threads(1)
    runner.complete(STUDY, plan, make, chapter(), options.out, options.seconds)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
