"""All runs of the chapter on PyTorch: `python -m benchmarks.torch_digits` (some fifteen minutes).

Classifier and training loop are the chapter's own cells, read from notebooks/pytorch.md, so that what is measured is what is
printed there; the rest stands in rnnlib/studies/torch_digits.py.  Runs are kept one by one in results/torch_digits.json; a second
call goes on where the first one stopped.  The spoken digits are left out where the data set is not there.
"""

import ast
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from tools import chapters, environment  # noqa: E402

environment.apply()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from benchmarks import machine  # noqa: E402
from rnnlib import datasets  # noqa: E402
from rnnlib.studies import torch_digits as study  # noqa: E402

WANTED = {"RNNClassifier", "collate", "evaluate", "fit"}


def chapter():
    """What the chapter's cells define under the names WANTED, and what they import."""
    found = {}
    for cell in chapters.code(chapters.read_source(ROOT / "notebooks" / "pytorch.md")):
        for node in ast.parse(cell.source).body:
            imports = isinstance(node, ast.Import | ast.ImportFrom) and not found.get("fit")
            if imports or getattr(node, "name", None) in WANTED:
                exec(compile(ast.Module([node], []), "notebooks/pytorch.md", "exec"), found)
    return SimpleNamespace(**{name: found[name] for name in WANTED})


def images(book, results):
    """The recurrent networks on the images: rates by the tuning seeds, then the reported seeds, which alone see the test part."""
    x, y, rows = study.digits()
    parts = {name: (torch.tensor(x[part]), torch.tensor(y[part])) for name, part in rows.items()}
    done = {(run["cell"], run["rate"], run["seed"]) for run in results["runs"]}

    def run(cell, rate, seed):
        if (cell, rate, seed) in done:
            return
        torch.manual_seed(seed)
        model = book.RNNClassifier(8, study.HIDDEN, 10, cell)
        order = torch.Generator().manual_seed(seed)
        batches = DataLoader(TensorDataset(*parts["train"]), study.BATCH, shuffle=True, generator=order)
        losses = book.fit(model, batches, parts["valid"], rate, study.EPOCHS, study.PATIENCE)
        about = dict(cell=cell, rate=rate, seed=seed, epochs=len(losses), best_epoch=int(np.argmin(losses)))
        about["valid_loss"], about["valid_accuracy"] = (
            round(v, 6) for v in book.evaluate(model, parts["valid"])
        )
        if seed in study.REPORTED:
            with torch.inference_mode():
                wrong = model(parts["test"][0]).argmax(dim=1) != parts["test"][1]
            about["test_accuracy"] = round(1 - wrong.float().mean().item(), 6)
            about["wrong"] = wrong.nonzero().ravel().tolist()  # places in the test part
        about["curve"] = [round(v, 5) for v in losses]
        results["runs"].append(about)
        machine.write_json(study.PATH, results)
        print({k: v for k, v in about.items() if k not in ("curve", "wrong")}, flush=True)

    for cell in study.CELLS:
        for rate in study.RATES:
            for seed in study.TUNING:
                run(cell, rate, seed)
        for seed in study.REPORTED:
            run(cell, study.chosen_rate(results, cell), seed)


def sounds(book, results):
    """Spoken digits: each speaker held out once, and the same numbers of recordings at random."""
    recordings = datasets.load("fsdd")
    done = {(run["speaker"], run["split"]) for run in results["spoken"]}
    speakers = sorted(set(recordings["speakers"]))
    for split in ("new", "known"):
        for k, speaker in enumerate(speakers):
            if (str(speaker), split) in done:
                continue
            data = study.spoken(recordings, speaker)
            heard = data if split == "new" else study.known(data, k)
            valid, test = (book.collate(study.recordings(torch, heard, part)) for part in ("valid", "test"))
            torch.manual_seed(0)
            model = book.RNNClassifier(len(valid[0][0, 0]), study.HIDDEN, 10, "GRU")
            order = torch.Generator().manual_seed(0)
            train = study.recordings(torch, heard, "train")
            batches = DataLoader(train, study.SPOKEN_BATCH, True, generator=order, collate_fn=book.collate)
            losses = book.fit(
                model, batches, valid, study.SPOKEN_RATE, study.SPOKEN_EPOCHS, study.SPOKEN_PATIENCE
            )
            about = dict(speaker=str(speaker), split=split, epochs=len(losses))
            about["valid_accuracy"] = round(book.evaluate(model, valid)[1], 6)
            about["test_accuracy"] = round(book.evaluate(model, test)[1], 6)
            about["curve"] = [round(v, 5) for v in losses]
            results["spoken"].append(about)
            machine.write_json(study.PATH, results)
            print({k: v for k, v in about.items() if k != "curve"}, flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    book, results = chapter(), study.load()
    images(book, results)
    try:
        sounds(book, results)
    except datasets.DatasetUnavailable as problem:
        print(problem)
