"""Offer a chapter as notebook and as text.

The build copies the file it read, NAME.ipynb; its pair NAME.md is what people edit and review, so
it is copied beside it. Templates get `downloads`, a list of (label, address of the file below the
site's root).
"""

from pathlib import Path
from shutil import copy2


def offered(app, pagename):
    """The (label, path below _sources) pairs a page offers."""
    if pagename not in app.env.all_docs:
        return []
    source = Path(app.env.doc2path(pagename))
    if source.suffix != ".ipynb":
        return [("Text (.md)", f"{pagename}{source.suffix}")]
    pair = source.with_suffix(".md")
    if pair.exists():
        text = [("Text (.md)", f"{pagename}.md")]
    else:
        text = []
    return [("Notebook (.ipynb)", f"{pagename}.ipynb"), *text]


def add_downloads(app, pagename, templatename, context, doctree):
    """Copy the text of a notebook and tell the template."""
    if app.builder.format != "html":
        return
    context["downloads"] = [(label, f"_sources/{path}") for label, path in offered(app, pagename)]
    for _, path in context["downloads"]:
        source = Path(app.srcdir) / Path(path).relative_to("_sources")
        target = Path(app.outdir) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(source, target)


def setup(app):
    """Register with Sphinx."""
    app.connect("html-page-context", add_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
