"""The directive `{cell-table}`: the gates of all cells, from the table that the package itself
reads (`rnnlib.core.cells`)."""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from rnnlib.core import cells


def lines():
    """The table in Markdown; the plain cell, which has no gates, is left out."""
    yield "| Cell | Order | Letters |"
    yield "|---|---|---|"
    for row in cells.ROWS:
        if len(row.gates) > 1:
            letters = ", ".join(row.letters) + (f"; {row.about}" if row.about else "")
            yield f"| {row.title} | `{', '.join(row.gates)}` | {letters} |"


class CellTable(SphinxDirective):
    """All cells with gates."""

    def run(self):
        """The nodes of the table; the page is read again when the table has changed."""
        self.env.note_dependency(cells.__file__)
        holder = nodes.container()
        self.state.nested_parse(StringList(list(lines()), source="rnnlib/core/cells.py"), 0, holder)
        return holder.children


def setup(app):
    """Register with Sphinx."""
    app.add_directive("cell-table", CellTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
