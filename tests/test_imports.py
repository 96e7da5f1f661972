"""Who may import whom, read from the sources; what an import loads, seen in a fresh Python."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from backends import INSTALLED
from rnnlib import cells

ROOT = Path(__file__).parent.parent
FRAMEWORKS = {"torch", "tensorflow", "keras", "spacy"}  # spaCy imports torch: inside functions only
SIDES = {"rnnlib.pt", "rnnlib.tf"}
FORBIDDEN = {
    "pt": {"tensorflow", "keras", "spacy", "rnnlib.tf", "rnnlib.ref"},
    "tf": {"torch", "spacy", "rnnlib.pt", "rnnlib.ref"},
    "ref": FRAMEWORKS | SIDES,
    "sets": FRAMEWORKS | SIDES | {"rnnlib.ref"},
    ".": FRAMEWORKS | SIDES | {"rnnlib.ref"},
}
ORDER = [
    "framework",
    "convert",
    "registry",
    *sorted(cells.TABLE),  # a file for each row, called by its kind
    "scan",
    "recurrences",
    "losses",
    "layers",
    "derived",
    "stack",
    "conv",
    "models",
    "checkpoint",
    "train",
]  # each may import those before it


EXPERIMENTS = FRAMEWORKS | SIDES | {"rnnlib.ref"}  # a framework comes in as an argument
OF_A_FRAMEWORK = {  # what is written in one
    "experiments/compiling/networks.py": {"torch"},
    "experiments/parity/keras_ops_gru.py": {"keras"},  # whatever Keras runs on
}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(text, forbidden):
    tree = ast.parse(text)
    names = set(imported(tree))
    if "spacy" in forbidden:  # it may be imported by a function of the top level, when that is called
        inside = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        whole = ast.Module([node for node in tree.body if node not in inside], [])
        names = set(imported(whole)) | {name for name in names if name.split(".")[0] != "spacy"}
    return sorted(name for name in names for bad in forbidden if name == bad or name.startswith(bad + "."))


@pytest.mark.parametrize("part", FORBIDDEN)
def test_sources_keep_to_their_side(part):
    files = sorted((ROOT / "rnnlib" / part).glob("*.py"))
    assert files
    for path in files:
        if path.name != "__main__.py":
            assert breaches(path.read_text(), FORBIDDEN[part]) == [], path


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "rnnlib" / "experiments").rglob("*.py")),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_an_experiment_gets_its_framework_as_an_argument(path):
    """What makes all runs imports one when it is called: to read results, no framework is needed."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT / "rnnlib").as_posix()
    forbidden = EXPERIMENTS - OF_A_FRAMEWORK.get(name, set())
    if path.name in ("run.py", "runner.py"):
        tree = ast.parse(text)
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        text = ast.unparse(ast.Module([node for node in tree.body if node not in functions], []))
    assert breaches(text, forbidden) == []


def test_the_rule_sees_a_breach():
    assert breaches("def f():\n    from torch.nn import Module", {"torch"}) == ["torch.nn", "torch.nn.Module"]
    assert breaches("import rnnlib.pt as rnn", {"rnnlib.pt"}) == ["rnnlib.pt"]
    assert breaches("def f():\n    import spacy, torch", {"torch", "spacy"}) == ["torch"]
    assert breaches("import spacy\ndef f():\n    pass", {"spacy"}) == ["spacy"]


@pytest.mark.parametrize("side", ["pt", "tf"])
def test_inside_a_side_imports_point_one_way(side):
    files = {path.stem: path for path in (ROOT / "rnnlib" / side).glob("*.py") if path.stem != "__init__"}
    assert sorted(files) == sorted(ORDER)
    for name, path in files.items():
        later = {f"rnnlib.{side}.{other}" for other in ORDER[ORDER.index(name) :]}
        assert breaches(path.read_text(), later) == [], path


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("rnnlib.pt", ["tensorflow", "keras", "rnnlib.tf"]),
        ("rnnlib.tf", ["torch", "rnnlib.pt"]),
        ("rnnlib.ref.elman", ["torch", "tensorflow"]),
        ("rnnlib.datasets", ["torch", "tensorflow", "spacy"]),
        ("rnnlib.show", ["torch", "tensorflow"]),
    ],
)
def test_importing_one_loads_one(module, strangers):
    side = module.split(".")[1]
    if side in ("pt", "tf") and side not in INSTALLED:
        pytest.skip(f"{module}: framework not installed")
    code = f"import sys, {module}; print([s for s in {strangers!r} if s in sys.modules], end='')"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[]", "")  # quiet, too: nothing on stderr


@pytest.mark.parametrize(
    ("side", "package", "extra"), [("pt", "torch", "torch"), ("tf", "tensorflow", "tensorflow")]
)
def test_a_missing_framework_is_named(side, package, extra, tmp_path):
    code = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
import rnnlib.batch, rnnlib.ref.elman
import rnnlib.{side}
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.strip().endswith(f"which is not installed: pip install 'rnnlib[{extra}]'")


@pytest.mark.skipif("tf" not in INSTALLED, reason="TensorFlow not installed")
def test_another_keras_backend_is_refused():
    code = """
import sys, types
keras = types.ModuleType("keras"); keras.backend = types.SimpleNamespace(backend=lambda: "jax")
sys.modules["keras"] = keras
import rnnlib.tf
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "Keras runs on 'jax': set the environment variable KERAS_BACKEND=tensorflow" in ran.stderr
