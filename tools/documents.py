"""Hold the documents against the code: `python -m tools.documents [FILE ...]`.

Every `make` target, every `python -m` module with its options, and every name of the package that a
text mentions must exist; every Python fence in a page or a docstring must run, or say why it
cannot. A fence that cannot run here has a comment before it: `<!-- not run: the reason -->` (in a
docstring: `not run:`).
"""

import argparse
import ast
import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "book/*.md", "notebooks/*.md")
CODE = ("rnnlib", "tools", "benchmarks")
OURS = ("rnnlib", "tools", "benchmarks")
FENCE = re.compile(
    r"(?P<reason>not run:[^\n]*\n\s*)?(?P<indent>[ \t]*)```(?:python|py)\n(?P<code>.*?)\n[ \t]*```",
    re.DOTALL,
)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
SECONDS = 300  # a fence may take
NOT_ROOMS = {"pt", "tf", "ops"}  # as first words they are TensorFlow's or Keras' own
PLACEHOLDERS = {"NAME", "ROOM", "MODULE"}  # in a text, words that stand for any name
PARAMETERS = {"cell", "fwd", "bwd", "layers"}  # `rnn.cell.W_x` is the name of a weight
ATTRIBUTES_OF_DATA = {
    "shape",
    "dtype",
    "ndim",
    "x",
    "y",
    "lengths",
    "T",
    "columns",
    "index",
    "values",
}


@dataclass(frozen=True)
class Text:
    """A page or a docstring: where it stands, and what it says."""

    place: str
    words: str


def pages(root: Path = ROOT) -> list[Text]:
    """The pages of the book and the texts beside the code."""
    paths = [path for pattern in PAGES for path in sorted(root.glob(pattern))]
    return [Text(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths]


def docstrings(root: Path = ROOT) -> list[Text]:
    """Every docstring of the code, as a text of its own."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = []
    for folder in CODE:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, holders):
                    words = ast.get_docstring(node)
                else:
                    words = None
                if words:
                    found.append(Text(f"{name}:{getattr(node, 'lineno', 1)}", words))
    return found


# ---- commands


@cache
def make_targets(root: Path = ROOT) -> frozenset[str]:
    """The targets of the Makefile."""
    return frozenset(re.findall(r"^([a-z]+):", (root / "Makefile").read_text("utf-8"), re.M))


def unknown_targets(text: Text, root: Path = ROOT) -> list[str]:
    """`make` targets that a text names and the Makefile does not have."""
    code = INLINE.findall(text.words) + re.findall(r"^    (make .*)$", text.words, re.M)
    used = set(re.findall(r"^(?:\w+=\S+ )*make (?:[A-Z]+=\S+ )*([a-z]+)\b", "\n".join(code), re.M))
    return [f"no target {name!r} in the Makefile" for name in sorted(used - make_targets(root))]


def module_file(module: str, root: Path = ROOT) -> Path | None:
    """The file that runs where a module of ours is called by its name."""
    path = root / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__main__.py"):
        if file.is_file():
            return file
    return None


def unknown_modules(text: Text, root: Path = ROOT) -> list[str]:
    """Modules, options and commands that are run as modules and do not exist."""
    problems = []
    for match in re.finditer(r"python[\w.]* -m ([\w.]+)((?:[ \t]+[\w\"'=./:-]+)*)", text.words):
        module = match[1].rstrip(".")
        rest = match[2].split()
        if PLACEHOLDERS & set(module.split(".")):
            problems += unknown_patterns(module, root)
            continue
        if module.split(".")[0] not in OURS:
            if importlib.util.find_spec(module.split(".")[0]) is None:
                problems.append(f"python -m {module}: no such module is installed")
            continue
        file = module_file(module, root)
        if file is None:
            problems.append(f"python -m {module}: there is no such module to run")
            continue
        source = file.read_text("utf-8")
        options = [word.split("=")[0] for word in rest if word.startswith("--")]
        problems += [
            f"python -m {module} has no option {option}"
            for option in options
            if option not in source
        ]
        if module == "rnnlib" and rest and f'"{rest[0]}"' not in source:
            problems.append(f"python -m rnnlib has no command {rest[0]!r}")
    return problems


def unknown_patterns(module: str, root: Path = ROOT) -> list[str]:
    """A module with a placeholder in its name, such as `rnnlib.experiments.NAME.run`, of which
    there is none."""
    parts = ["*" if part in PLACEHOLDERS else part for part in module.split(".")]
    if len(parts) == 1 or any(root.glob("/".join(parts) + ".py")):
        return []
    return [f"python -m {module}: there is no such module to run"]


# ---- names


@cache
def outline(path: Path) -> dict[str, set[str]]:
    """{public or private name at the top of a file: names below it, for a class}."""
    names: dict[str, set[str]] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names[node.name] = members(node)
        elif isinstance(node, ast.FunctionDef):
            names[node.name] = set()
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                names[(alias.asname or alias.name).split(".")[0]] = set()
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            if isinstance(node, ast.Assign):
                targets = node.targets
            else:
                targets = [node.target]
            for target in targets:
                names.update(
                    (part.id, set()) for part in ast.walk(target) if isinstance(part, ast.Name)
                )
    return names


def members(node: ast.ClassDef) -> set[str]:
    """Methods, fields and attributes of a class."""
    names = {part.name for part in node.body if isinstance(part, (ast.FunctionDef, ast.ClassDef))}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self":
            names.add(part.attr)
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            names.add(part.target.id)
    return names


def resolve(dotted: str, root: Path = ROOT) -> bool:
    """Whether a dotted name of the package exists, read from the sources, as far as its class."""
    path = root
    parts = dotted.split(".")
    for place, part in enumerate(parts):
        if (path / part).is_dir():
            path = path / part
            continue
        if (path / f"{part}.py").is_file():
            names = outline(path / f"{part}.py")
            return len(parts) == place + 1 or parts[place + 1] in names
        face = path / "__init__.py"
        return face.is_file() and part in outline(face)
    return True


@cache
def rooms(root: Path = ROOT) -> frozenset[str]:
    """What stands directly below `rnnlib`: folders and modules."""
    paths = (root / "rnnlib").iterdir()
    names = {
        path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    return frozenset(names - {"__init__", "__main__"} - NOT_ROOMS)


def unknown_names(text: Text, root: Path = ROOT) -> list[str]:
    """Names of the package that a text mentions and that do not exist."""
    problems = []
    for code in INLINE.findall(text.words):
        match = re.match(r"([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)+)", code)
        if (
            match is None
            or code.startswith(("/", "-"))
            or re.search(r"\.(py|md|json|ipynb)\b", code)
        ):
            continue
        first = match[1]
        rest = match[2]
        parts = rest.split(".")[1:]
        if parts[0] in ATTRIBUTES_OF_DATA | PARAMETERS or PLACEHOLDERS & set(parts):
            continue
        if first == "rnnlib":
            addresses = [first + rest]
        elif first == "rnn":
            addresses = [f"rnnlib.pt{rest}", f"rnnlib.tf{rest}"]
        elif first in rooms(root):
            addresses = [f"rnnlib.{first}{rest}"]
        else:
            continue
        if not all(resolve(address, root) for address in addresses):
            problems.append(f"`{first}{rest}` does not exist")
    return problems


# ---- fences


def fences(text: Text) -> list[tuple[int, str, str]]:
    """(line, code, reason why it cannot run or "") of each Python fence."""
    found = []
    for match in FENCE.finditer(text.words):
        line = text.words[: match.start("code")].count("\n") + 1
        indent = len(match["indent"].expandtabs())
        code = "\n".join(row[indent:] for row in match["code"].split("\n"))
        found.append((line, code, (match["reason"] or "").strip()))
    return found


VISITORS = """import numpy, pandas
days = pandas.date_range("2024-01-01", periods=240, freq="D")
week = 20 + 5 * numpy.sin(numpy.arange(240) * 2 * numpy.pi / 7)
noise = numpy.random.default_rng(0).normal(size=240)
pandas.DataFrame({"date": days, "visitors": week + noise}).to_csv("visitors.csv", index=False)
"""  # the table that examples read


def run_fence(code: str, root: Path = ROOT) -> str | None:
    """Run a fence in a process and a folder of its own; what it said last, if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", VISITORS], cwd=folder, check=True)
        program = f"import sys; sys.path.insert(0, {str(root)!r})\n{code}\n"
        done = subprocess.run(
            [sys.executable, "-W", "error::SyntaxWarning", "-c", program],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def broken_fences(text: Text, root: Path = ROOT) -> list[str]:
    """Fences of a text that do not run."""
    problems = []
    for line, code, reason in fences(text):
        if reason:
            continue
        failure = run_fence(code, root)
        if failure is not None:
            problems.append(f"the fence at line {line} fails: {failure}")
    return problems


def check(text: Text, run: bool = True, root: Path = ROOT) -> list[str]:
    """All problems of one text, each with its place."""
    problems = unknown_targets(text, root) + unknown_modules(text, root) + unknown_names(text, root)
    if run and not text.place.startswith("notebooks/"):  # those are solutions, run by their chapter
        problems += broken_fences(text, root)
    return [f"{text.place}: {problem}" for problem in problems]


def main(arguments: list[str] | None = None) -> int:
    """Check all documents, or those named; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.documents", description=__doc__.split("\n")[0]
    )
    parser.add_argument("files", nargs="*", help="pages or Python files; all without")
    parser.add_argument("--no-run", action="store_true", help="leave the fences out")
    options = parser.parse_args(arguments)
    texts = pages() + docstrings()
    if options.files:
        wanted = {Path(name).as_posix() for name in options.files}
        texts = [text for text in texts if text.place.rsplit(":", 1)[0] in wanted]
    problems = [problem for text in texts for problem in check(text, run=not options.no_run)]
    print(*problems, sep="\n")
    print(f"{len(texts)} texts, {len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
