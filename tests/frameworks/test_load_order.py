"""What importing does: which library comes first, where descriptor 2 leads, which names appear.

Each case runs in a Python of its own. Packages that stand in for triton and TensorFlow say when
they are imported; a step of both optimizers runs with whatever is installed.
"""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backends import FRAMEWORKS, both, framework
from tools import chapters

ROOT = Path(__file__).parents[2]
TENSORFLOW = {"tensorflow", "keras"}  # Keras imports TensorFlow, its backend here
SENTENCE = "put `import rnnlib` before the first `import tensorflow` or `import keras`"
NO_SITE = ["-S"]  # no installed package at all: no triton


def stand_in(folder, package, code="pass"):
    """A package in `folder` that prints its name when it is imported, then runs `code`."""
    (folder / package).mkdir(exist_ok=True)
    (folder / package / "__init__.py").write_text(f"print({package!r})\n{code}\n", encoding="utf-8")


def python(code, *folders, options=(), **how):
    """Run code in a new Python with the repository, after `folders`, on its path."""
    path = os.pathsep.join(map(str, [*folders, ROOT]))
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        **how,
    )


# --- triton before TensorFlow


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import rnnlib, tensorflow", "triton tensorflow"),
        ("import rnnlib.metrics_of_nothing", "triton"),
        ("import triton, tensorflow, rnnlib", "triton tensorflow"),
        ("import tensorflow, rnnlib", "tensorflow"),  # too late, and PyTorch may never be used
    ],
)
def test_rnnlib_loads_triton_before_tensorflow(code, loaded, tmp_path):
    stand_in(tmp_path, "triton")
    stand_in(tmp_path, "tensorflow")
    ran = python(code, tmp_path, options=NO_SITE)
    assert ran.stdout.split() == loaded.split()


@pytest.mark.parametrize("first", ["tensorflow", "tensorflow, rnnlib", "tensorflow, tritonic"])
def test_pytorch_is_refused_where_tensorflow_came_first(first, tmp_path):
    for package in ("triton", "tensorflow", "tritonic"):
        stand_in(tmp_path, package)
    ran = python(f"import {first}\nimport rnnlib.pt", tmp_path, options=NO_SITE)
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: TensorFlow was imported before triton")
    assert SENTENCE in ran.stderr


@pytest.mark.parametrize(
    ("first", "triton"),
    [
        ("rnnlib, tensorflow", "pass"),
        ("triton, tensorflow", "pass"),
        ("tensorflow, triton, rnnlib", "pass"),  # a triton that bears it
        ("tensorflow", None),  # none installed
        ("rnnlib, tensorflow", "raise ImportError('broken')"),
        ("rnnlib, tensorflow", "raise OSError('broken')"),
    ],
)
def test_pytorch_is_not_refused_in_any_other_case(first, triton, tmp_path):
    stand_in(tmp_path, "tensorflow")
    if triton is not None:
        stand_in(tmp_path, "triton", triton)
    then = "from rnnlib import load_order\nload_order.require_triton_first()\nprint('fine')"
    ran = python(f"import {first}\n{then}", tmp_path, options=NO_SITE)
    assert (ran.returncode, ran.stdout.split()[-1], ran.stderr) == (0, "fine", "")


def test_a_folder_called_triton_is_not_the_library(tmp_path):
    stand_in(tmp_path, "tensorflow")
    (tmp_path / "triton").mkdir()
    code = "import tensorflow, rnnlib.load_order as order; print(order.TENSORFLOW_CAME_FIRST)"
    assert python(code, tmp_path, options=NO_SITE).stdout.split() == ["tensorflow", "False"]


def test_importing_rnnlib_loads_the_standard_library_alone():
    before = "import sys; sys.modules['triton'] = None; old = set(sys.modules)\nimport rnnlib\n"
    listed = "print(*sorted({name.split('.')[0] for name in set(sys.modules) - old}))"
    ran = python(before + listed)
    assert ran.stderr == ""
    assert set(ran.stdout.split()) - set(sys.stdlib_module_names) == {"rnnlib"}


STEP = """
batches = Batches((np.zeros((4, 3, 2), "float32"), np.array([0, 1, 0, 1])), batch_size=4)
model = rnn.Classifier(2, 3, 2)
rnn.fit(model, batches, loss="cross_entropy", optimizer="adam", epochs=1, progress=False)
"""


@both
@pytest.mark.parametrize("order", ["pt tf", "tf pt"])
def test_both_frameworks_take_a_step_in_one_process(order):
    """With triton, which PyTorch's ordinary build brings, this ended in a segmentation fault."""
    lines = [f"import rnnlib.{side}" for side in order.split()]
    lines += ["import numpy as np", "from rnnlib.data.batches import Batches"]
    for side in ("tf", "pt"):
        lines += [f"rnn = rnnlib.{side}", STEP]
    ran = python("\n".join(lines), cwd=ROOT)
    assert (ran.returncode, ran.stderr) == (0, "")


# --- who imports rnnlib first

IMPORT = re.compile(r"^\s*(?:>>> |\.\.\. )?((?:import|from)\s+\w.*)$", re.M)


def roots(statement):
    """First parts of the modules that an import statement names; [] where it is none."""
    try:
        nodes = ast.parse(statement.strip()).body
    except SyntaxError:  # a sentence that begins with "from" or "import"
        return []
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append((node.module or "").split(".")[0])
    return names


def tensorflow_first(text):
    """Whether a text imports TensorFlow with no import of rnnlib before it."""
    for statement in IMPORT.findall(text):
        for name in roots(statement):
            if name == "rnnlib":
                return False
            if name in TENSORFLOW:
                return True
    return False


def docstrings(path):
    """The docstrings of a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


def snippets():
    """{where: text} of all that a reader may run or copy."""
    texts = {}
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        cells = [cell.source for cell in chapters.code(chapters.read_source(path))]
        texts[path.name] = "\n".join(cells)
    for path in [*ROOT.glob("*.md"), *(ROOT / "book").glob("*.md")]:
        for number, fence in enumerate(
            re.findall(r"^```[^\n]*\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)
        ):
            texts[f"{path.name}, fence {number}"] = fence
    for folder in ("rnnlib", "tools", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for number, text in enumerate(docstrings(path)):
                texts[f"{folder}/{path.name}, docstring {number}"] = text
    for folder in ("tools", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            texts[f"{folder}/{path.name}"] = path.read_text(encoding="utf-8")
    return texts


def test_rnnlib_is_imported_before_tensorflow_wherever_a_reader_looks():
    texts = snippets()
    assert len(texts) > 100
    assert [where for where, text in texts.items() if tensorflow_first(text)] == []


def test_the_first_code_cell_of_a_chapter_imports_rnnlib():
    """So that whatever cell is run next, rnnlib has come before TensorFlow."""
    for path in sorted((ROOT / "notebooks").glob("*.md")):
        first = chapters.code(chapters.read_source(path))[0].source
        names = [name for line in IMPORT.findall(first) for name in roots(line)]
        assert "rnnlib" in names, path.name


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("import numpy\nimport tensorflow as tf\n\nimport rnnlib.pt as rnn", True),
        ("from keras import layers\nimport rnnlib", True),
        (">>> import keras", True),
        ("import torch\nimport rnnlib.tf as rnn\nimport tensorflow", False),
        ("from rnnlib import display\nfrom keras.layers import GRU", False),
        ("from TensorFlow it takes\nfrom keras one learns", False),
        ("import torch", False),
    ],
)
def test_the_rule_sees_who_comes_first(text, wrong):
    assert tensorflow_first(text) is wrong


# --- descriptor 2 and names

GREETING = "import os\ntry:\n    os.write(2, b'greeting')\nexcept OSError:\n    pass\n"
KERAS = "from types import SimpleNamespace\nbackend = SimpleNamespace(backend=lambda: 'tensorflow')"
# the module alone, since the rest of rnnlib.tf wants the real TensorFlow
LOAD = f"""
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("framework", {str(ROOT / "rnnlib/tf/framework.py")!r})
framework = importlib.util.module_from_spec(spec)
spec.loader.exec_module(framework)

def descriptors():
    there = {{}}
    for number in range(32):
        try:
            seen = os.fstat(number)
            there[number] = (seen.st_dev, seen.st_ino)
        except OSError:
            pass
    return there
"""
LOAD_AND_LOOK = """
before = descriptors()
try:
    framework.load()
except BaseException as error:
    print(type(error).__name__, error.__context__)
assert descriptors() == before, (before, descriptors())
print("as before")
"""


@pytest.mark.skipif(os.name == "nt", reason="descriptors are compared by inode")
@pytest.mark.parametrize(
    ("start", "ends", "printed"),
    [
        ("", "pass", "tensorflow keras as before"),
        ("", "raise ImportError('half installed')", "tensorflow ImportError None as before"),
        ("", "raise KeyboardInterrupt", "tensorflow KeyboardInterrupt None as before"),
        ("os.close(2)", "pass", "tensorflow keras as before"),
        ("os.close(2)", "raise ImportError('half')", "tensorflow ImportError None as before"),
        ("os.close(0)", "pass", "tensorflow keras as before"),
    ],
)
def test_descriptor_2_is_put_back_on_every_exit(start, ends, printed, tmp_path):
    stand_in(tmp_path, "tensorflow", GREETING + ends)
    stand_in(tmp_path, "keras", KERAS)
    ran = python(f"{LOAD}\n{start}\n{LOAD_AND_LOOK}", tmp_path)
    assert (ran.stdout.split(), ran.stderr, ran.returncode) == (printed.split(), "", 0)


def test_descriptor_2_stays_where_tensorflow_is_already_there(tmp_path):
    stand_in(tmp_path, "tensorflow")
    stand_in(tmp_path, "keras", KERAS)
    forbidden = "def no(*_): raise AssertionError\nos.dup = os.dup2 = no"
    ran = python(f"{LOAD}\nimport tensorflow\n{forbidden}\nframework.load()", tmp_path)
    assert (ran.stdout.split(), ran.stderr) == (["tensorflow", "keras"], "")


@pytest.mark.parametrize("side", FRAMEWORKS)
def test_a_half_opens_with_stderr_closed_and_quietly(side):
    code = f"import os, sys; os.close(2); import rnnlib.{side}; os._exit(0)"
    ran = python(code, cwd=ROOT)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("side", FRAMEWORKS)
def test_a_half_has_no_names_but_its_own(side):
    rnn = framework(side)
    modules = {path.stem for path in Path(rnn.__file__).parent.iterdir()}
    names = {name for name in vars(rnn) if not name.startswith("__")}
    assert names - set(rnn.__all__) - modules == set()
