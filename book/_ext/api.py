"""The directive `{api}`: the public names of a room of the package, read from its sources;
nothing is imported.

    ```{api} rnnlib.metrics
    ```

lists what the room's `__all__` names, each with its signature, its docstring and a link to its
source. Two rooms in one call (`{api} rnnlib.pt rnnlib.tf`) are twins: signatures of the first,
sources of both.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
PAGES = "_modules"  # folder of the pages of source
ESCAPED = re.compile(r"([*_\[\]{}$<>|~#\\])")


@dataclass(frozen=True)
class Definition:
    """A function, a class or a constant, and the module that holds it."""

    name: str
    module: str
    node: ast.AST


# ---- reading the sources


@cache
def path_of(module):
    """The file of a module or package."""
    base = ROOT / module.replace(".", "/")
    if base.is_dir():
        return base / "__init__.py"
    return base.with_suffix(".py")


@cache
def tree_of(module):
    """The syntax tree of a module."""
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


@cache
def public_names(module):
    """The names in a module's `__all__`, in its order; ValueError where it has none."""
    for node in tree_of(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    raise ValueError(f"{module} has no __all__: it is no room of the package")


@cache
def find(module, name):
    """The definition behind a name of a module, through its imports;
    ValueError where there is none.
    """
    for node in tree_of(module).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return Definition(name, module, node)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and name in assigned(node):
            return Definition(name, module, node)
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                if (alias.asname or alias.name) != name:
                    continue
                if path_of(f"{node.module}.{alias.name}").is_file():
                    return Definition(
                        name, f"{node.module}.{alias.name}", tree_of(f"{node.module}.{alias.name}")
                    )
                return find(node.module, alias.name)
    raise ValueError(f"{module} names {name!r}, which none of its imports brings")


def assigned(node):
    """The names that an assignment binds."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    else:
        targets = [node.target]
    return {
        part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
    }


# ---- signatures and docstrings as text


def signature(node):
    """The arguments of a function or method, without self;
    of a class, those of its constructor or its fields.
    """
    if isinstance(node, ast.FunctionDef):
        text = ast.unparse(node.args)
        text = re.sub(r"^(self|cls)(, |$)", "", text)
        if node.returns is not None:
            returns = f" -> {ast.unparse(node.returns)}"
        else:
            returns = ""
        return f"({text}){returns}"
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            return re.sub(r" -> None$", "", signature(part))
    fields = [field(part) for part in node.body if isinstance(part, ast.AnnAssign)]
    return f"({', '.join(fields)})"


def field(node):
    """A field of a data class as an argument of its constructor."""
    text = f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}"
    if node.value is None:
        return text
    return f"{text}={ast.unparse(node.value)}"


def escaped(line):
    """Plain text as Markdown; what stands in backticks stays as it is."""
    pieces = re.split(r"(`[^`]*`)", line)
    return "".join(
        piece if piece.startswith("`") else ESCAPED.sub(r"\\\1", piece) for piece in pieces
    )


def markdown(docstring):
    """A docstring of the house as Markdown: prose, tables of arguments as definitions, examples as
    code.
    """
    lines = []
    code = False
    for line in docstring.splitlines():
        argument = re.match(r"^(\w[\w.*]*(?:, \w[\w.*]*)*|\"[^\"]+\") {2,}(\S.*)$", line)
        if line.startswith((">>> ", "... ")):
            if not code:
                lines += ["", "```pycon"]
            code = True
        elif code and not line.strip():
            lines.append("```")
            code = False
        if code:
            lines.append(line)
        elif argument is not None:
            lines += ["", f"`{argument[1]}`", f": {escaped(argument[2])}"]
        elif line.startswith("  "):
            lines.append(f"  {escaped(line.strip())}")
        else:
            lines.append(escaped(line))
    if code:
        lines.append("```")
    return lines


def kind(node):
    """The word of the Python domain for a definition."""
    if isinstance(node, ast.ClassDef):
        return "class"
    if isinstance(node, ast.FunctionDef):
        return "function"
    return "data"


def methods(node):
    """The public methods of a class that have a docstring."""
    if not isinstance(node, ast.ClassDef):
        return []
    found = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    return [part for part in found if not part.name.startswith("_") and ast.get_docstring(part)]


# ---- the directive


class Api(SphinxDirective):
    """The public names of a room, or of two rooms that are twins."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """The nodes of every public name."""
        rooms = self.arguments[0].split()
        lines = []
        for name in public_names(rooms[0]):
            definitions = [find(room, name) for room in rooms]
            for definition in definitions:
                self.env.note_dependency(str(path_of(definition.module)))
            if isinstance(definitions[0].node, ast.Module):
                lines += self.module(rooms[0], definitions[0])
            else:
                lines += self.entry(rooms[0], name, definitions)
        holder = nodes.container()
        self.state.nested_parse(StringList(lines, "api"), self.content_offset, holder)
        return holder.children

    def module(self, room, definition):
        """A module of the room as one entry: its name and what it is about."""
        about = ast.get_docstring(definition.node) or ""
        return [
            "",
            f":::::{{py:module}} {room}.{definition.name}",
            ":::::",
            "",
            *markdown(about),
            "",
        ]

    def entry(self, room, name, definitions):
        """A function, class or constant as lines of MyST."""
        node = definitions[0].node
        if kind(node) != "data":
            arguments = signature(node)
        else:
            arguments = ""
        if kind(node) != "data":
            about = ast.get_docstring(node)
        else:
            about = None
        lines = ["", f"::::::{{py:{kind(node)}}} {room}.{name}{arguments}", ""]
        lines += markdown(about or "")
        for method in methods(node):
            lines += ["", f":::::{{py:method}} {method.name}{signature(method)}", ""]
            lines += [*markdown(ast.get_docstring(method)), ":::::"]
        lines += [
            "",
            f"{{api-source}}`{' '.join(f'{d.module}:{name}' for d in definitions)}`",
            "::::::",
        ]
        return lines


def source_role(role, rawtext, text, lineno, inliner, options=None, content=()):
    """Links to the source of one name in one or two modules: `MODULE:NAME MODULE:NAME`."""
    env = inliner.document.settings.env
    up = "../" * env.docname.count("/")
    result = nodes.inline("", "Source: ", classes=["api-source"])
    for number, place in enumerate(text.split()):
        module, name = place.split(":")
        if number:
            result += nodes.Text(" · ")
        address = f"{up}{PAGES}/{module.replace('.', '/')}.html#{name}"
        result += nodes.reference(
            "", module.replace(".", "/") + ".py", refuri=address, internal=True
        )
        if not hasattr(env, "api_modules"):
            env.api_modules = set()
        env.api_modules.add(module)
    return [result], []


def source_pages(app):
    """A page for each module that an entry links to: its source, with a target at each
    definition.
    """
    for module in sorted(getattr(app.env, "api_modules", ())):
        text = path_of(module).read_text(encoding="utf-8")
        html = app.builder.highlighter.highlight_block(text, "python", linenos=False)
        before, _, rest = html.partition("<pre>")
        rows = rest.split("\n")
        for node in tree_of(module).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names = [node.name]
            else:
                names = []
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                names = sorted(assigned(node))
            if names:
                first = min(
                    [node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))]
                )
                targets = "".join(f'<span id="{name}"></span>' for name in names)
                rows[first - 1] = targets + rows[first - 1]
        name = module.replace(".", "/") + ".py"
        body = f"<h1>{name}</h1>\n{before}<pre>" + "\n".join(rows)
        yield f"{PAGES}/{module.replace('.', '/')}", {"title": name, "body": body}, "page.html"


def merge(app, env, docnames, other):
    """Bring together what pages read in parallel have noted."""
    env.api_modules = getattr(env, "api_modules", set()) | getattr(other, "api_modules", set())


def setup(app):
    """Register with Sphinx."""
    app.add_directive("api", Api)
    app.add_role("api-source", source_role)
    app.connect("html-collect-pages", source_pages)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
