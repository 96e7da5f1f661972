"""The directive `{parts}` and the role `{chapter}`: chapters by name, linked as far as they exist.

Both read book/_parts.yml, the plan of the book: a list of parts, each with `part`, `about` and
`chapters` (slug: title). {chapter}`lstm` gives the title, as a link once the table of contents has
the chapter. Nothing else needs to change when a chapter arrives.
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective, SphinxRole


def numeral(number):
    """A whole number from 1 to 39 as a Roman numeral."""
    tens, ones = divmod(number, 10)
    units = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    return "X" * tens + units[ones]


def chapter(env, slug, title):
    """A chapter's title, as a link if the chapter exists."""
    name = f"notebooks/{slug}"
    if name not in env.found_docs:
        return nodes.inline(title, title, classes=["planned"])
    link = pending_xref(
        "",
        refdomain="std",
        reftype="doc",
        reftarget=f"/{name}",
        refexplicit=True,
        refdoc=env.docname,
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


def plan(env):
    """The parts of the book; the page that asks depends on the plan and on the table of
    contents.
    """
    source = Path(env.srcdir) / "book/_parts.yml"
    env.note_dependency(str(source))
    env.note_dependency(str(Path(env.srcdir) / "_toc.yml"))
    return yaml.safe_load(source.read_text(encoding="utf-8"))


class Chapter(SphinxRole):
    """A chapter of the plan by its slug."""

    def run(self):
        """The nodes, and no message unless the plan has no such chapter."""
        titles = {
            slug: title for entry in plan(self.env) for slug, title in entry["chapters"].items()
        }
        if self.text in titles:
            return [chapter(self.env, self.text, titles[self.text])], []
        message = self.inliner.reporter.error(
            f"no chapter {self.text!r} in book/_parts.yml", line=self.lineno
        )
        return [nodes.problematic(self.rawtext, self.rawtext)], [message]


class Parts(SphinxDirective):
    """The parts of the book, as a grid."""

    def run(self):
        """The nodes."""
        result = nodes.container(classes=["book-parts"])
        for number, entry in enumerate(plan(self.env), start=1):
            result += part(self.env, numeral(number), entry)
        return [result]


def setup(app):
    """Register with Sphinx."""
    app.add_directive("parts", Parts)
    app.add_role("chapter", Chapter())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
