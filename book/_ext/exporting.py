"""The directive `{exports}`: what exporters make of each engine, from book/api/exports.json, which
tests/frameworks/test_exports.py holds against the exporters themselves."""

import json
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

FACTS = Path(__file__).resolve().parents[1] / "api" / "exports.json"


def lines(facts):
    """The table in Markdown, and below it what its words mean."""
    engines = facts["engines"]
    heads = ["`None`" if engine == "None" else f'`"{engine}"`' for engine in engines]
    yield "| Exporter | " + " | ".join(heads) + " | What works instead |"
    yield "|---" * (len(engines) + 2) + "|"
    for row in facts["rows"]:
        name, _, option = row["exporter"].partition(", ")
        cells = [f"`{name}`" + (f" `{option}`" if option else "")]
        cells += [row["outcome"][engine] for engine in engines]
        yield "| " + " | ".join([*cells, row["instead"]]) + " |"
    for word, meaning in facts["outcomes"].items():
        yield ""
        yield word
        yield f": {meaning}"


class Exports(SphinxDirective):
    """Engines times exporters."""

    def run(self):
        """The nodes of the table; the page is read again when the facts change."""
        self.env.note_dependency(str(FACTS))
        facts = json.loads(FACTS.read_text(encoding="utf-8"))
        holder = nodes.container()
        text = StringList(list(lines(facts)), source="book/api/exports.json")
        self.state.nested_parse(text, 0, holder)
        return holder.children


def setup(app):
    """Register with Sphinx."""
    app.add_directive("exports", Exports)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
