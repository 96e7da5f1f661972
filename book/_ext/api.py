"""The directive `{api}`: the public names of a room of the package, read from its sources;
nothing is imported.

    ```{api} rnnlib.metrics
    ```

lists what the room's `__all__` names, first in a table, then each with its signature, its
docstring, its fields and methods, and a link to its source. A public module is a namespace: its
functions and classes stand below it. Two rooms in one call (`{api} rnnlib.pt rnnlib.tf`) are
twins: signatures of the first, sources of both.
"""

import ast
import io
import re
import textwrap
import tokenize
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "rnnlib"
PAGES = "_modules"  # folder of the pages of source
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SHORT = 100  # characters of a constant's value that a page shows
EMPTY = {"list": "[]", "dict": "{}", "tuple": "()", "set": "set()"}
EXCEPTIONS = ("Error", "Exception", "Warning")
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
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name == name:
            if "overload" not in decorators(node):
                return Definition(name, module, node)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and name in assigned(node):
            return Definition(name, module, node)
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                if (alias.asname or alias.name) != name:
                    continue
                if node.module.split(".")[0] != PACKAGE:
                    raise ValueError(f"{module} has {name!r} from another package, {node.module}")
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


def decorators(node):
    """The names of a definition's decorators, without their modules and arguments."""
    names = [ast.unparse(part).split("(")[0] for part in getattr(node, "decorator_list", [])]
    return [name.rsplit(".", 1)[-1] for name in names]


def literal(module, node):
    """An expression as text: a name of the module that stands for a short constant as its value."""
    if not isinstance(node, ast.Name):
        return ast.unparse(node)
    try:
        value = find(module, node.id).node
    except ValueError:  # a built-in, or a name of another package
        return node.id
    if not isinstance(value, (ast.Assign, ast.AnnAssign)) or value.value is None:
        return node.id
    try:
        text = repr(ast.literal_eval(value.value))
    except ValueError:
        return node.id
    if len(text) > SHORT:
        return node.id
    return text


def arguments(module, node):
    """The arguments of a function, constants of its module spelled out in the defaults."""
    given = ast.parse(ast.unparse(node)).body[0].args  # a copy, which may be changed
    spell = [ast.parse(literal(module, part), mode="eval").body for part in given.defaults]
    given.defaults = spell
    for place, part in enumerate(given.kw_defaults):
        if part is not None:
            given.kw_defaults[place] = ast.parse(literal(module, part), mode="eval").body
    return ast.unparse(given)


def signature(node, module=None):
    """The arguments of a function or method, without self; of a class, those of its constructor
    or its fields, its own or those of the class it is made from.
    """
    if isinstance(node, ast.ClassDef):
        return class_signature(node, module)
    text = arguments(module, node) if module else ast.unparse(node.args)
    if "staticmethod" not in decorators(node):
        text = re.sub(r"^(self|cls)(, /)?(, |$)", "", text)
    if node.returns is None:
        return f"({text})"
    return f"({text}) -> {ast.unparse(node.returns)}"


def class_signature(node, module):
    """The arguments of a class; none where nothing in the package says them."""
    for part in node.body:
        if isinstance(part, FUNCTIONS) and part.name == "__init__":
            return re.sub(r" -> None$", "", signature(part, module))
    own = [field(part, module) for part in fields(node)]
    inherited = [base_signature(base, module) for base in node.bases if module]
    known = [text[1:-1] for text in inherited if text not in ("", "()")]
    if is_record(node):
        parts = [*known, *(text for text in own if text)]
    else:
        parts = known[:1] or [text for text in own if text]
    return f"({', '.join(parts)})"


def base_signature(base, module):
    """The signature of a class in the package that another is made from, or nothing."""
    try:
        definition = find(module, ast.unparse(base))
    except ValueError:
        return ""
    if not isinstance(definition.node, ast.ClassDef):
        return ""
    return signature(definition.node, definition.module)


def is_record(node):
    """Whether the fields of a class are the arguments of its constructor."""
    bases = [ast.unparse(base).rsplit(".", 1)[-1] for base in node.bases]
    return "dataclass" in decorators(node) or "NamedTuple" in bases


def fields(node):
    """The public fields of a class: its annotated names, but no class variables."""
    parts = [part for part in node.body if isinstance(part, ast.AnnAssign)]
    return [
        part
        for part in parts
        if isinstance(part.target, ast.Name)
        and (not part.target.id.startswith("_") or is_marker(part))
        and not ast.unparse(part.annotation).startswith(("ClassVar", "typing.ClassVar"))
    ]


def is_marker(node):
    """Whether an annotated name only says that the fields after it go by name."""
    return ast.unparse(node.annotation).endswith("KW_ONLY")


def field(node, module=None):
    """A field of a data class as an argument of its constructor; nothing where it is none."""
    if is_marker(node):
        return "*"
    text = f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}"
    value = node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("field"):
        said = {part.arg: part.value for part in value.keywords}
        if "init" in said and ast.unparse(said["init"]) == "False":
            return ""
        if "default_factory" in said:
            return f"{text}={EMPTY.get(ast.unparse(said['default_factory']), '...')}"
        value = said.get("default")
    if value is None:
        return text
    return f"{text}={literal(module, value) if module else ast.unparse(value)}"


def comment(module, node):
    """The comment on the lines of a definition or, where there is none, right above it."""
    rows = path_of(module).read_text(encoding="utf-8").splitlines(keepends=True)
    piece = textwrap.dedent("".join(rows[node.lineno - 1 : node.end_lineno]))
    tokens = tokenize.generate_tokens(io.StringIO(piece).readline)
    words = [token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT]
    above = node.lineno - 2
    while not words and above >= 0 and rows[above].lstrip().startswith("# "):
        above -= 1
    if not words:
        words = [line.strip().lstrip("# ") for line in rows[above + 1 : node.lineno - 1]]
    return " ".join(words)


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
        bases = [ast.unparse(base) for base in node.bases]
        if any(base.endswith(EXCEPTIONS) for base in bases):
            return "exception"
        return "class"
    if isinstance(node, FUNCTIONS):
        return "function"
    return "data"


def methods(node):
    """The public methods of a class that have a docstring; of overloads, the one that runs."""
    if not isinstance(node, ast.ClassDef):
        return []
    by_name = {}
    for part in node.body:
        if not isinstance(part, FUNCTIONS) or part.name.startswith("_"):
            continue
        words = set(decorators(part))
        if ast.get_docstring(part) and not words & {"overload", "setter", "deleter"}:
            by_name[part.name] = part
    return list(by_name.values())


def members(module):
    """What a public module holds of its own: its functions and classes with a docstring."""
    by_name = {}
    for node in tree_of(module).body:
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) and "overload" not in decorators(node):
            by_name[node.name] = node
    return list(by_name)


def first_sentence(docstring):
    """What a docstring begins with, up to its first full stop or empty line."""
    paragraph = " ".join((docstring or "").split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.?!])(?<!e\.g\.)(?<!al\.) (?=[A-Z`])", " ".join(paragraph.split()))[
        0
    ]
    sentence = sentence.removesuffix(", e.g.")
    return sentence.rstrip(":;")


# ---- the directive


class Api(SphinxDirective):
    """The public names of a room, or of two rooms that are twins."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """The nodes of every public name: a table of all, then an entry for each."""
        rooms = self.arguments[0].split()
        entries = []
        rows = []
        for name in public_names(rooms[0]):
            definitions = [find(room, name) for room in rooms]
            self.note(definitions)
            rows.append(row(rooms[0], name, definitions[0]))
            if isinstance(definitions[0].node, ast.Module):
                entries += self.module(rooms[0], definitions)
            else:
                entries += entry(rooms[0], name, definitions)
        lines = ["| Name | What it is |", "|---|---|", *rows, "", *entries]
        holder = nodes.container()
        self.state.nested_parse(StringList(lines, "api"), self.content_offset, holder)
        if holder.children and isinstance(holder.children[0], nodes.table):
            holder.children[0]["classes"].append("api-names")
        return holder.children

    def note(self, definitions):
        """The page is read anew when one of these files changes."""
        for definition in definitions:
            self.env.note_dependency(str(path_of(definition.module)))

    def module(self, room, definitions):
        """A module of the room as a namespace: what it is about, and its functions and classes."""
        name = definitions[0].name
        lines = ["", f":::::::{{py:module}} {room}.{name}", ":::::::", ""]
        lines += ["```{py:currentmodule} None", "```", ""]  # names below are whole addresses
        lines += [f"```{{rubric}} {name}", ":class: api-module", "```", ""]
        lines += [*markdown(ast.get_docstring(definitions[0].node) or ""), ""]
        for member in members(definitions[0].module):
            found = [find(definition.module, member) for definition in definitions]
            lines += entry(f"{room}.{name}", member, found)
        return lines


def row(room, name, definition):
    """A row of the table of all names."""
    node = definition.node
    if kind(node) == "data" and not isinstance(node, ast.Module):
        about = comment(definition.module, node) or "A constant."
    else:
        about = first_sentence(ast.get_docstring(node))
    about = re.sub(r"(?<!\\)\|", r"\\|", escaped(about))
    return f"| {{py:obj}}`{name} <{room}.{name}>` | {about} |"


def entry(room, name, definitions):
    """A function, class or constant as lines of MyST."""
    node = definitions[0].node
    word = kind(node)
    if word == "data":
        lines = constant(room, name, definitions)
    else:
        arguments_ = signature(node, definitions[0].module)
        lines = ["", f"::::::{{py:{word}}} {room}.{name}{arguments_}", ""]
        lines += markdown(ast.get_docstring(node) or "")
    if isinstance(node, ast.ClassDef):
        lines += [line for part in fields(node) for line in attribute(definitions[0], part)]
        lines += [line for part in methods(node) for line in method(definitions[0].module, part)]
    places = " ".join(f"{definition.module}:{definition.name}" for definition in definitions)
    return [*lines, "", f"{{api-source}}`{places}`", "::::::"]


def constant(room, name, definitions):
    """A constant, with its value where that is short, or the keys of a table."""
    values = [definition.node.value for definition in definitions]
    texts = list(dict.fromkeys(ast.unparse(value) for value in values))
    lines = ["", f"::::::{{py:data}} {room}.{name}"]
    if len(texts) == 1 and len(texts[0]) <= SHORT:
        lines.append(f":value: {texts[0]}")
    lines.append("")
    if len(texts) > 1 and max(map(len, texts)) <= SHORT:
        lines += [f"{', '.join(f'`{text}`' for text in texts)}, one in each.", ""]
    if len(texts[0]) > SHORT and isinstance(values[0], ast.Dict):
        keys = [ast.unparse(key) for key in values[0].keys if key is not None]
        lines += [f"Its keys: {', '.join(f'`{key}`' for key in keys)}.", ""]
    about = comment(definitions[0].module, definitions[0].node)
    return [*lines, escaped(about)]


def attribute(definition, part):
    """A field that the docstring of its class does not describe already, as lines of MyST."""
    name = part.target.id
    described = re.search(
        rf"^(?:[\w, ]*, )?{name}(?:, [\w, ]*)? {{2,}}\S",
        ast.get_docstring(definition.node) or "",
        re.MULTILINE,
    )
    if described or is_marker(part):
        return []
    lines = ["", f":::::{{py:attribute}} {name}", f":type: {ast.unparse(part.annotation)}"]
    about = escaped(comment(definition.module, part))
    return [*lines, "", about, ":::::"]


def method(module, part):
    """A method or a property as lines of MyST."""
    words = set(decorators(part))
    if words & {"property", "cached_property"}:
        lines = ["", f":::::{{py:property}} {part.name}"]
        if part.returns is not None:
            lines.append(f":type: {ast.unparse(part.returns)}")
    else:
        lines = ["", f":::::{{py:method}} {part.name}{signature(part, module)}"]
        options = {"staticmethod", "classmethod", "abstractmethod"} & words
        lines += [f":{option}:" for option in sorted(options)]
        if isinstance(part, ast.AsyncFunctionDef):
            lines.append(":async:")
    return [*lines, "", *markdown(ast.get_docstring(part)), ":::::"]


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
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
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


def resolve(app, env, node, content):
    """Links a type in a signature to the class of that name, where the reference has just one; a
    type of another package stays as it is.
    """
    if node.get("refdomain") != "py" or node.get("reftype") != "class":
        return None
    last = node["reftarget"].rsplit(".", 1)[-1]
    domain = env.get_domain("py")
    places = [name for name in domain.objects if name.rsplit(".", 1)[-1] == last]
    classes = [name for name in places if domain.objects[name].objtype in ("class", "exception")]
    if len(classes) != 1:
        return content
    target = domain.objects[classes[0]]
    return make_refnode(
        app.builder, node["refdoc"], target.docname, target.node_id, content, classes[0]
    )


def merge(app, env, docnames, other):
    """Bring together what pages read in parallel have noted."""
    env.api_modules = getattr(env, "api_modules", set()) | getattr(other, "api_modules", set())


def setup(app):
    """Register with Sphinx."""
    app.add_directive("api", Api)
    app.add_role("api-source", source_role)
    app.connect("html-collect-pages", source_pages)
    app.connect("missing-reference", resolve)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
