"""Show adjacent code cells tagged for different frameworks as one synced tab set.

Cells stay linear in the notebook; only the HTML page gets tabs. Tabs written by hand share the
choice when they say `:sync-group: framework` and `:sync: torch` or `:sync: tensorflow`.
"""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_design.shared import create_component

GROUP = "framework"  # also the URL query: page.html?framework=tensorflow


def framework(node, labels):
    """The framework a node's cell is tagged for, or None."""
    if isinstance(node, nodes.container) and node.get("nb_element") == "cell_code":
        tags = node.get("cell_metadata", {}).get("tags", [])
        return next((tag for tag in labels if tag in tags), None)
    return None


def tab_set(run, labels):
    """A sphinx-design tab set holding the run's cells, one tab a framework."""
    result = create_component("tab-set", classes=["sd-tab-set", "framework-tabs"])
    result.source = run[0][1].source
    result.line = run[0][1].line
    for key, text in labels.items():
        cells = [node for tag, node in run if tag == key]
        if cells:
            label = nodes.rubric(
                text, text, classes=["sd-tab-label"], sync_group=GROUP, sync_id=key
            )
            content = create_component("tab-content", classes=["sd-tab-content"], children=cells)
            result += create_component(
                "tab-item", classes=["sd-tab-item"], selected=False, children=[label, content]
            )
    return result


def grouped(children, labels):
    """The children, each run of framework cells replaced by one tab set."""
    result = []
    run = []
    for child in [*children, None]:
        tag = framework(child, labels)
        if tag:
            run.append((tag, child))
            continue
        if run:
            result.append(tab_set(run, labels))
            run = []
        if child is not None:
            result.append(child)
    return result


class FrameworkTabs(SphinxPostTransform):
    """Replace runs of framework cells in every section."""

    default_priority = 150  # before myst-nb hides inputs (199) and tabs become HTML (200)
    formats = ("html",)

    def run(self, **kwargs):
        """Apply to the document."""
        labels = self.config.framework_tabs
        for parent in [*self.document.findall(nodes.section), self.document]:
            children = grouped(parent.children, labels)
            if len(children) != len(parent.children) or any(
                new is not old for new, old in zip(children, parent.children, strict=True)
            ):
                parent.children = []
                parent.extend(children)


def setup(app):
    """Register with Sphinx."""
    app.setup_extension("sphinx_design")
    app.add_config_value("framework_tabs", {"torch": "PyTorch", "tensorflow": "TensorFlow"}, "env")
    app.add_post_transform(FrameworkTabs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
