"""Sources as a chapter shows them: pieces of one module, or the two frameworks side by side."""

import ast
from html import escape
from pathlib import Path

HERE = Path(__file__).parents[1]
# the folder of each half -> what its framework is called
FRAMEWORKS = {"pt": "PyTorch", "tf": "TensorFlow"}


class Sources:
    """Pieces of source text with a title each: text in a terminal, panes side by side in a
    notebook or page.
    """

    def __init__(self, pieces):
        self.pieces = pieces  # [(title, code)]

    def __repr__(self):
        return "\n\n".join(f"# {title}\n{code}" for title, code in self.pieces)

    def _repr_html_(self):
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        def pane(title, code):
            body = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True))
            return (
                '<div class="rnn-twin" style="flex: 1 1 26em; min-width: 0;"><p '
                f'class="rnn-twin-title">{escape(title)}</p><div class="highlight"><pre '
                f'style="overflow-x: auto;">{body}</pre></div></div>'
            )

        panes = "".join(pane(title, code) for title, code in self.pieces)
        return (
            '<div class="rnn-twins" style="display: flex; flex-wrap: wrap; gap: 0 '
            f'1em;">{panes}</div>'
        )


def extract(path, name):
    """The text of a class, function or method ("ElmanCell", "ElmanCell.forward") from a source
    file, unindented.
    """
    text = path.read_text()
    node = ast.parse(text)
    for part in name.split("."):
        found = [
            n
            for n in node.body
            if isinstance(n, (ast.ClassDef, ast.FunctionDef)) and n.name == part
        ]
        if not found:
            raise ValueError(f"no class or function {name!r} in {path.name}")
        node = found[0]
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return "\n".join(line[node.col_offset :] for line in lines)


def source(module, *names):
    """Pieces of one module as they stand in the file:
    `display.source("rnnlib.ref.cells.elman", "step", "step_back")`.
    """
    path = HERE.parent / (module.replace(".", "/") + ".py")
    if not path.is_file() or HERE not in path.parents:
        raise ValueError(
            f"no module {module!r} in rnnlib: give its whole name, 'rnnlib.ref.cells.elman'"
        )
    title = str(path.relative_to(HERE.parent))
    return Sources(
        [
            (
                title,
                "\n\n\n".join(extract(path, name) for name in names)
                if names
                else path.read_text().rstrip(),
            )
        ]
    )


def twins(name):
    """The PyTorch and the TensorFlow source of one public name, side by side:
    `display.twins("ElmanCell")`.
    """
    pieces = []
    for part, framework in FRAMEWORKS.items():
        for path in sorted((HERE / part).rglob("*.py")):
            try:
                if part == "tf":
                    wanted = name.replace(".forward", ".call")
                else:
                    wanted = name
                pieces.append(
                    (
                        f"{framework}: {path.relative_to(HERE.parent).as_posix()}",
                        extract(path, wanted),
                    )
                )
                break
            except ValueError:
                continue
    if len(pieces) != 2:
        raise ValueError(
            f"no class or function {name!r} in both rnnlib/pt and rnnlib/tf: source(module, "
            f"{name!r}) shows what stands in one file"
        )
    return Sources(pieces)
