"""The directive `{parts}`: the plan of the book, linked as far as its chapters exist.

It reads book/_parts.yml, a list of parts, each with `part`, `about` and `chapters` (slug: title), and
links a chapter when the table of contents has it. Nothing else needs to change when a chapter arrives.
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective

NUMERALS = ("I", "II", "III", "IV", "V", "VI")


def chapter(env, slug, title):
    """A chapter's title, as a link if the chapter exists."""
    name = f"notebooks/{slug}"
    if name not in env.found_docs:
        return nodes.inline(title, title, classes=["planned"])
    link = pending_xref(
        "", refdomain="std", reftype="doc", reftarget=f"/{name}", refexplicit=True, refdoc=env.docname
    )
    link += nodes.inline(title, title)
    return link


def part(env, number, entry):
    """One part: its name, what it is about, its chapters."""
    result = nodes.container(classes=["book-part"])
    result += nodes.paragraph(
        "", "", nodes.strong("", f"{number} · {entry['part']}"), classes=["book-part-name"]
    )
    result += nodes.paragraph(entry["about"], entry["about"], classes=["book-part-about"])
    line = nodes.paragraph(classes=["book-part-chapters"])
    for slug, title in entry["chapters"].items():
        if len(line):
            line += nodes.Text(" · ")
        line += chapter(env, slug, title)
    result += line
    return result


class Parts(SphinxDirective):
    """The parts of the book, as a grid."""

    def run(self):
        """The nodes."""
        plan = Path(self.env.srcdir) / "book/_parts.yml"
        self.env.note_dependency(str(plan))
        self.env.note_dependency(str(Path(self.env.srcdir) / "_toc.yml"))
        result = nodes.container(classes=["book-parts"])
        entries = yaml.safe_load(plan.read_text("utf8"))
        for number, entry in zip(NUMERALS, entries, strict=True):
            result += part(self.env, number, entry)
        return [result]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("parts", Parts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
