"""Build the wheel and try it from an empty folder, each framework hidden in turn:
`python -m tools.wheel`.

The wheel is unpacked, not installed, so that nothing of the environment changes; a real
installation is tried by the weekly workflow.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FRAMEWORKS = {"pt": "torch", "tf": "tensorflow"}  # half of the package -> what it stands on

TRY = """
import importlib, importlib.abc, pkgutil, sys

class Hidden(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.split(".")[0])

sys.meta_path.insert(0, Hidden())
import rnnlib
assert rnnlib.__file__.startswith({folder!r}), rnnlib.__file__
for module in pkgutil.walk_packages(rnnlib.__path__, "rnnlib."):
    if module.name.startswith(("rnnlib.pt", "rnnlib.tf")) or module.name.endswith("__main__"):
        continue
    if ".parity" in module.name:
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:  # a study of one framework
        if error.name not in {hidden!r} or not module.name.startswith("rnnlib.experiments."):
            raise
import numpy as np
rnn = importlib.import_module("rnnlib.{half}")
model = rnn.Classifier(3, 5, 2, cell="gru")
print(rnn.predict(model, np.zeros((2, 4, 3), "float32")).shape)
try:
    importlib.import_module("rnnlib.{other}")
except ModuleNotFoundError as error:
    assert "pip install" in str(error), error
else:
    raise AssertionError("rnnlib.{other} was imported without its framework")
"""


SOURCES = ("rnnlib", "pyproject.toml", "README.md", "LICENSE")


def build(folder: Path, root: Path = ROOT) -> Path:
    """The wheel of this checkout, in `folder`; RuntimeError with pip's words if it cannot be built.

    It is built from a copy: setuptools keeps what it built beside the sources, and would pack files
    that are gone.
    """
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (root / name).is_dir():
            shutil.copytree(
                root / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(root / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), "."], cwd=source, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"the wheel cannot be built:\n{done.stderr}")
    (wheel,) = folder.glob("rnnlib-*.whl")
    return wheel


def unpack(wheel: Path, folder: Path) -> Path:
    """The folder that holds the unpacked package."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def attempt(folder: Path, half: str, cwd: Path) -> str | None:
    """Import and run one half from the unpacked wheel, the other framework hidden;
    what failed, or None.
    """
    (other,) = FRAMEWORKS.keys() - {half}
    program = TRY.format(hidden={FRAMEWORKS[other]}, folder=str(folder), half=half, other=other)
    variables = dict(os.environ, PYTHONPATH=str(folder), PYTHONSAFEPATH="1")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, env=variables, capture_output=True, text=True
    )
    if done.returncode == 0:
        return None
    return f"rnnlib.{half} from the wheel, without {FRAMEWORKS[other]}:\n{done.stderr.strip()}"


def main() -> int:
    """Build, unpack, try both halves; 1 if anything failed."""
    failures = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch_path = Path(scratch).resolve()
        empty = scratch_path / "empty"
        empty.mkdir()
        wheel = build(scratch_path)
        folder = unpack(wheel, scratch_path / "unpacked")
        size = wheel.stat().st_size / 1e6
        for half in FRAMEWORKS:
            failures.append(attempt(folder, half, empty))
    problems = [failure for failure in failures if failure is not None]
    print(*problems, sep="\n")
    print(f"{wheel.name}, {size:.1f} MB: {len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
