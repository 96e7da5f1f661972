"""What the pages add to notebook cells.

A paragraph of italics right after a cell that draws a figure is that figure's caption and, as plain
text, the image's alternative text. A cell whose input is hidden is a check, or draws a figure, and
its bar says which.
"""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

CHECK = "Check"
DRAWN = "How this figure is drawn"


def is_cell(node):
    """Whether a node is a code cell with its outputs."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def caption_of(cell):
    """The paragraph after the cell if it is all italics, else None."""
    after = cell.next_node(descend=False, siblings=True, ascend=False)
    if (
        isinstance(after, nodes.paragraph)
        and len(after) == 1
        and isinstance(after[0], nodes.emphasis)
    ):
        return after
    return None


class Captions(SphinxPostTransform):
    """Mark captions, give images their alternative text and pairs of sources the width they
    need.
    """

    default_priority = 140  # after myst-nb selected the outputs (4), before tabs move cells (150)
    formats = ("html",)

    def run(self, **kwargs):
        """Apply to the document."""
        for cell in self.document.findall(is_cell):
            if any("rnn-twins" in raw.astext() for raw in cell.findall(nodes.raw)):
                # two sources side by side may use the margin
                cell["classes"].append("tag_full-width")
            images = list(cell.findall(nodes.image))
            if images:
                caption = caption_of(cell)
            else:
                caption = None
            if caption is not None:
                caption["classes"].append("cell-caption")
            for image in images:
                image.setdefault("alt", caption.astext() if caption is not None else "")


class HiddenInputs(SphinxPostTransform):
    """Say on the bar of a hidden input what it hides."""

    default_priority = 145  # before myst-nb writes the bar (199)
    formats = ("html",)

    def run(self, **kwargs):
        """Apply to the document."""
        for cell in self.document.findall(is_cell):
            if cell.get("hide_mode") != "input":
                continue
            drawn = next(cell.findall(nodes.image), None) is not None
            cell["classes"].append("drawn-cell" if drawn else "check-cell")
            cell["prompt_show"] = cell["prompt_hide"] = DRAWN if drawn else CHECK


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(Captions)
    app.add_post_transform(HiddenInputs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
