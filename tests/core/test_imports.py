"""Who may import whom, read from the sources; what an import loads, seen in a fresh Python."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from backends import INSTALLED

ROOT = Path(__file__).parents[2]
FLOORS = [  # each room may import those on the floors below it, and its own modules
    {"core", "display"},
    {"metrics", "speech"},
    {"data"},
    {"training"},
    {"text", "forecasting"},
    {"ref"},
    {"pt", "tf"},
    {"experiments", "studies", "ops"},
]
# of pt and of tf
INSIDE = ["framework", "convert", "cells", "layers", "fused", "models", "training"]
ROOT_MODULES = {"rnnlib", "rnnlib.load_order", "rnnlib.__main__"}
# packages that a room's sources may not name; spaCy imports torch: inside functions only
STRANGERS = {
    "pt": {"tensorflow", "keras", "spacy"},
    "tf": {"torch", "spacy"},
    "experiments": set(),
    "ops": {"torch", "tensorflow", "spacy"},
}
FRAMEWORKS = {"torch", "tensorflow", "keras", "spacy"}


def modules():
    """{dotted name: path} of the package."""
    found = {}
    for path in sorted((ROOT / "rnnlib").rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def running(tree):
    """The nodes of a tree that are run: what stands under `if TYPE_CHECKING` is not."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def imported(text, known=MODULES):
    """The modules and packages that a text imports, of ours the module itself."""
    names = set()
    for node in running(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names |= {
                f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names
            }
    return names


def room(module):
    return module.split(".")[1] if "." in module else ""


def floor(module):
    return next(k for k, rooms in enumerate(FLOORS) if room(module) in rooms)


def upwards(module, text):
    """The modules that stand on the same floor in another room, or above, and are imported all the
    same.
    """
    wrong = []
    for other in imported(text):
        if not other.startswith("rnnlib") or other in ROOT_MODULES or module in ROOT_MODULES:
            continue
        if room(other) != room(module) and floor(other) >= floor(module):
            wrong.append(other)
    return sorted(wrong)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module):
    assert upwards(module, MODULES[module].read_text(encoding="utf-8")) == []


def test_every_room_has_a_floor():
    here = {room(module) for module in MODULES} - {room(module) for module in ROOT_MODULES} - {""}
    assert here <= set().union(*FLOORS)


def test_the_rule_sees_a_breach():
    assert upwards("rnnlib.core.seeds", "from rnnlib.data import batches") == [
        "rnnlib.data.batches"
    ]
    assert upwards("rnnlib.text.encoder", "import rnnlib.pt as rnn") == ["rnnlib.pt"]
    assert upwards("rnnlib.pt.convert", "import rnnlib.tf.convert") == ["rnnlib.tf.convert"]
    assert upwards("rnnlib.data.batches", "from rnnlib.core import seeds") == []
    later = "if TYPE_CHECKING:\n    from rnnlib.training.history import History"
    assert upwards("rnnlib.core.errors", later) == []


@pytest.mark.parametrize("side", ["pt", "tf"])
def test_inside_a_side_imports_point_one_way(side):
    order = {f"{part}": k for k, part in enumerate(INSIDE)}
    for module, path in MODULES.items():
        parts = module.split(".")
        if parts[1:2] != [side] or len(parts) < 3:
            continue
        for other in imported(path.read_text(encoding="utf-8")):
            if other.startswith(f"rnnlib.{side}.") and other.split(".")[2] != parts[2]:
                assert order[other.split(".")[2]] < order[parts[2]], f"{module} imports {other}"


def circle(edges):
    """Modules that import each other in a ring, or []."""
    done = set()

    def walk(name, path):
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        for other in sorted(edges.get(name, ())):
            found = walk(other, [*path, name])
            if found:
                return found
        done.add(name)
        return []

    for name in sorted(edges):
        found = walk(name, [])
        if found:
            return found
    return []


def test_no_circle_of_modules():
    edges = {
        module: {other for other in imported(path.read_text(encoding="utf-8")) if other in MODULES}
        - {module}
        for module, path in MODULES.items()
        if path.name != "__init__.py"
    }
    assert circle(edges) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c"]


def strangers(text, forbidden):
    """Packages of `forbidden` that a text imports; spaCy may be imported by a function when it is
    called.
    """
    tree = ast.parse(text)
    whole = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef)], [])
    names = {name.split(".")[0] for name in imported(text)} - {"spacy"}
    names |= {name.split(".")[0] for name in imported(ast.unparse(whole))}
    return sorted(names & forbidden)


@pytest.mark.parametrize("module", MODULES)
def test_sources_keep_to_their_side(module):
    forbidden = STRANGERS.get(room(module), FRAMEWORKS)
    assert strangers(MODULES[module].read_text(encoding="utf-8"), forbidden) == []


def test_the_rule_sees_a_stranger():
    assert strangers("def f():\n    from torch.nn import Module", {"torch"}) == ["torch"]
    assert strangers("def f():\n    import spacy, torch", {"torch", "spacy"}) == ["torch"]
    assert strangers("import spacy\ndef f():\n    pass", {"spacy"}) == ["spacy"]


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("rnnlib.pt", ["tensorflow", "keras", "rnnlib.tf", "pandas"]),
        ("rnnlib.tf", ["torch", "rnnlib.pt"]),
        ("rnnlib.ref", ["torch", "tensorflow"]),
        ("rnnlib.data", ["torch", "tensorflow", "spacy", "pandas"]),
        ("rnnlib.display", ["torch", "tensorflow"]),
    ],
)
def test_importing_one_loads_one(module, strangers):
    side = module.split(".")[1]
    if side in ("pt", "tf") and side not in INSTALLED:
        pytest.skip(f"{module}: framework not installed")
    code = f"import sys, {module}; print([s for s in {strangers!r} if s in sys.modules], end='')"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    # quiet, too: nothing on stderr
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[]", "")


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
import rnnlib.data, rnnlib.ref
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
    assert (
        "Keras runs on 'jax': set the environment variable KERAS_BACKEND=tensorflow" in ran.stderr
    )
